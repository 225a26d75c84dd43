"""A member of a consumer group on the embedded event log.

All of it hangs on one connection: its session holds the locks that say "this member lives" and "this partition is
mine", reads, and commits. When the session ends, for whatever reason, the partitions are free at once and nothing that
was polled through it can be committed any more.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Self
from uuid import uuid4

import asyncpg
import orjson

from common.messaging.broker import BrokerUnavailableError, PositionLostError, ReceivedRecord
from common.messaging.log_connection import (
    LOG_ERRORS,
    TOPICS,
    as_unavailable,
    connect_to_log,
    connection_lost,
    end_connection,
)
from common.messaging.membership import GroupTiming, InHand, Partition
from common.tasks import end

_JOIN = "select event_log.join_group($1, $2, $3)"
_SHARE_OUT = "select * from event_log.share_out($1, $2, $3, $4, make_interval(secs => $5))"
_READ = "select * from event_log.read($1, $2, $3, $4, $5)"
_COMMIT = "select event_log.commit_positions($1, $2, $3, $4)"
_LEAVE = "select event_log.leave_group($1, $2)"

_LOOK_AGAIN_SECONDS = 0.25
"""How long a poll relies on being woken before it looks for itself."""

_MAX_READ_BYTES = 8_000_000
"""About how much one poll brings, however large its records are."""


class LogSubscription:
    """One member; see `Subscription`. Used as a context manager: leaving the block leaves the group."""

    def __init__(self, url: str, client_id: str, *, group: str, topics: Sequence[str], timing: GroupTiming) -> None:
        self._url = url
        self._client_id = client_id
        self._group = group
        self._topics = sorted(set(topics))
        self._timing = timing
        self._lock = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._group_id = 0
        self._member_id = uuid4()
        self._topic_ids: dict[str, int] = {}
        self._topic_names: dict[int, str] = {}
        self._next: dict[Partition, int] = {}
        self._heads: dict[Partition, int] = {}
        self._surplus: set[Partition] = set()
        self._surplus_since: float | None = None
        self._in_hand = InHand()
        self._wake = asyncio.Event()
        self._regroup = asyncio.Event()
        self._turn = 0
        self._last_used = 0.0
        self._keeper: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._last_used = self._now()
        # A log that cannot be reached now is no reason to fail: poll says so, and tries again.
        with suppress(BrokerUnavailableError):
            async with self._session():
                pass
        self._keeper = asyncio.create_task(self._keep_membership())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._keeper is not None:
            await end(self._keeper)
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is None:
                return
            with suppress(*LOG_ERRORS):
                await connection.execute(_LEAVE, self._group_id, self._member_id)
            await end_connection(connection)

    async def poll(self, *, max_records: int, timeout_seconds: float) -> list[ReceivedRecord]:
        """Take the next records; see `Subscription.poll`.

        Raises:
            BrokerUnavailableError: the log cannot be reached, or refuses this principal.
        """
        deadline = self._now() + timeout_seconds
        while True:
            self._last_used = self._now()
            self._wake.clear()
            async with self._session() as connection:
                records = await self._read(connection, max_records)
            remaining = deadline - self._now()
            if records or remaining <= 0:
                return records
            with suppress(TimeoutError):
                async with asyncio.timeout(min(remaining, _LOOK_AGAIN_SECONDS)):
                    await self._wake.wait()

    async def commit(self, records: Sequence[ReceivedRecord]) -> None:
        """Move the group's position; see `Subscription.commit`.

        Raises:
            PositionLostError: a partition among them, or the session that owned it, was lost.
        """
        self._last_used = self._now()
        async with self._lock:
            if connection_lost(self._connection):
                self._drop()
            positions = self._in_hand.positions(records)
            if positions and self._connection is not None:
                try:
                    await self._connection.execute(
                        _COMMIT, self._group_id, *self._arrays(list(positions)), list(positions.values())
                    )
                except LOG_ERRORS as error:
                    # Whether it was done or not: the claims went with the session.
                    self._drop()
                    raise PositionLostError(f"not committed: {type(error).__name__}") from error
                self._in_hand.settle(positions)
        if self._surplus:
            self._regroup.set()

    async def rewind(self, records: Sequence[ReceivedRecord]) -> None:
        """Poll these records again; see `Subscription.rewind`."""
        for partition, offset in self._in_hand.give_back(records).items():
            self._next[partition] = offset
        self._wake.set()

    def lag(self) -> int:
        """Records waiting in the owned partitions, as of the last sign of life."""
        return sum(max(0, self._heads.get(p, 0) - position) for p, position in self._next.items())

    async def _read(self, connection: asyncpg.Connection, max_records: int) -> list[ReceivedRecord]:
        wanted = [partition for partition in self._next if partition not in self._surplus]
        if not wanted:
            return []
        # Each poll begins with another partition, so that none is always last when there is more than fits.
        self._turn = (self._turn + 1) % len(wanted)
        wanted = wanted[self._turn :] + wanted[: self._turn]
        rows = await connection.fetch(
            _READ, *self._arrays(wanted), [self._next[p] for p in wanted], max_records, _MAX_READ_BYTES
        )
        records = [self._record(row) for row in rows]
        for record in records:
            self._next[record.topic, record.partition] = record.offset + 1
        self._in_hand.take(records)
        return records

    def _record(self, row: Any) -> ReceivedRecord:
        topic_id, part, position, key, value, headers = row
        return ReceivedRecord(self._topic_names[topic_id], part, position, key, value, orjson.loads(headers))

    def _arrays(self, partitions: Sequence[Partition]) -> tuple[list[int], list[int]]:
        """Partitions as the database counts them: the topics' numbers, and the numbers within the topics."""
        return [self._topic_ids[topic] for topic, _ in partitions], [part for _, part in partitions]

    @asynccontextmanager
    async def _session(self) -> AsyncIterator[asyncpg.Connection]:
        """The member's connection, for one task at a time; made, and the group joined, when there is none."""
        async with self._lock:
            if connection_lost(self._connection):
                self._drop()
            connection = self._connection or await self._join()
            try:
                with as_unavailable("the event log cannot be read"):
                    yield connection
            except BrokerUnavailableError:
                self._drop()
                raise

    async def _join(self) -> asyncpg.Connection:
        connection = await connect_to_log(self._url, self._client_id, durable=False)
        try:
            with as_unavailable("the consumer group cannot be joined"):
                await self._take_seat(connection)
        except BaseException:
            connection.terminate()
            self._lose_everything()
            raise
        connection.add_termination_listener(self._on_termination)
        self._connection = connection
        return connection

    async def _take_seat(self, connection: asyncpg.Connection) -> None:
        rows = await connection.fetch(TOPICS)
        self._topic_ids = {row["name"]: row["topic_id"] for row in rows}
        self._topic_names = {number: name for name, number in self._topic_ids.items()}
        self._member_id = uuid4()
        self._group_id = await connection.fetchval(_JOIN, self._group, self._member_id, self._topics)
        # First listen, then look: what is appended in between is found by looking.
        await connection.add_listener(f"event_log_group_{self._group_id}", self._on_regroup)
        for topic in self._topics:
            await connection.add_listener(f"event_log_topic_{self._topic_ids[topic]}", self._on_append)
        await self._share_out(connection)

    async def _share_out(self, connection: asyncpg.Connection) -> None:
        """Show that this member lives, give up what is too much, and learn what is owned now."""
        busy = self._busy_partitions()
        rows = await connection.fetch(
            _SHARE_OUT, self._group_id, self._member_id, *self._arrays(busy), self._timing.session
        )
        owned = {(self._topic_names[row["topic_id"]], row["part"]): row for row in rows}
        gone = self._next.keys() - owned.keys()
        new = owned.keys() - self._next.keys()
        self._in_hand.lose(gone)
        for partition in gone:
            del self._next[partition]
        for partition in new:
            self._next[partition] = owned[partition]["committed"]
        self._heads = {partition: row["next_position"] for partition, row in owned.items()}
        self._surplus = {partition for partition, row in owned.items() if row["surplus"]}
        if not self._surplus:
            self._surplus_since = None
        elif self._surplus_since is None:
            self._surplus_since = self._now()
        if new:
            self._wake.set()

    def _busy_partitions(self) -> list[Partition]:
        """What must not be given up yet. Others who ask for it wait, but not for ever."""
        busy = self._in_hand.busy()
        asked = self._surplus_since
        if asked is not None and self._now() - asked > self._timing.release:
            return [partition for partition in busy if partition not in self._surplus]
        return busy

    async def _keep_membership(self) -> None:
        """Give signs of life, and take part in sharing out when members come and go, also while nobody polls."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._timing.heartbeat):
                    await self._regroup.wait()
            self._regroup.clear()
            # Who has hung for too long stays silent, and the others end its session.
            if self._now() - self._last_used > self._timing.idle:
                continue
            async with self._lock:
                if self._connection is None:
                    continue
                try:
                    await self._share_out(self._connection)
                except LOG_ERRORS:
                    self._drop()

    def _drop(self) -> None:
        """The session is gone or of no use, and with it all that was owned through it."""
        connection, self._connection = self._connection, None
        self._lose_everything()
        if connection is not None:
            connection.terminate()

    def _lose_everything(self) -> None:
        self._in_hand.lose()
        self._next.clear()
        self._heads.clear()
        self._surplus.clear()
        self._surplus_since = None

    def _on_append(self, *_: object) -> None:
        self._wake.set()

    def _on_regroup(self, *_: object) -> None:
        self._regroup.set()

    def _on_termination(self, *_: object) -> None:
        # A poll that sleeps finds out at once; so does the next commit.
        self._wake.set()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
