"""The socket's door: frames are let in by the same table as routes, and each leaves one audit entry.

What is said in a session that one was let into is no entry of its own: the session is its record.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from uuid import UUID

from chat_gateway.room import Place
from common import audit
from common.access import PERMISSIONS, Permit, Reach, admit, log_in
from common.auth import Principal
from common.clock import Clock
from common.database import Database
from common.errors import MunimentError, NotFoundError

FIELDS = ("entries",)
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, and from which network terminal, as this server saw it."""

    principal: Principal
    terminal: str


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a connection came to the door.

    Attributes:
        terminal: the network terminal, as this server saw it.
        url: the address of the handshake, for which proofs of possession are made.
        place: counts it among those of its account.
        failed: counts a token that proved nothing towards the limit of this terminal.
    """

    terminal: str
    url: str
    place: Place
    failed: Callable[[], Awaitable[None]]


@dataclass(slots=True)
class Passage:
    """One caller let in for one frame."""

    principal: Principal
    permit: Permit
    record_ids: list[str] = field(default_factory=list)

    def covers(self, reach: Reach) -> bool:
        """Whether a session to which the caller stands so is within their reach."""
        return self.permit.covers(reach)

    def touch(self, session_id: UUID) -> None:
        """This session was opened, entered or left."""
        self.record_ids.append(str(session_id))


class Gate:
    """Asks the table for callers of the socket, and writes the trail."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def ask(self, operation: str, principal: Principal, purpose: str = "") -> Permit:
        """Put the question to the table.

        Args:
            purpose: as it was stated; empty where the frame has no place for one.

        Raises:
            ForbiddenError, StepUpError: the table says no.
        """
        return admit(PERMISSIONS.rows[operation], principal, stated=purpose, now=self._clock.now())

    async def ask_of(self, operation: str, caller: Caller) -> str:
        """Put the question to the table for what must not wait for the trail; only a refusal is recorded here.

        Returns:
            The purpose.

        Raises:
            ForbiddenError, StepUpError: the table says no.
        """
        try:
            return self.ask(operation, caller.principal).purpose
        except MunimentError as refusal:
            await self.refused(operation, caller, refusal, [])
            raise

    async def log_in(self, caller: Caller) -> None:
        """Know a caller who said hello.

        Raises:
            ForbiddenError: the account has no profile here (S1-094).
            StepUpError: an employee came without card or PIN (S1-095, S1-096).
        """
        try:
            log_in(caller.principal)
        except MunimentError as refusal:
            await self.refused("chat.hello", caller, refusal, [])
            raise

    @asynccontextmanager
    async def open(
        self, operation: str, caller: Caller, *session_ids: UUID, purpose: str = ""
    ) -> AsyncIterator[Passage]:
        """Let this caller in for a frame; the entry is written when the block ends, whether it was done or refused.

        Raises:
            ForbiddenError, StepUpError: the table says no.
        """
        tried = [str(one) for one in session_ids]
        try:
            passage = Passage(caller.principal, self.ask(operation, caller.principal, purpose))
            purpose = passage.permit.purpose
            yield passage
        except MunimentError as refusal:
            await self.refused(operation, caller, refusal, tried, purpose)
            raise
        await self._record(operation, caller, "done", [*tried, *passage.record_ids], purpose)

    async def record(self, operation: str, caller: Caller, record_ids: list[str], purpose: str) -> None:
        """Record what was done without a frame."""
        await self._record(operation, caller, "done", record_ids, purpose)

    async def refused(
        self, operation: str, caller: Caller, refusal: MunimentError, tried: list[str], purpose: str = ""
    ) -> None:
        """Record a refusal. An engine out of reach refuses nobody."""
        if refusal.status < _SERVER_ERROR:
            outcome: audit.Outcome = "not_found" if isinstance(refusal, NotFoundError) else "refused"
            await self._record(operation, caller, outcome, tried, purpose)

    async def _record(
        self, operation: str, caller: Caller, outcome: audit.Outcome, record_ids: list[str], purpose: str
    ) -> None:
        event = audit.AuditEvent(
            caller.principal,
            caller.terminal,
            operation,
            outcome,
            record_ids=list(dict.fromkeys(record_ids)),
            fields=FIELDS if outcome == "done" else (),
            purpose=purpose,
        )
        async with self._database.unit_of_work() as session:
            await audit.record(session, event, now=self._clock.now())
