"""One look into another file: allowed by the conversation, recorded before it is made, and its answer kept nowhere.

Before anything is asked, session, employee, system, file, fields and reason stand in the store; how it went follows. A gateway
that dies in between leaves a look without an outcome, never a look without a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from prometheus_client import Counter

from chat_gateway.errors import NotYourSessionError
from chat_gateway.lookups import store
from chat_gateway.lookups.adapter import OtherSystem, Question, Value
from chat_gateway.lookups.errors import (
    OVER,
    STRANGER,
    LookUpNotAllowedError,
    NoSuchFileError,
    NotConnectedError,
    UnknownFieldsError,
)
from chat_gateway.lookups.register import LookUpRegister
from chat_gateway.model import Status
from chat_gateway.use_cases import Chat, LetIn, Part
from common.clock import Clock
from common.database import Database
from common.errors import MunimentError
from common.ids import new_id

Outcome = Literal["answered", "no_such_file", "failed", "withheld"]

LOOKS = Counter("muniment_chat_lookups_total", "Looks into the agency's other files", ["system", "outcome"])


@dataclass(frozen=True, slots=True)
class Wish:
    """What an employee wants to know, and why."""

    system: str
    file_id: str = field(repr=False)
    fields: frozenset[str]
    reason: str


@dataclass(frozen=True, slots=True)
class Found:
    look_up_id: UUID
    fields: Mapping[str, Value] = field(repr=False)


class LookUps:
    """Args:
    systems: those that the agency has connected.
    """

    def __init__(
        self, chat: Chat, register: LookUpRegister, systems: Mapping[str, OtherSystem], database: Database, clock: Clock
    ) -> None:
        self.register = register
        self._chat = chat
        self._systems = systems
        self._database = database
        self._clock = clock

    async def look(self, caller: LetIn, session_id: UUID, wish: Wish) -> Found:
        """Look into another file for the person one is serving.

        Raises:
            NotYourSessionError: the caller does not have the session.
            LookUpNotAllowedError: it is not open, was closed or handed on meanwhile, or its topic does not call for this.
            UnknownFieldsError: a system, field or reason is not in the register.
            NotConnectedError, OtherSystemUnavailableError, OtherSystemGarbledError, NoSuchFileError: nothing came.
        """
        part = await self._chat.take_part(caller, session_id=session_id)
        self._check_open(part)
        self._check(part.live.state.situation.topic, wish)
        system = self._systems.get(wish.system)
        if system is None:
            raise NotConnectedError
        question = Question(new_id(), wish.file_id, wish.fields, wish.reason, caller.principal.id)
        async with self._database.unit_of_work() as session:
            await store.keep(session, question, part, wish.system, at=self._clock.now())
        outcome: Outcome = "failed"
        try:
            found = await system.ask(question)
            outcome = "withheld"
            self._check_open(await self._chat.take_part(caller, session_id=session_id))
            outcome = "answered"
        except MunimentError as error:
            outcome = "no_such_file" if isinstance(error, NoSuchFileError) else outcome
            raise
        finally:
            LOOKS.labels(wish.system, outcome).inc()
            async with self._database.unit_of_work() as session:
                await store.settle(session, question.look_up_id, outcome, at=self._clock.now())
        return Found(question.look_up_id, found)

    async def topic_of(self, caller: LetIn, session_id: UUID) -> str:
        """What a session that the caller has is about.

        Raises:
            NotYourSessionError: they do not have it.
            LookUpNotAllowedError: it is not open.
        """
        part = await self._chat.take_part(caller, session_id=session_id)
        self._check_open(part)
        return part.live.state.situation.topic

    async def close(self) -> None:
        for system in self._systems.values():
            await system.close()

    def _check(self, topic: str, wish: Wish) -> None:
        system = self.register.systems.get(wish.system)
        if system is None:
            raise UnknownFieldsError("system", self.register.systems)
        if wish.system not in self.register.called_for(topic):
            raise LookUpNotAllowedError("the topic of this conversation does not call for this system")
        if wish.reason not in self.register.reasons:
            raise UnknownFieldsError("reason", self.register.reasons)
        if not wish.fields or not wish.fields <= system.fields:
            raise UnknownFieldsError("fields", system.fields)

    @staticmethod
    def _check_open(part: Part) -> None:
        if not part.is_owner:
            raise NotYourSessionError
        if part.live.state.situation.status is not Status.ACTIVE:
            raise LookUpNotAllowedError(OVER)
        if part.live.state.situation.stranger:
            raise LookUpNotAllowedError(STRANGER)
