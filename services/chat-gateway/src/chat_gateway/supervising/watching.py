"""Supervisors who listen: let in by the chart, recorded when they begin and when they end, and out when they are above no more."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from chat_gateway.answering.notes import NoteBoard
from chat_gateway.errors import NotInThisStateError, NotYourSessionError, UnknownSessionError
from chat_gateway.gate import FIELDS, Caller
from chat_gateway.model import Participant, Status
from chat_gateway.supervising import chart, register
from chat_gateway.supervising.register import Kept
from chat_gateway.turns import StepIn
from chat_gateway.use_cases import Chat, LetIn, Part
from chat_gateway.views import is_entitled
from common import audit
from common.access import PERMISSIONS, Reach, admit
from common.audit import AuditEvent
from common.auth import Principal
from common.clock import Clock, rfc3339
from common.database import Database
from common.errors import MunimentError
from common.ids import new_id
from common.messaging.consumer import is_outage
from common.protection.errors import KeyDestroyedError
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
        entered: they take part for everybody to see.
    """

    part: Part
    agent: Participant
    caller: Caller
    purpose: str
    entered: bool = False
    watcher: Watcher | None = field(default=None, repr=False)

    @property
    def session_id(self) -> UUID:
        return self.part.live.state.id

    @property
    def id(self) -> UUID:
        return UUID(self.part.participant.id)


class Watches:
    """Everybody who listens. Each watch stands in the database; here are those that this process hears.

    Args:
        shown: whether the employee is told (the agency decides it; agreements with unions may ask for it).
        seconds: how often it is looked whether each is still above.
        unheard: after so long without anybody who hears it a watch has ended.
    """

    def __init__(
        self,
        chat: Chat,
        notes: NoteBoard,
        *,
        keys: ServiceKeys,
        database: Database,
        clock: Clock,
        shown: bool,
        seconds: float,
        unheard: timedelta,
    ) -> None:
        self._chat = chat
        self.notes = notes
        self._keys = keys
        self._database = database
        self._clock = clock
        self._shown = shown
        self._seconds = seconds
        self._unheard = unheard
        self._watches: set[Watch] = set()
        self._unrecorded: list[Watch] = []
        self._recording = asyncio.Lock()
        chat.supervisors = self

    async def begin(self, letting: LetIn, caller: Caller, session_id: UUID, purpose: str) -> Watch:
        """Listen to a conversation of an employee below. It ends with `end`, or when nobody hears it for long.

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
        watch = Watch(part, agent, caller, purpose)
        kept = Kept(watch.id, session_id, agent.id, letting.principal.id, purpose, caller.terminal, entered=False)
        async with self._database.unit_of_work() as session:
            await register.add(session, kept, self._clock.now())
        await self._tell_agent(watch, "began")
        return watch

    async def find(self, letting: LetIn, caller: Caller, session_id: UUID, purpose: str = "") -> Watch:
        """The watch of this caller in this session, begun here or elsewhere, for this purpose or for any.

        Raises:
            UnknownSessionError: they do not listen to it, or may not any more.
        """
        principal = letting.principal
        async with self._database.reading() as session:
            kept = await register.living(session, session_id, principal.id, purpose)
        live = await self._chat.sessions.find(session_id) if kept is not None else None
        if kept is None or live is None:
            raise UnknownSessionError
        agent, who = live.state.owner, self._chat.employee(principal)
        with_them = agent is not None and agent.id == kept.agent_id and live.state.status is Status.ACTIVE
        if agent is None or not with_them or not await self._is_above(who, agent):
            raise UnknownSessionError
        if not letting.covers(Reach(subordinate=True, own=True)):
            raise UnknownSessionError
        hears = _supervisor(_renamed(who, str(kept.id), who.joined_at))
        part = Part(live, hears, is_entitled(principal), supervises=agent.id)
        return Watch(part, agent, caller, kept.purpose, kept.entered)

    async def entered(self, letting: LetIn, session_id: UUID) -> Part:
        """The part of a supervisor who stepped in and listens still.

        Raises:
            UnknownSessionError: they do not.
        """
        watch = await self.find(letting, Caller(letting.principal, ""), session_id)
        mine = watch.part.live.state.participants.get(letting.principal.id)
        if not watch.entered or mine is None:
            raise UnknownSessionError
        return Part(watch.part.live, mine, watch.part.entitled, supervises=watch.agent.id)

    def may_listen(self, principal: Principal, purpose: str) -> bool:
        """Whether the table lets them now, for this purpose."""
        return may_listen(principal, purpose, self._clock.now())

    def hear(self, watch: Watch, watcher: Watcher) -> None:
        """Somebody hears it here: they are told when they may not any more."""
        watch.watcher = watcher
        self._watches.add(watch)

    def unhear(self, watch: Watch) -> None:
        """Nobody hears it here any more; it goes on where it is heard again soon."""
        self._watches.discard(watch)

    async def renew(self, watch: Watch) -> None:
        """Somebody hears it now."""
        async with self._database.unit_of_work() as session:
            await register.seen(session, [watch.id], self._clock.now())

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
        async with self._database.unit_of_work() as session:
            await register.entered(session, watch.id, self._clock.now())
        return Part(live, mine, watch.part.entitled, supervises=watch.agent.id)

    def end(self, watch: Watch) -> None:
        """They listen no more; it is recorded within a moment."""
        self._watches.discard(watch)
        if watch not in self._unrecorded:
            self._unrecorded.append(watch)

    async def end_recorded(self, watch: Watch) -> None:
        """End a watch whose end the caller records."""
        async with self._database.unit_of_work() as session:
            first = await register.end(session, watch.id, self._clock.now())
        if first:
            await self._tell_agent(watch, "ended")

    async def run(self) -> None:
        """Record who ended, and end who is above no more or is heard by nobody, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("watching.engine_out_of_reach", error=type(error).__name__)

    async def look(self) -> None:
        await self.record_ends()
        await self._keep_alive()
        for watch in tuple(self._watches):
            stays = self.may_listen(watch.caller.principal, watch.purpose)
            if not stays or not await self._is_above(watch.part.participant, watch.agent):
                self._shut_out(watch)
        await self.record_ends()
        await self._end_unheard()

    def _shut_out(self, watch: Watch) -> None:
        watcher = watch.watcher
        self.end(watch)
        if watcher is not None:
            watcher.shut_out(watch)

    async def _keep_alive(self) -> None:
        """Say which are heard here, and find those that were ended elsewhere."""
        heard = tuple(self._watches)
        if not heard:
            return
        async with self._database.unit_of_work() as session:
            alive = await register.seen(session, [watch.id for watch in heard], self._clock.now())
        for watch in heard:
            if watch.id not in alive:
                self._shut_out(watch)

    async def _end_unheard(self) -> None:
        """A process that was killed recorded no end: it is recorded here, when nobody has heard the watch for long."""
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            ended = await register.end_unheard(session, now - self._unheard, now)
            for kept in ended:
                who = Principal(kept.supervisor, frozenset({"supervisor"}), {}, 0)
                await audit.record(
                    session, _ending(who, kept.terminal, kept.session_id, kept.id, kept.purpose), now=now
                )
        for kept in ended:
            log.warning("watching.ended_unheard", watch_id=str(kept.id))
            await self._tell_unheard(kept)

    async def record_ends(self) -> None:
        """Write down who listens no more, each once."""
        async with self._recording:
            while self._unrecorded:
                watch, now = self._unrecorded[0], self._clock.now()
                caller = watch.caller
                event = _ending(caller.principal, caller.terminal, watch.session_id, watch.id, watch.purpose)
                async with self._database.unit_of_work() as session:
                    first = await register.end(session, watch.id, now)
                    if first:
                        await audit.record(session, event, now=now)
                if first:
                    await self._tell_agent(watch, "ended")
                self._unrecorded.remove(watch)

    async def _is_above(self, supervisor: Participant, agent: Participant) -> bool:
        keys = await self._keys.ready()
        async with self._database.reading() as session:
            return await chart.is_above(session, keys, supervisor.pin, agent.pin, self._clock.now().date())

    async def _tell_unheard(self, kept: Kept) -> None:
        """Tell the employee, as far as the session can still be read."""
        with contextlib.suppress(KeyDestroyedError):
            live = await self._chat.sessions.find(kept.session_id) if self._shown else None
            agents = live.state.participants.values() if live else ()
            agent = next((p for p in agents if p.id == kept.agent_id), None)
            if live is not None and agent is not None:
                hears = Participant(str(kept.id), kept.supervisor, "supervisor", "", "")
                caller = Caller(Principal(kept.supervisor, frozenset({"supervisor"}), {}, 0), kept.terminal)
                await self._tell_agent(Watch(Part(live, hears), agent, caller, kept.purpose), "ended")

    async def _tell_agent(self, watch: Watch, state: str) -> None:
        if self._shown:
            told = await self.notes.say(
                watch.part, to=watch.agent, sort="monitored", client_id=str(new_id()), text=state
            )
            await self.notes.announce(told)


def may_listen(principal: Principal, purpose: str, now: datetime) -> bool:
    """Whether the table lets them, for this purpose."""
    try:
        admit(PERMISSIONS.rows["session.monitor"], principal, stated=purpose, now=now)
    except MunimentError:
        return False
    return True


def _ending(who: Principal, terminal: str, session_id: UUID, watch_id: UUID, purpose: str) -> AuditEvent:
    touched = [str(session_id), str(watch_id)]
    return AuditEvent(who, terminal, ENDED, "done", record_ids=touched, fields=FIELDS, purpose=purpose)


def _supervisor(who: Participant) -> Participant:
    return Participant(
        who.id, who.principal_id, "supervisor", who.display_name, who.joined_at, who.pin, who.office, who.region
    )


def _renamed(who: Participant, own_id: str, joined_at: str) -> Participant:
    return Participant(own_id, who.principal_id, who.role, who.display_name, joined_at, who.pin, who.office, who.region)
