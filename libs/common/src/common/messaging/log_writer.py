"""Appends records to the embedded event log, many callers' records in one transaction.

There is no timer: one batch is under way at a time, and what arrives meanwhile is the next batch. Alone, a record
waits for nobody; under load the batches grow by themselves.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from zlib import crc32

import asyncpg
import orjson

from common.messaging.broker import BrokerUnavailableError, Record
from common.messaging.log_connection import (
    CLOSE_SECONDS,
    TOPICS,
    as_unavailable,
    connect_to_log,
    connection_lost,
    end_connection,
)
from common.messaging.record_check import record_bytes

_APPEND = "select event_log.append($1, $2, $3, $4, $5)"
_MAX_BATCH_RECORDS = 2_000
_MAX_BATCH_BYTES = 8_000_000


class _Call:
    """One caller's records, ready to be sent, and the moment when all of them are in the log."""

    def __init__(self, records: Sequence[Record]) -> None:
        self.records = records
        self.headers = [orjson.dumps(record.headers).decode() for record in records]
        self.hashes = [crc32(record.key.encode()) for record in records]
        self.bytes = sum(map(record_bytes, records))
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def succeed(self) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def fail(self, error: BrokerUnavailableError) -> None:
        if not self.done.done():
            self.done.set_exception(error)


class LogWriter:
    """The process's one way into the log. Connects when first needed, and again when the connection is lost."""

    def __init__(self, url: str, client_id: str) -> None:
        self._url = url
        self._client_id = client_id
        self._calls: deque[_Call] = deque()
        self._appending: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()
        self._connection: asyncpg.Connection | None = None
        self._topics: dict[str, tuple[int, int]] = {}

    async def write(self, records: Sequence[Record]) -> None:
        """Append these records in their order, together with what others append at the same time.

        Raises:
            BrokerUnavailableError: they may or may not be in the log.
        """
        call = _Call(records)
        self._calls.append(call)
        if self._appending is None or self._appending.done():
            self._appending = asyncio.create_task(self._append_all())
        await call.done

    async def ping(self) -> None:
        """Ask the log for an answer.

        Raises:
            BrokerUnavailableError: there was none.
        """
        async with self._lock:
            try:
                connection = await self._connected()
                with as_unavailable("the event log does not answer"):
                    await connection.execute("select 1")
            except BrokerUnavailableError:
                self._drop()
                raise

    async def close(self) -> None:
        """Finish what callers still wait for, then close the connection."""
        if self._appending is not None:
            await asyncio.wait([self._appending], timeout=CLOSE_SECONDS)
            self._appending.cancel()
        async with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None:
                await end_connection(connection)

    async def _append_all(self) -> None:
        while self._calls:
            calls = self._next_batch()
            if calls:
                async with self._lock:
                    await self._append(calls)

    def _next_batch(self) -> list[_Call]:
        """As many waiting calls as fit into one transaction, and always one; callers who gave up are left out."""
        calls: list[_Call] = []
        records = size = 0
        while self._calls:
            call = self._calls[0]
            records += len(call.records)
            size += call.bytes
            if calls and (records > _MAX_BATCH_RECORDS or size > _MAX_BATCH_BYTES):
                break
            self._calls.popleft()
            if not call.done.done():
                calls.append(call)
        return calls

    async def _append(self, calls: list[_Call]) -> None:
        """Append the calls in one transaction; when it is refused, each by itself, so that only the cause fails."""
        try:
            with as_unavailable("not appended to the event log"):
                connection = await self._connected()
                columns = await self._columns(connection, calls)
                await connection.execute(_APPEND, *columns)
        except BrokerUnavailableError as error:
            if connection_lost(self._connection, error):
                self._drop()
            elif self._connection is not None and len(calls) > 1:
                for call in calls:
                    await self._append([call])
                return
            for call in calls:
                call.fail(error)
        else:
            for call in calls:
                call.succeed()

    async def _columns(
        self, connection: asyncpg.Connection, calls: list[_Call]
    ) -> tuple[list[int], list[int], list[str], list[bytes], list[str]]:
        """The records of these calls as the columns of one append, in their order."""
        columns: tuple[list[int], list[int], list[str], list[bytes], list[str]] = ([], [], [], [], [])
        topic_ids, parts, keys, values, headers = columns
        for call in calls:
            for record, key_hash in zip(call.records, call.hashes, strict=True):
                topic_id, partitions = await self._topic(connection, record.topic)
                topic_ids.append(topic_id)
                parts.append(key_hash % partitions)
                keys.append(record.key)
                values.append(record.value)
            headers.extend(call.headers)
        return columns

    async def _topic(self, connection: asyncpg.Connection, name: str) -> tuple[int, int]:
        """A topic's number and its partitions, asked once for each connection and again for an unknown name."""
        if name not in self._topics:
            rows = await connection.fetch(TOPICS)
            self._topics = {row["name"]: (row["topic_id"], row["partitions"]) for row in rows}
        if name not in self._topics:
            raise BrokerUnavailableError(f"the event log has no topic {name}")
        return self._topics[name]

    async def _connected(self) -> asyncpg.Connection:
        if connection_lost(self._connection):
            self._drop()
        if self._connection is None:
            self._connection = await connect_to_log(self._url, self._client_id)
        return self._connection

    def _drop(self) -> None:
        """Forget the connection and what was learnt through it."""
        connection, self._connection = self._connection, None
        self._topics = {}
        if connection is not None:
            connection.terminate()
