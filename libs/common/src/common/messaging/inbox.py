"""Inbox: an event is handled once because inserting its id succeeds once, in the transaction of its effect."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from common.database import fetch_all, require_transaction

# Ordered, so that two batches with events in common wait for each other instead of deadlocking.
# Answers what was there already: mostly nothing, and then nothing has to travel back.
_INSERT = """
WITH added AS (
    INSERT INTO inbox (consumer_group, event_id)
    SELECT $1, id FROM unnest($2::uuid[]) AS t (id) ORDER BY id
    ON CONFLICT DO NOTHING RETURNING event_id
)
SELECT id FROM unnest($2::uuid[]) AS t (id) WHERE id NOT IN (SELECT event_id FROM added)
"""
_PRUNE = "DELETE FROM inbox WHERE seen_at < $1 RETURNING 1"


async def first_seen(session: AsyncSession, group: str, event_ids: Sequence[UUID]) -> set[UUID]:
    """Enter these events; the answer holds those that this group had not seen before."""
    require_transaction(session)
    seen = await fetch_all(session, _INSERT, group, list(event_ids))
    return set(event_ids).difference(row["id"] for row in seen)


async def prune(session: AsyncSession, before: datetime) -> int:
    """Forget events seen before this moment. It must lie further back than the log keeps any record."""
    return len(await fetch_all(session, _PRUNE, before))
