"""Reveals one masked place of one message, for a coded reason: one audit entry each, and not many in an hour.

Counted from the audit trail itself, in the transaction of the look, under a lock of the employee's: no path goes round it.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import orjson

from chat_gateway.errors import NothingMaskedError, TooManyRevealsError
from chat_gateway.journal import Journal
from chat_gateway.model import Kind
from chat_gateway.saying.masking import Hidden, hidden_in
from chat_gateway.use_cases import Part
from common import audit
from common.audit import AuditEvent
from common.bulk import alert
from common.clock import Clock
from common.database import Database, WriteSession, fetch_all
from common.pii.taxonomy import load

ACTION = "pii.reveal"
WINDOW = timedelta(hours=1)

_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('muniment reveal ' || $1, 0))"
_COUNT = """
SELECT count(*) AS made FROM audit_entry WHERE user_id = $1 AND at > $2 AND outcome = 'done' AND action = $3
"""


@dataclass(frozen=True, slots=True)
class Wish:
    """What an employee wants to see: place `span` of the message `seq`, counted from 0."""

    seq: int
    span: int
    reason: str


@dataclass(frozen=True, slots=True)
class Revealed:
    place: Hidden
    text: str


class Reveals:
    """Args:
    soft, hard: reveals of one employee in a sliding hour; at the first an alert, beyond the second a refusal with another.
    """

    def __init__(self, database: Database, journal: Journal, clock: Clock, *, soft: int, hard: int) -> None:
        self._database = database
        self._journal = journal
        self._clock = clock
        self._soft = soft
        self._hard = hard

    async def reveal(self, part: Part, wish: Wish, event: AuditEvent) -> Revealed:
        """What stands there.

        Args:
            event: the look, without what it touched.

        Raises:
            NothingMaskedError: there is no such message, or no such place in it.
            TooManyRevealsError: more than one person's work needs.
        """
        revealed, now = await self.find(part, wish), self._clock.now()
        look = replace(event, record_ids=[part.live.state.key], fields=fields_of(wish, revealed))
        async with self._database.unit_of_work() as session:
            await self.count(session, look, now)
            await audit.record(session, look, now=now)
        return revealed

    async def count(self, session: WriteSession, look: AuditEvent, now: datetime) -> None:
        """Count a look that is about to be recorded in this unit of work.

        Raises:
            TooManyRevealsError: it would be one too many; those who watch hear of it.
        """
        try:
            await self._count(session, look, now)
        except TooManyRevealsError:
            async with self._database.unit_of_work() as apart:
                await alert(apart, look, "reveals", "hard", now=now)
            raise

    async def _count(self, session: WriteSession, look: AuditEvent, now: datetime) -> None:
        await fetch_all(session, _LOCK, look.principal.id)
        made = (await fetch_all(session, _COUNT, look.principal.id, now - WINDOW, ACTION))[0]["made"]
        if made >= self._hard:
            raise TooManyRevealsError(self._hard)
        if made + 1 == self._soft:
            await alert(session, look, "reveals", "soft", now=now)

    async def find(self, part: Part, wish: Wish) -> Revealed:
        """What stands there, before anybody is shown it.

        Raises:
            NothingMaskedError: there is no such message, or no such place in it.
        """
        state = part.live.state
        stored = await self._journal.entries_after(UUID(state.key), wish.seq - 1, 1)
        if not stored or stored[0].seq != wish.seq or stored[0].kind is not Kind.MESSAGE:
            raise NothingMaskedError
        text: str = orjson.loads(stored[0].follow("", state).pii)["text"]
        places = hidden_in(text, load())
        if wish.span >= len(places):
            raise NothingMaskedError
        place = places[wish.span]
        return Revealed(place, text[place.start : place.end])


def fields_of(wish: Wish, revealed: Revealed) -> list[str]:
    """What the audit entry says was shown: which place, of what kind, and why; never what stands there."""
    return [f"entry.{wish.seq}.place.{wish.span}.{revealed.place.kind}", f"reason.{wish.reason}"]
