"""Outbox: the intent to tell an event is a row in the transaction of the change.

Order per key needs the aggregate's row to be locked before its events are added: then the rows of one key get their
positions in the order in which their transactions commit.
"""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy.ext.asyncio import AsyncSession

from common.contracts.envelope import Envelope, EventData, encode
from common.database import later, require_transaction
from common.ids import new_id
from common.messaging.broker import Record
from common.messaging.record_check import check_records
from common.protection.events import sealed
from common.protection.keyring import Keyring
from common.telemetry import current_traceparent

OUTBOX_CHANNEL = "outbox"

_INSERT = f"""
INSERT INTO outbox (topic, key, value, headers)
SELECT t.topic, t.key, t.value, t.headers
FROM pg_notify('{OUTBOX_CHANNEL}', ''),
     unnest($1::text[], $2::text[], $3::bytea[], $4::text[]) WITH ORDINALITY AS t (topic, key, value, headers, n)
ORDER BY t.n
"""


async def tell(
    session: AsyncSession, *facts: EventData, source: str, time: datetime, keyring: Keyring | None = None
) -> None:
    """Put facts into the outbox of this unit of work; what they say of a person is sealed on the way.

    Args:
        source: the service, e.g. `/muniment/transcripts`.
        time: when the facts came about (aware).
        keyring: where a key for each fact with `pii` comes from.

    Raises:
        ValueError: a fact holds `pii`, and there is no keyring.
        UnavailableError: no key can be had for now.
    """
    trace = current_traceparent()
    told = await sealed(facts, keyring)
    await tell_records(session, [encode(Envelope(new_id(), f.event_type, source, f.key, time, f, trace)) for f in told])


async def tell_records(session: AsyncSession, records: Sequence[Record]) -> None:
    """Put records that are encoded already into the outbox of this unit of work.

    Raises:
        ValueError: one is too large for the log, or has no usable key: it would hold up everything behind it.
    """
    require_transaction(session)
    check_records(records)
    if records:
        await later(session, _INSERT, *columns(records))


def columns(records: Sequence[Record]) -> tuple[list[str], list[str], list[bytes], list[str]]:
    """The records as the four arrays that an insert takes: topics, keys, values, headers as JSON."""
    return (
        [r.topic for r in records],
        [r.key for r in records],
        [r.value for r in records],
        [orjson.dumps(r.headers).decode() for r in records],
    )
