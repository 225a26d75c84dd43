"""Receipts in the database. Every function needs an open unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast
from uuid import UUID

from chat_gateway.signals.schemas import ReceiptKind
from common.database import ReadSession, WriteSession, fetch_all

# What another process stored meanwhile, further than this, stays; two steps of the same moment and number are one.
_KEEP = """
INSERT INTO receipt (session_id, participant_id, kind, up_to, at)
SELECT n.session_id, n.participant_id, n.kind, n.up_to, $5
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::int[]) AS n (session_id, participant_id, kind, up_to)
WHERE NOT EXISTS (
    SELECT FROM receipt r WHERE r.session_id = n.session_id AND r.participant_id = n.participant_id AND r.kind = n.kind
      AND r.up_to >= n.up_to
)
ON CONFLICT DO NOTHING RETURNING session_id, participant_id, kind, up_to, at
"""
_LATEST = """
SELECT DISTINCT ON (participant_id, kind) session_id, participant_id, kind, up_to, at FROM receipt WHERE session_id = $1
ORDER BY participant_id, kind, up_to DESC
"""
_ALL = "SELECT session_id, participant_id, kind, up_to, at FROM receipt WHERE session_id = $1 ORDER BY at, up_to, kind"
_SINCE = """
SELECT session_id, participant_id, kind, up_to, at FROM receipt WHERE session_id = ANY($1::uuid[]) AND at > $2
ORDER BY at, up_to
"""


@dataclass(frozen=True, slots=True)
class Step:
    """A participant received or read up to here.

    Attributes:
        at: when it was stored; None where it is not yet.
    """

    session_id: UUID
    participant_id: str
    kind: ReceiptKind
    up_to: int
    at: datetime | None = None

    @property
    def place(self) -> tuple[UUID, str, ReceiptKind]:
        return self.session_id, self.participant_id, self.kind


async def keep(session: WriteSession, steps: Sequence[Step], now: datetime) -> list[Step]:
    """Store those that go further than what is there. Returns them."""
    rows = await fetch_all(
        session,
        _KEEP,
        [s.session_id for s in steps],
        [UUID(s.participant_id) for s in steps],
        [s.kind for s in steps],
        [s.up_to for s in steps],
        now,
    )
    return [_step(row) for row in rows]


async def latest(session: ReadSession, session_id: UUID) -> list[Step]:
    """How far each participant is."""
    return [_step(row) for row in await fetch_all(session, _LATEST, session_id)]


async def of_session(session: ReadSession, session_id: UUID) -> list[Step]:
    """Every step, in order."""
    return [_step(row) for row in await fetch_all(session, _ALL, session_id)]


async def since(session: ReadSession, session_ids: Sequence[UUID], moment: datetime) -> list[Step]:
    """Steps of these sessions that were stored after this moment."""
    return [_step(row) for row in await fetch_all(session, _SINCE, list(session_ids), moment)]


def _step(row: Any) -> Step:
    kind = cast("ReceiptKind", row["kind"])
    return Step(row["session_id"], str(row["participant_id"]), kind, row["up_to"], row["at"])
