"""Ends the part of those who may take part no more, while they are connected: nobody has to say anything for it.

An authority that was ended or ran out, and an employee whose training or signatures are older than a year, are found within a
moment. What the employee had goes back to the queue at the place it had, so that the person is not left with nobody.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from datetime import date
from uuid import UUID

from chat_gateway import attendance, frames
from chat_gateway.answering import authorities
from chat_gateway.errors import NotInThisStateError, SessionClosedError, UnknownSessionError
from chat_gateway.schemas import Left
from chat_gateway.subscriptions import Subscription
from chat_gateway.turns import Return, system
from chat_gateway.use_cases import Chat, Part
from common.access import PERMISSIONS, admit
from common.auth import Principal
from common.clock import Clock
from common.database import Database
from common.errors import MunimentError
from common.ids import new_id
from common.messaging.consumer import is_outage
from common.telemetry import get_logger

log = get_logger("standing")


class Standing:
    """Args:
    seconds: how often it is looked.
    """

    def __init__(self, chat: Chat, database: Database, clock: Clock, *, seconds: float) -> None:
        self._chat = chat
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._given_up: list[Part] = []

    def give_up(self, part: Part) -> None:
        """An employee may not have it any more: it goes back to the queue within a moment."""
        self._given_up.append(part)

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            try:
                await self.look()
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("standing.engine_out_of_reach", error=type(error).__name__)

    async def look(self) -> None:
        today = self._clock.now().date()
        await self._end_authorities(today)
        await self._bar(today)
        while self._given_up:
            await self._give_back(self._given_up[0])
            self._given_up.pop(0)

    def _heard(self) -> Iterator[Subscription]:
        for live in self._chat.sessions.watched():
            for one in tuple(live.subscribers):
                if isinstance(one, Subscription):
                    yield one

    async def _end_authorities(self, today: date) -> None:
        """Who came in by an authority that holds no more hears no more."""
        coming = [
            (one, _authority_of(one.part)) for one in self._heard() if one.part.participant.role == "representative"
        ]
        if not coming:
            return
        async with self._database.reading() as session:
            holding = await authorities.holding(session, {authority for _, authority in coming}, today)
        for one, authority in coming:
            if authority not in holding:
                one.tell(frames.write(Left(session_id=one.part.live.state.key)))
                one.listener.leave(one)

    async def _bar(self, today: date) -> None:
        """An employee whose standing lapsed hears no more, takes no offers, and their conversations wait for others."""
        barred: dict[str, MunimentError] = {}
        for one in self._heard():
            principal = one.listener.principal
            if one.part.participant.role != "agent" or principal is None or one.asked_on == today:
                continue
            one.asked_on = today
            if (refusal := self._refusal(principal)) is None:
                continue
            barred[principal.id] = refusal
            key = one.part.live.state.key
            one.tell(frames.error(refusal, {"session_id": key}))
            one.tell(frames.write(Left(session_id=key)))
            one.listener.leave(one)
            if one.part.is_owner:
                self.give_up(one.part)
        if barred:
            async with self._database.unit_of_work() as session:
                await attendance.away(session, list(barred))
            log.warning("standing.lapsed", employees=len(barred))

    def _refusal(self, principal: Principal) -> MunimentError | None:
        try:
            admit(PERMISSIONS.rows["session.resume"], principal, stated="", now=self._clock.now())
        except MunimentError as refusal:
            return refusal
        return None

    async def _give_back(self, part: Part) -> None:
        live, owner = part.live, part.participant.id
        back = Return(system(live.state.key), str(new_id()), "technical", live.state.situation.topic, owner)
        # Where somebody acted in the same moment, that counts.
        with contextlib.suppress(NotInThisStateError, UnknownSessionError, SessionClosedError):
            await self._chat.store(live, back)


def _authority_of(part: Part) -> UUID:
    return UUID(dict(part.live.state.situation.authorities)[part.participant.id])
