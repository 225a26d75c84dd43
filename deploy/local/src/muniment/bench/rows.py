"""The rows that a consumer left in its tables, and how fast they can be inserted when nothing else is done."""

import time
from collections import defaultdict
from collections.abc import Sequence

import asyncpg

from common.audit.schema import APPEND_ONLY, QUEUE

# Gone again (the outbox), or not an effect of events.
NOT_COUNTED = ("outbox", "outbox_lease", "alembic_version", "idempotency_key", "service_key", QUEUE, *APPEND_ONLY)

_TABLES = """
SELECT c.relname AS name,
    array_agg(quote_ident(a.attname) ORDER BY a.attnum) AS columns,
    array_agg(format_type(a.atttypid, a.atttypmod) ORDER BY a.attnum) AS types
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attidentity = '' AND a.attgenerated = ''
    AND NOT c.relname = ANY($1::text[])
GROUP BY c.oid, c.relname ORDER BY c.oid
"""

Statement = tuple[str, list[list[object]]]


async def left_behind(url: str, tables: Sequence[str] = ()) -> list[list[Statement]]:
    """The inserts that would leave the same rows: a list for each transaction of the consumer, in the order of their ids.

    Tables come in the order in which they were made, so that what is referred to is there. What the migrations put into
    tables is left out: only transactions that entered something into the inbox count.

    Args:
        tables: only these; all that count, when empty.
    """
    connection = await asyncpg.connect(url)
    batches: dict[int, list[Statement]] = defaultdict(list)
    try:
        consumed = {row[0] for row in await connection.fetch("SELECT DISTINCT xmin::text::bigint FROM inbox")}
        for table in await connection.fetch(_TABLES, list(NOT_COUNTED)):
            if tables and table["name"] not in tables:
                continue
            statement = _insert(table["name"], table["columns"], table["types"])
            rows = await connection.fetch(
                f"SELECT xmin::text::bigint AS batch, {', '.join(table['columns'])} FROM {table['name']}"
            )
            by_batch: dict[int, list[asyncpg.Record]] = defaultdict(list)
            for row in rows:
                by_batch[row["batch"]].append(row)
            for batch, members in by_batch.items():
                batches[batch].append((statement, [list(column) for column in list(zip(*members, strict=True))[1:]]))
    finally:
        await connection.close()
    return [batches[batch] for batch in sorted(batches) if batch in consumed]


async def insert(url: str, batches: Sequence[Sequence[Statement]]) -> float:
    """Insert them, each batch in a transaction, and nothing else. Returns how many seconds it took."""
    connection = await asyncpg.connect(url)
    try:
        began = time.perf_counter()
        for batch in batches:
            async with connection.transaction():
                for statement, columns in batch:
                    await connection.execute(statement, *columns)
        return time.perf_counter() - began
    finally:
        await connection.close()


def _insert(table: str, columns: Sequence[str], types: Sequence[str]) -> str:
    arrays = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(types, 1))
    return f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM unnest({arrays})"
