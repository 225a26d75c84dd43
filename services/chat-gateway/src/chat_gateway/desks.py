"""What employees do at their desks: be there or not, take what is offered, hand on, hold; and what a waiting person may do."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from chat_gateway import assignments, attendance, placements
from chat_gateway.errors import (
    NotInThisStateError,
    NotYourSessionError,
    UnknownSessionError,
)
from chat_gateway.floor import Floor
from chat_gateway.model import Contribution, Join
from chat_gateway.placements import Placement
from chat_gateway.routing.matching import DEFAULT_LANGUAGE, Agent, Waiting, why_not
from chat_gateway.routing.ownership import Stage
from chat_gateway.serving import Topics, agent_of
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.turns import Extend, Hold, Resume, Return, Transfer
from chat_gateway.use_cases import Chat, LetIn, Part
from chat_gateway.views import is_entitled
from common.auth import Principal
from common.clock import Clock
from common.contracts.chat import TransferReason
from common.database import Database, WriteSession
from common.ids import new_id

TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True)
class Target:
    """A colleague to whom a session could be handed."""

    agent: str
    office: str
    load: int
    capacity: int


@dataclass(frozen=True, slots=True)
class KeptPlace:
    """A place in the queue that its holder may come back to, once."""

    token: str
    valid_until: datetime


class Desks:
    """Everything that a connection or a route asks for in routing."""

    def __init__(
        self,
        chat: Chat,
        topics: Topics,
        *,
        database: Database,
        floor: Floor,
        settings: ChatGatewaySettings,
        clock: Clock,
    ) -> None:
        self.topics = topics
        self.floor = floor
        self._chat = chat
        self._database = database
        self._settings = settings
        self._clock = clock

    async def available(self, caller: LetIn, capacity: int | None) -> int:
        """Take offers from now on. Returns how many sessions at once."""
        most = self._settings.chats_per_agent
        agent = agent_of(caller.principal, capacity=min(capacity or most, most))
        await self._sit(caller.principal, agent, available=True)
        self.floor.ring()
        return agent.capacity

    async def away(self, caller: LetIn) -> None:
        """Take no more offers; what one has stays, and what one was asked goes to somebody else at once."""
        now = self._clock.now()
        async with self._database.unit_of_work() as session:
            await attendance.away(session, [caller.principal.id])
            for asked in await placements.asked(session, [caller.principal.id]):
                placement = await placements.find(session, asked.session_id)
                if placement is not None and placement.ownership.asked == caller.principal.id:
                    await self._decline(session, placement, caller.principal.id, "away", now)
        self.floor.ring()

    async def sit_down(self, principal: Principal) -> None:
        """An employee who takes a session unasked is at the desk too: so it is known when the line is lost."""
        await self._sit(principal, agent_of(principal, capacity=self._settings.chats_per_agent), available=None)

    async def _sit(self, principal: Principal, agent: Agent, *, available: bool | None) -> None:
        async with self._database.unit_of_work() as session:
            await attendance.sit(
                session,
                agent,
                region=principal.claim("region"),
                available=available,
                now=self._clock.now(),
            )

    async def accept(self, caller: LetIn, *, session_id: UUID) -> Part:
        """Take what one was asked to take, from the queue or from a colleague.

        The caller's designations are looked at again before the session opens to them.

        Raises:
            UnknownSessionError: there is none, or nobody asked the caller.
            NotDesignatedError: the caller may not have it.
        """
        principal = caller.principal
        async with self._database.reading() as session:
            placement = (await placements.look(session, [session_id])).get(session_id)
        if placement is None:
            raise UnknownSessionError
        if placement.ownership.asked != principal.id:
            raise NotYourSessionError
        self.topics.require_fit(principal, topic=placement.topic, language=placement.language, step=placement.step)
        live = await self._chat.sessions.find(session_id)
        if live is None:
            raise UnknownSessionError
        known = live.state.participants.get(principal.id)
        who = known or self._chat.employee(principal)
        contribution: Contribution = Join(who, str(new_id()))
        if placement.ownership.stage is Stage.TRANSFERRING:
            giver = live.state.participants.get(placement.ownership.owner or "")
            if giver is None:
                raise UnknownSessionError
            reason = await self._reason(session_id, principal.id)
            contribution = Transfer(who, str(new_id()), giver.id, reason)
        await self._chat.store(live, contribution)
        return Part(live, who, is_entitled(principal))

    async def _reason(self, session_id: UUID, agent: str) -> TransferReason:
        async with self._database.reading() as session:
            asked = [a for a in await assignments.of_session(session, session_id) if a["agent"] == agent]
        reason: TransferReason = asked[-1]["reason"] if asked else "technical"
        return reason

    async def asked(self, agent: str) -> list[Placement]:
        """What an employee is asked to take now."""
        async with self._database.reading() as session:
            return await placements.asked(session, [agent])

    async def decline(self, caller: LetIn, *, session_id: UUID, reason: str) -> None:
        """Do not take what one was asked to take.

        Raises:
            UnknownSessionError: nobody asked the caller.
        """
        async with self._database.unit_of_work() as session:
            placement = await self._placement(session, session_id)
            if placement.ownership.asked != caller.principal.id:
                raise NotYourSessionError
            await self._decline(session, placement, caller.principal.id, reason, self._clock.now())
        self.floor.ring()

    @staticmethod
    async def _decline(session: WriteSession, placement: Placement, agent: str, reason: str, now: datetime) -> None:
        await placements.keep(session, placement, placement.ownership.decline(agent))
        await assignments.settle(session, placement.session_id, agent, "declined", now=now, reason=reason)

    async def propose(self, caller: LetIn, *, session_id: UUID, agent: str, reason: TransferReason) -> datetime:
        """Ask a colleague to take over a session that one has. Until they accept, it stays the caller's.

        Returns:
            When the question lapses.

        Raises:
            NotYourSessionError: the caller does not have it.
            NotInThisStateError: it is on hold, somebody was asked already, or the colleague cannot take it now.
        """
        part = await self._owned(caller, session_id)
        now = self._clock.now()
        until = now + timedelta(seconds=self._settings.offer_seconds)
        async with self._database.unit_of_work() as session:
            placement = await self._placement(session, session_id)
            colleague = next((d for d in await self._present(session) if d.id == agent), None)
            skip = colleague and why_not(
                colleague, _waiting(placement), self.topics.need(placement.topic, placement.step)
            )
            if colleague is None or skip is not None:
                reasons = ", ".join(why.value for why in skip.reasons) if skip else "not there"
                raise NotInThisStateError(f"this colleague cannot take the conversation now: {reasons}")
            await placements.keep(session, placement, placement.ownership.propose(caller.principal.id, agent, until))
            await assignments.assign(
                session, session_id, agent, how="transfer", rule="asked-by-colleague", by_agent=caller.principal.id,
                reason=reason, now=now,
            )  # fmt: skip
        self.floor.ring()
        del part
        return until

    async def withdraw(self, caller: LetIn, *, session_id: UUID) -> None:
        """Ask the colleague no longer.

        Raises:
            NotYourSessionError, NotInThisStateError: the caller does not have it, or asked nobody.
        """
        await self._owned(caller, session_id)
        async with self._database.unit_of_work() as session:
            placement = await self._placement(session, session_id)
            asked = placement.ownership.asked
            await placements.keep(session, placement, placement.ownership.withdraw(caller.principal.id))
            await assignments.settle(session, session_id, asked or "", "withdrawn", now=self._clock.now())
        self.floor.ring()

    async def give_back(self, caller: LetIn, *, session_id: UUID, topic: str | None, reason: TransferReason) -> None:
        """Put a session that one has back into the queue, at the place it had, perhaps under another topic.

        Raises:
            NotYourSessionError: the caller does not have it.
            UnknownTopicError: the topic is not offered.
        """
        part = await self._owned(caller, session_id)
        code = topic or part.live.state.situation.topic
        self.topics.version(code)
        await self._chat.store(part.live, Return(part.participant, str(new_id()), reason, code, part.participant.id))
        self.floor.ring()

    async def hold(self, caller: LetIn, *, session_id: UUID, seconds: int) -> None:
        """Put a session on hold; it goes on by itself when the time is over."""
        part = await self._owned(caller, session_id)
        until = self._clock.now() + timedelta(seconds=min(seconds, self._settings.hold_seconds))
        async with self._database.reading() as session:
            placement = (await placements.look(session, [session_id])).get(session_id)
        if placement is not None:
            placement.ownership.hold(caller.principal.id, until)  # refuses while a colleague is asked
        await self._chat.store(part.live, Hold(part.participant, str(new_id()), until))

    async def unhold(self, caller: LetIn, *, session_id: UUID) -> None:
        part = await self._owned(caller, session_id)
        await self._chat.store(part.live, Resume(part.participant, str(new_id())))

    async def extend(self, part: Part) -> None:
        """The customer asks for more time before silence ends the session (WCAG 2.2, 2.2.1).

        Raises:
            NotInThisStateError: no end was announced, or it was asked as often as can be.
        """
        await self._chat.store(part.live, Extend(part.participant, str(new_id()), self._settings.patience))

    async def prioritise(self, caller: LetIn, *, session_id: UUID, reason: str) -> None:
        """Move a waiting session forward for a coded reason that an employee saw; the giver is kept with it.

        Raises:
            NotInThisStateError: there is no such reason, or the session does not wait.
        """
        if reason not in self.topics.registers.priorities:
            known = ", ".join(sorted(self.topics.registers.priorities))
            raise NotInThisStateError(f"the reasons are {known}")
        async with self._database.unit_of_work() as session:
            moved = await assignments.prioritise(
                session,
                session_id,
                reason,
                head_start=self.topics.registers.head_start(reason),
                given_by=caller.principal.id,
                now=self._clock.now(),
            )
        if not moved:
            raise UnknownSessionError
        self.floor.ring()

    async def keep_place(self, part: Part) -> KeptPlace:
        """Leave the queue and keep the place: the session ends, and the token opens one that stands where it stood.

        Raises:
            NotYourSessionError: it is somebody else's place.
            NotInThisStateError: the session does not wait.
        """
        if part.participant.role != "customer":
            raise NotYourSessionError
        now, live = self._clock.now(), part.live
        token = secrets.token_urlsafe(TOKEN_BYTES)
        valid_until = now + timedelta(hours=self._settings.place_kept_hours)
        account = await self._chat.journal.account(part.participant.principal_id)
        async with self._database.unit_of_work() as session:
            placement = await self._placement(session, live.state.id)
            if placement.ownership.stage is not Stage.WAITING:
                raise NotInThisStateError("somebody is about to take this conversation")
            await placements.keep_place(
                session, placement, digest=digest_of(token), account=account, now=now, valid_until=valid_until
            )
        await self._chat.end(part, "place_kept")
        return KeptPlace(token, valid_until)

    async def leave_message(self, part: Part) -> None:
        """Leave what was said for whoever serves next; the person need not stay.

        Raises:
            NotYourSessionError: it is somebody else's conversation.
            NotInThisStateError: the session does not wait.
        """
        if part.participant.role != "customer":
            raise NotYourSessionError
        async with self._database.unit_of_work() as session:
            if not await placements.leave_message(session, part.live.state.id):
                raise NotInThisStateError("nobody waits here: say it to whoever has this conversation")

    async def targets(self, caller: LetIn, *, session_id: UUID) -> list[Target]:
        """Colleagues who could take over a session that one has, the least busy first.

        Raises:
            NotYourSessionError: the caller does not have it.
        """
        part = await self._owned(caller, session_id)
        async with self._database.reading() as session:
            present = await self._present(session)
            placement = (await placements.look(session, [session_id])).get(session_id)
        situation = part.live.state.situation
        opening = part.live.state.opening
        language = opening.notice_language if opening else DEFAULT_LANGUAGE
        waiting = Waiting(session_id, situation.topic, language, self._clock.now())
        need = self.topics.need(situation.topic, placement.step if placement else 0)
        able = [d for d in present if d.id != caller.principal.id and why_not(d, waiting, need) is None]
        able.sort(key=lambda d: (d.load / d.capacity, d.id))
        return [Target(d.id, d.office, d.load, d.capacity) for d in able]

    async def _present(self, session: Any) -> Sequence[Agent]:
        return await attendance.desks(session, self._clock.now() - timedelta(seconds=self._settings.desk_seconds))

    async def _owned(self, caller: LetIn, session_id: UUID) -> Part:
        part = await self._chat.take_part(caller, session_id=session_id)
        if part.live.state.situation.owner != part.participant.id:
            raise NotYourSessionError
        return part

    @staticmethod
    async def _placement(session: WriteSession, session_id: UUID) -> Placement:
        placement = await placements.find(session, session_id)
        if placement is None:
            raise UnknownSessionError
        return placement


def digest_of(token: str) -> bytes:
    """What is kept of the token of a place."""
    return hashlib.sha256(token.encode()).digest()


def _waiting(placement: Placement) -> Waiting:
    return Waiting(
        placement.session_id, placement.topic, placement.language, placement.ownership.since, placement.priority
    )
