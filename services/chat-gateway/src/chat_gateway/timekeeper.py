"""What happens by itself: assigning who waits, and everything that time does. Each process runs one, and any may act.

What is due stands in the database, so a restart forgets nothing; rows are locked or claimed before they are acted on, so two
processes do not do the same; and what becomes an entry is checked against the session once more when it gets its number, so
a look that came too late changes nothing.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy.exc import DBAPIError

from chat_gateway import assignments, attendance, frames, placements
from chat_gateway.desk_schemas import DeskFrame, OfferFrame, OfferGone
from chat_gateway.errors import NotInThisStateError, SessionClosedError, UnknownSessionError, UnknownTopicError
from chat_gateway.floor import Floor
from chat_gateway.journal import OutOfReachError
from chat_gateway.model import Close, Contribution, Status
from chat_gateway.placements import Placement
from chat_gateway.queueing import Queueing
from chat_gateway.rerouting import Rerouting
from chat_gateway.routing.matching import Agent, Rule, Waiting, choose
from chat_gateway.routing.ownership import Stage
from chat_gateway.routing.quiet import Due
from chat_gateway.serving import Topics
from chat_gateway.sessions import LiveSession
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.turns import Resume, Return, Warn, system
from chat_gateway.use_cases import Chat
from common.clock import Clock
from common.database import Database, WriteSession
from common.errors import MunimentError
from common.ids import new_id
from common.messaging.consumer import is_outage
from common.protection.errors import KeyDestroyedError
from common.telemetry import get_logger

AGAIN_SECONDS = 30.0
"""How long a claimed look is left alone: if its process dies, another one looks after that."""

REFRESH_SECONDS = 10.0
REST = 3.0
"""After a look, for each second that it took: a process looks at most a quarter of its time."""

OFFERS = Counter("muniment_chat_offers_total", "Conversations offered to an employee")
LAPSED = Counter("muniment_chat_offers_lapsed_total", "Offers that were not answered in time")

log = get_logger("timekeeper")


class Timekeeper:
    """Args:
    floor: employees who are connected here.
    queueing: tells waiting customers their place.
    """

    def __init__(
        self,
        chat: Chat,
        topics: Topics,
        queueing: Queueing,
        *,
        database: Database,
        floor: Floor,
        settings: ChatGatewaySettings,
        clock: Clock,
    ) -> None:
        self._chat = chat
        self._topics = topics
        self._queueing = queueing
        self._database = database
        self._floor = floor
        self._settings = settings
        self._clock = clock
        self._rerouting = Rerouting(topics, desk_seconds=settings.desk_seconds)
        self._told: dict[tuple[str, UUID], datetime] = {}
        self._refreshed: datetime | None = None
        self._were_here: set[object] = set()
        self._failing = ""

    async def run(self) -> None:
        """Look every second, and as soon as the last look lets it when the bell rings, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._floor.bell.wait(), self._settings.routing_seconds)
            self._floor.bell.clear()
            began = loop.time()
            try:
                await self.look()
                self._failing = ""
            except Exception as error:  # noqa: BLE001 - without it nobody would be served any more: it tries again
                self._say(error)
                await asyncio.sleep(self._settings.routing_seconds)
            # A look costs as much as people wait: where many come at once the bell would ring without end.
            await asyncio.sleep(min(REST * (loop.time() - began), self._settings.routing_seconds))

    def _say(self, error: Exception) -> None:
        """Log a failure, once until something else happens."""
        if self._failing != type(error).__name__:
            self._failing = type(error).__name__
            # A server that starts, stops or is closed says so in many ways; it refuses no look of ours for its content.
            if is_outage(error) or isinstance(error, DBAPIError):
                log.warning("timekeeper.database_out_of_reach", error=self._failing)
            else:
                log.error("timekeeper.failed", exc_info=error)

    async def look(self) -> None:
        """One look at everything."""
        now = self._clock.now()
        await self._refresh(now)
        await self._lapse(now)
        await self._assign(now)
        for live, contribution in await self._due(now):
            await self._contribute(live, contribution)
        await self._tell_offers()
        await self._queueing.tell(now)

    async def _refresh(self, now: datetime) -> None:
        """Say who is here: employees by their connections, waiting customers by theirs."""
        agents, waiting = self._floor.agents(), self._queueing.present()
        here: set[object] = {*agents, *waiting}
        fresh = self._refreshed is not None and now - self._refreshed < timedelta(seconds=REFRESH_SECONDS)
        if fresh:  # who was here was said; each newcomer would cost as much as all who wait
            agents = [one for one in agents if one not in self._were_here]
            waiting = [one for one in waiting if one not in self._were_here]
        if agents or waiting:
            async with self._database.unit_of_work() as session:
                if agents:
                    gone = now - timedelta(seconds=self._settings.desk_seconds)
                    await attendance.seen(session, agents, now, gone_since=gone)
                if waiting:
                    await placements.present(session, waiting, now)
        self._were_here = self._were_here | here if fresh else here
        self._refreshed = self._refreshed if fresh else now

    async def _lapse(self, now: datetime) -> None:
        """Take back what was not answered. Whoever let an offer from the queue pass takes no more until they say so."""
        silent: list[str] = []
        async with self._database.unit_of_work() as session:
            for placement in await placements.lapsed(session, now):
                agent = placement.ownership.asked or ""
                await placements.keep(session, placement, placement.ownership.lapse(now))
                await assignments.settle(session, placement.session_id, agent, "lapsed", now=now)
                LAPSED.inc()
                if placement.ownership.stage is Stage.OFFERED:
                    silent.append(agent)
            if silent:
                await attendance.away(session, silent)
        for agent in silent:
            self._floor.tell(agent, frames.write(DeskFrame(available=False, why="did-not-answer")))

    async def _assign(self, now: datetime) -> None:
        """Offer what waits to who is free, in the order of the queue."""
        async with self._database.unit_of_work() as session:
            if not await placements.try_turn(session):
                return
            if not await placements.anybody_waits(session):
                return
            await self._rerouting.look(session, now)
            desks = await attendance.desks(session, now - timedelta(seconds=self._settings.desk_seconds))
            if not any(d.available and d.load < d.capacity for d in desks):
                return  # the queue is not read for nothing: it is longest where everybody is busy
            waiting = [p for p in await placements.queue(session) if p.ownership.stage is Stage.WAITING]
            await self._offer_each(session, waiting, desks, now)

    async def _offer_each(
        self, session: WriteSession, waiting: Sequence[Placement], desks: Sequence[Agent], now: datetime
    ) -> None:
        lately = now - timedelta(seconds=self._settings.refusal_seconds)
        refusals = await assignments.refusals(session, [p.session_id for p in waiting], lately)
        agents = {d.id: d for d in desks}
        until = now + timedelta(seconds=self._settings.offer_seconds)
        for placement in waiting:
            if not self._is_there(placement, now):
                continue
            asks = Waiting(
                placement.session_id,
                placement.topic,
                placement.language,
                placement.ownership.since,
                placement.priority,
                refusals.get(placement.session_id, ()),
            )
            try:
                need = self._topics.need(placement.topic, placement.step)
            except UnknownTopicError:
                continue  # retired meanwhile: an employee picks it by hand, or gives it another topic
            choice = choose(asks, need, list(agents.values()), Rule(self._settings.routing_rule))
            if choice.chosen is not None:
                # One at a time: the next choice has to see this one.
                await assignments.offer(session, placement, asks, choice, until=until, now=now)
                agents[choice.chosen] = _with_one_more(agents[choice.chosen], now)
                OFFERS.inc()

    def _is_there(self, placement: Placement, now: datetime) -> bool:
        """A dropped line keeps its seat and is served when it is back; a message that was left is served as it is."""
        lost = now - timedelta(seconds=self._settings.desk_seconds)
        return placement.left_message or placement.seen_at > lost

    async def _due(self, now: datetime) -> list[tuple[LiveSession, Contribution]]:
        """Claim what time may have changed, and say what it leads to."""
        settings = self._settings
        async with self._database.unit_of_work() as session:
            looked = await placements.due(session, now, again_at=now + timedelta(seconds=AGAIN_SECONDS))
            deserted = await placements.deserted(session, now - timedelta(seconds=settings.owner_lost_seconds))
            given_up = await placements.given_up(session, now - timedelta(seconds=settings.seat_seconds))
        found: list[tuple[LiveSession, Contribution]] = []
        for session_id in looked:
            live = await self._find(session_id)
            if live is not None and (contribution := await self._by_time(live, now)) is not None:
                found.append((live, contribution))
        for session_id, owner in deserted:
            live = await self._find(session_id)
            who = live.state.participants.get(owner) if live else None
            if live is not None and who is not None:
                topic = live.state.situation.topic
                found.append((live, Return(system(live.state.key), str(new_id()), "line-lost", topic, who.id)))
        for session_id in given_up:
            if (live := await self._find(session_id)) is not None:
                who = system(live.state.key)
                found.append((live, Close(who, str(new_id()), "abandoned", only_waiting=True)))
        return found

    async def _by_time(self, live: LiveSession, now: datetime) -> Contribution | None:
        """What is due in a session that somebody has; None when nothing is yet, and then it is looked at later."""
        state, patience = live.state, self._settings.patience
        until = state.situation.held_until
        if until is not None and until <= now:
            return Resume(system(state.key), str(new_id()))
        due = state.quiet.next(patience)
        if state.situation.status is not Status.ACTIVE or (until is None and due is None):
            when = None if state.situation.status is not Status.ACTIVE else now + patience.silence
        else:
            when = until or (due[1] if due else None)
        if until is None and due is not None and due[1] <= now:
            if due[0] is Due.CLOSE:
                return Close(system(state.key), str(new_id()), "inactive", patience)
            left = state.quiet.left(patience)
            return Warn(system(state.key), str(new_id()), now + patience.warning, left, patience)
        async with self._database.unit_of_work() as session:
            await placements.look_at(session, state.id, when)
        return None

    async def _find(self, session_id: UUID) -> LiveSession | None:
        with contextlib.suppress(KeyDestroyedError, OutOfReachError):
            return await self._chat.sessions.find(session_id)
        return None

    async def _contribute(self, live: LiveSession, contribution: Contribution) -> None:
        try:
            await self._chat.store(live, contribution)
        except (NotInThisStateError, UnknownSessionError, SessionClosedError):
            pass  # somebody spoke, came back or acted in the same moment: that counts
        except MunimentError as error:
            log.warning("timekeeper.not_stored", kind=contribution.kind.value, error=error.kind)

    async def _tell_offers(self) -> None:
        """Show employees here what they are asked to take, and what they are not asked any more."""
        here, newcomers = self._floor.agents(), self._floor.newcomers()
        if not here and not self._told:
            return
        async with self._database.reading() as session:
            asked = {(p.ownership.asked or "", p.session_id): p for p in await placements.asked(session, here)}
        for (agent, session_id), until in list(self._told.items()):
            placement = asked.get((agent, session_id))
            if placement is None or placement.ownership.until != until:
                del self._told[agent, session_id]
                if placement is None:
                    self._floor.tell(agent, frames.write(OfferGone(session_id=str(session_id))))
        told: set[tuple[str, UUID]] = set()
        for (agent, session_id), placement in asked.items():
            if (agent, session_id) not in self._told and placement.ownership.until is not None:
                self._told[agent, session_id] = placement.ownership.until
                told.add((agent, session_id))
                self._floor.tell(agent, frames.write(offer_frame(placement, self._clock.now())))
        # Whoever comes back, or sits at a second screen, sees what is asked of them as well.
        for newcomer, connection in newcomers:
            for (agent, session_id), placement in asked.items():
                if agent == newcomer and (agent, session_id) not in told:
                    connection.tell(frames.write(offer_frame(placement, self._clock.now())))


def offer_frame(placement: Placement, now: datetime) -> OfferFrame:
    return OfferFrame(
        session_id=str(placement.session_id),
        how="queue" if placement.ownership.stage is Stage.OFFERED else "transfer",
        topic=placement.topic,
        language=placement.language,
        priority=placement.priority,
        waited_seconds=int((now - placement.queued_at).total_seconds()),
        until=placement.ownership.until or now,
    )


def _with_one_more(agent: Agent, now: datetime) -> Agent:
    return Agent(
        agent.id, agent.designations, agent.languages, agent.office, agent.capacity, agent.load + 1,
        available=agent.available, last_assigned=now,
    )  # fmt: skip
