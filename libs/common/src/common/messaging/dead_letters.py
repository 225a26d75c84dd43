"""Dead letters: events that can never be handled as they are, kept with their reason in the consumer's own store.

They stand in a table rather than in a topic: setting aside and marking as seen are one transaction, the store's own
access rules and retention hold for them, and redriving goes to the one group that failed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from common.database import fetch_all
from common.ids import new_id
from common.messaging.broker import ReceivedRecord

_ADD = """
INSERT INTO dead_letter (id, consumer_group, topic, partition, "offset", key, value, headers, error_class, reason, set_aside_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (consumer_group, topic, partition, "offset")
DO UPDATE SET attempts = dead_letter.attempts + 1, reason = excluded.reason, error_class = excluded.error_class
"""
_OPEN = "SELECT count(*) AS n FROM dead_letter WHERE consumer_group = $1 AND redriven_at IS NULL"
_LIST = """
SELECT id, consumer_group, topic, partition, "offset", key, value, headers, error_class, reason, attempts, set_aside_at
FROM dead_letter WHERE redriven_at IS NULL AND ($1::uuid IS NULL OR id = $1) ORDER BY set_aside_at, id
"""
_DROP = """
UPDATE dead_letter SET redriven_at = $2, dropped_for = $3 WHERE id = $1 AND redriven_at IS NULL RETURNING true
"""
_REDRIVEN = "UPDATE dead_letter SET redriven_at = $2 WHERE id = $1 AND redriven_at IS NULL RETURNING true"


async def set_aside(
    session: AsyncSession,
    group: str,
    record: ReceivedRecord,
    *,
    error_class: str,
    reason: str,
    withhold: bool,
    now: datetime,
) -> None:
    """Keep this record with its reason.

    Args:
        reason: names fields and rules; never a value.
        withhold: leave the value, the key and the headers out, because this store must not hold what they carry; the
            event's id stays (if it is one), so that its sender can be asked for a corrected event.
    """
    key, headers = record.key.replace("\0", "\N{REPLACEMENT CHARACTER}"), record.headers  # a text column takes no NUL
    if withhold:
        key, headers = "", _id_only(headers)
    await fetch_all(
        session,
        _ADD,
        new_id(),
        group,
        record.topic,
        record.partition,
        record.offset,
        key,
        None if withhold else record.value,
        orjson.dumps(headers).decode(),
        error_class,
        reason[:500],
        now,
    )


def _id_only(headers: Mapping[str, str]) -> dict[str, str]:
    try:
        return {"ce_id": str(UUID(headers.get("ce_id", "")))}
    except ValueError:
        return {}


async def count_open(session: AsyncSession, group: str) -> int:
    return int((await fetch_all(session, _OPEN, group))[0]["n"])


async def list_open(session: AsyncSession, letter_id: UUID | None = None) -> Sequence[asyncpg.Record]:
    """Those not yet redriven, oldest first."""
    return await fetch_all(session, _LIST, letter_id)


async def mark_redriven(session: AsyncSession, letter_id: UUID, now: datetime) -> bool:
    """Whether it was open until now."""
    return bool(await fetch_all(session, _REDRIVEN, letter_id, now))


async def drop(session: AsyncSession, letter_id: UUID, reason: str, now: datetime) -> bool:
    """Dismiss it for this coded reason. Whether it was open until now."""
    return bool(await fetch_all(session, _DROP, letter_id, now, reason))
