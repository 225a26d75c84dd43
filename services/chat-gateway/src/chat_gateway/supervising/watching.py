"""Supervisors who listen: let in by the chart, recorded when they begin and when they end, and out when they are above no more."""

import asyncio
from dataclasses import dataclass, field
from typing import Protocol
from uuid import UUID

from chat_gateway.answering.notes import NoteBoard
from chat_gateway.errors import NotInThisStateError, NotYourSessionError, UnknownSessionError
from chat_gateway.gate import Caller, Gate
from chat_gateway.model import Participant, Status
from chat_gateway.supervising import chart
from chat_gateway.turns import StepIn
from chat_gateway.use_cases import Chat, LetIn, Part
from chat_gateway.views import is_entitled
from common.access import Reach
from common.auth import Principal
from common.clock import Clock, rfc3339
from common.database import Database
from common.errors import MunimentError
from common.ids import new_id
from common.messaging.consumer import is_outage
from common.protection.service_keys import ServiceKeys
from common.telemetry import get_logger

ENDED = "session.unmonitor"
log = get_logger("watching")


class Watcher(Protocol):
    """The connection of a supervisor who listens."""

    def shut_out(self, watch: "Watch", /) -> None:
        """They may not listen any more."""


@dataclass(eq=False, slots=True)
class Watch:
    """One supervisor listens to one conversation of one employee.

    Attributes:
        part: as whom they hear: a participant in name only, who stands in no roster, and whose id is the watch's.
        agent: the employee who is listened to, as a participant.
    """

    part: Part
    agent: Participant
    caller: Caller
    purpose: str
    watcher: Watcher = field(repr=False)

    @property
    def session_id(self) -> UUID:
        return self.part.live.state.id


class Watches:
    """Everybody who listens in this process.

    Args:
        shown: whether the employee is told (the agency decides it; agreements with unions may ask for it).
        seconds: how often it is looked whether each is still above.
    """

    def __init__(
        self,
        chat: Chat,
        gate: Gate,
        notes: NoteBoard,
        *,
        keys: ServiceKeys,
        database: Database,
        clock: Clock,
        shown: bool,
        seconds: float,
    ) -> None:
        self._chat = chat
        self._gate = gate
        self.notes = notes
        self._keys = keys
        self._database = database
        self._clock = clock
        self._shown = shown
        self._seconds = seconds
        self._watches: set[Watch] = set()
        self._unrecorded: list[Watch] = []
        self._recording = asyncio.Lock()

    async def begin(self, letting: LetIn, caller: Caller, session_id: UUID, purpose: str, watcher: Watcher) -> Watch:
        """Listen to a conversation of an employee below.

        Raises:
            UnknownSessionError, NotYourSessionError: there is none, nobody has it, or its employee is not below.
        """
        live = await self._chat.sessions.find(session_id)
        if live is None:
            raise UnknownSessionError
        agent, who = live.state.owner, self._chat.employee(letting.principal)
        part = Part(live, _supervisor(who), is_entitled(letting.principal))
        below = agent is not None and live.state.status is Status.ACTIVE and await self._is_above(who, agent)
        if not letting.covers(Reach(subordinate=below)) or agent is None:
            raise NotYourSessionError
        watch = Watch(part, agent, caller, purpose, watcher)
        self._watches.add(watch)
        await self._tell_agent(watch, "began")
        return watch

    async def step_in(self, watch: Watch) -> Part:
        """Join the conversation for everybody to see; who has joined before just goes on.

        Raises:
            NotInThisStateError: they had it themselves as its employee, or nobody has it now.
        """
        live, who = watch.part.live, watch.part.participant
        mine = live.state.participants.get(who.principal_id)
        if mine is None:
            mine = _renamed(who, str(new_id()), rfc3339(self._clock.now()))
            await self._chat.store(live, StepIn(mine, str(new_id())))
        elif mine.role != "supervisor":
            raise NotInThisStateError("you took part in this conversation as its employee")
        return Part(live, mine, watch.part.entitled, supervises=watch.agent.id)

    def may_listen(self, principal: Principal, purpose: str) -> bool:
        """Whether the table lets them, for this purpose."""
        try:
            self._gate.ask("session.monitor", principal, purpose)
        except MunimentError:
            return False
        return True

    def end(self, watch: Watch) -> None:
        """They listen no more; it is recorded within a moment."""
        if watch in self._watches:
            self._watches.discard(watch)
            self._unrecorded.append(watch)

    async def run(self) -> None:
        """Record who ended, and end who is above no more, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("watching.engine_out_of_reach", error=type(error).__name__)

    async def look(self) -> None:
        for watch in tuple(self._watches):
            if not await self._is_above(watch.part.participant, watch.agent):
                self.end(watch)
                watch.watcher.shut_out(watch)
        await self.record_ends()

    async def record_ends(self) -> None:
        """Write down who listens no more, each once: whoever ends a watch asks for it, and so does every look."""
        async with self._recording:
            while self._unrecorded:
                watch = self._unrecorded[0]
                await self._gate.record(
                    ENDED, watch.caller, [str(watch.session_id), watch.part.participant.id], watch.purpose
                )
                await self._tell_agent(watch, "ended")
                self._unrecorded.remove(watch)

    async def _is_above(self, supervisor: Participant, agent: Participant) -> bool:
        keys = await self._keys.ready()
        async with self._database.reading() as session:
            return await chart.is_above(session, keys, supervisor.pin, agent.pin, self._clock.now().date())

    async def _tell_agent(self, watch: Watch, state: str) -> None:
        if self._shown:
            told = await self.notes.say(
                watch.part, to=watch.agent, sort="monitored", client_id=str(new_id()), text=state
            )
            await self.notes.announce(told)


def _supervisor(who: Participant) -> Participant:
    return Participant(
        who.id, who.principal_id, "supervisor", who.display_name, who.joined_at, who.pin, who.office, who.region
    )


def _renamed(who: Participant, own_id: str, joined_at: str) -> Participant:
    return Participant(own_id, who.principal_id, who.role, who.display_name, joined_at, who.pin, who.office, who.region)
