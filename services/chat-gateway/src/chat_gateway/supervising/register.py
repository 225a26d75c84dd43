"""Who listens to what, in the database: so that a watch ends on the record whatever becomes of the process that began it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from common.database import ReadSession, WriteSession, fetch_all

_COLUMNS = "id, session_id, agent_id, supervisor, purpose, terminal, entered_at"
_ADD = """
INSERT INTO watch (id, session_id, agent_id, supervisor, purpose, terminal, began_at, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
"""
_LIVING = f"""
SELECT {_COLUMNS} FROM watch WHERE session_id = $1 AND supervisor = $2 AND ended_at IS NULL AND ($3 = '' OR purpose = $3)
ORDER BY began_at DESC, id DESC LIMIT 1
"""
_SEEN = "UPDATE watch SET seen_at = $2 WHERE id = ANY($1::uuid[]) AND ended_at IS NULL RETURNING id"
_ENTERED = "UPDATE watch SET entered_at = $2 WHERE id = $1 AND ended_at IS NULL"
_END = "UPDATE watch SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING id"
_UNHEARD = f"""
UPDATE watch SET ended_at = $2 WHERE id IN (
    SELECT id FROM watch WHERE ended_at IS NULL AND seen_at <= $1 ORDER BY seen_at LIMIT 50 FOR UPDATE SKIP LOCKED
) RETURNING {_COLUMNS}
"""


@dataclass(frozen=True, slots=True)
class Kept:
    """A watch as it stands in the database.

    Attributes:
        agent_id: the participant to whom is listened.
        entered: they take part for everybody to see.
    """

    id: UUID
    session_id: UUID
    agent_id: str
    supervisor: str
    purpose: str
    terminal: str
    entered: bool


async def add(session: WriteSession, kept: Kept, now: datetime) -> None:
    agent = UUID(kept.agent_id)
    await fetch_all(
        session, _ADD, kept.id, kept.session_id, agent, kept.supervisor, kept.purpose, kept.terminal, now
    )  # fmt: skip


async def living(session: ReadSession, session_id: UUID, supervisor: str, purpose: str = "") -> Kept | None:
    """The watch of this supervisor in this session that has not ended, for this purpose or for any."""
    rows = await fetch_all(session, _LIVING, session_id, supervisor, purpose)
    return _kept(rows[0]) if rows else None


async def seen(session: WriteSession, watches: Sequence[UUID], now: datetime) -> set[UUID]:
    """Somebody hears these. Gives those that have not ended."""
    return {row["id"] for row in await fetch_all(session, _SEEN, list(watches), now)}


async def entered(session: WriteSession, watch: UUID, now: datetime) -> None:
    await fetch_all(session, _ENTERED, watch, now)


async def end(session: WriteSession, watch: UUID, now: datetime) -> bool:
    """End it; False where it has ended already: its end is recorded once."""
    return bool(await fetch_all(session, _END, watch, now))


async def end_unheard(session: WriteSession, not_since: datetime, now: datetime) -> list[Kept]:
    """End those that nobody heard since then."""
    return [_kept(row) for row in await fetch_all(session, _UNHEARD, not_since, now)]


def _kept(row: Any) -> Kept:
    return Kept(
        row["id"],
        row["session_id"],
        str(row["agent_id"]),
        row["supervisor"],
        row["purpose"],
        row["terminal"],
        row["entered_at"] is not None,
    )
