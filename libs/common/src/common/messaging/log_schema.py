"""The embedded event log's own database: made, brought up to date and pruned by its administrator.

The tables and functions stand in `log_schema.sql`; services only ever call the functions (`postgres_log.py`).
"""

from collections.abc import Sequence
from datetime import datetime
from importlib.resources import files

import asyncpg

from common.contracts.topics import TopicSpec

_ONE_AT_A_TIME = 6_011_976_423
"""An advisory lock of its own: two processes that start together do not run the same DDL at once."""

_PRUNE_PORTION = 5_000


async def create_log(url: str, topics: Sequence[TopicSpec]) -> None:
    """Create the log, or bring it up to these topics; running it again changes nothing.

    Grants become exactly those of `topics`. A topic that is no longer named keeps its records, but nobody may touch it.

    Args:
        url: the log's database, as the administrator that owns it.
        topics: all topics, with their partitions, retention, owners (may write) and readers (may read).

    Raises:
        ValueError: a topic would have fewer partitions than it has; its records could no longer be reached in order.
    """
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("select pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
            # Notices that an object exists already say nothing to anybody.
            await connection.execute("set local client_min_messages = warning")
            await connection.execute(files("common.messaging").joinpath("log_schema.sql").read_text("utf-8"))
            await connection.execute("delete from event_log.topic_grant")
            for topic in topics:
                await _create_topic(connection, topic)
    finally:
        await connection.close()


async def _create_topic(connection: asyncpg.Connection, topic: TopicSpec) -> None:
    existing = await connection.fetchval("select partitions from event_log.topic where name = $1", topic.name)
    if existing is not None and existing > topic.partitions:
        raise ValueError(f"topic {topic.name} has {existing} partitions and cannot be given fewer ({topic.partitions})")
    topic_id = await connection.fetchval(
        "insert into event_log.topic (name, partitions, retention_days) values ($1, $2, $3)"
        " on conflict (name) do update"
        " set partitions = excluded.partitions, retention_days = excluded.retention_days"
        " returning topic_id",
        topic.name,
        topic.partitions,
        topic.retention_days,
    )
    await connection.execute(
        "insert into event_log.head (topic_id, part)"
        " select $1, part from generate_series(0, $2 - 1) as part on conflict do nothing",
        topic_id,
        topic.partitions,
    )
    await connection.executemany(
        "insert into event_log.topic_grant (topic_id, principal, may_write, may_read) values ($1, $2, $3, $4)",
        [
            (topic_id, principal, principal in topic.owners, principal in topic.readers)
            for principal in sorted({*topic.owners, *topic.readers})
        ],
    )


async def prune_log(url: str, *, now: datetime) -> int:
    """Delete what is older than its topic's retention, whether consumers have read it or not, as Kafka does.

    Args:
        url: the log's database, as the administrator that owns it.
        now: the moment from which ages are counted, in UTC.

    Returns:
        How many records were deleted.
    """
    connection = await asyncpg.connect(url)
    deleted = 0
    try:
        # In portions, each a transaction of its own: nobody waits long for a lock or a snapshot.
        while portion := await connection.fetchval("select event_log.prune($1, $2)", now, _PRUNE_PORTION):
            deleted += portion
    finally:
        await connection.close()
    return deleted
