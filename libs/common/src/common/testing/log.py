import asyncio
import zlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Self

from common.messaging.broker import BrokerUnavailableError, ReceivedRecord, Record

PARTITIONS = 4


class MemoryBroker:
    """An event log for tests of what stands above it: one member a group, positions kept, faults on demand.

    Attributes:
        failures: how many of the next calls to `publish` fail after having appended half of their records.
    """

    def __init__(self) -> None:
        self.records: list[ReceivedRecord] = []
        self.positions: dict[tuple[str, str, int], int] = {}
        self.failures = 0
        self._arrived = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        return

    async def ping(self) -> None:
        return

    async def keep_house(self) -> None:
        return

    async def publish(self, records: Sequence[Record]) -> None:
        failing = self.failures > 0
        self.failures -= failing
        for record in records[: len(records) // 2] if failing else records:
            partition = zlib.crc32(record.key.encode()) % PARTITIONS
            offset = sum(r.topic == record.topic and r.partition == partition for r in self.records)
            self.records.append(
                ReceivedRecord(record.topic, partition, offset, record.key, record.value, dict(record.headers))
            )
        self._arrived.set()
        if failing:
            raise BrokerUnavailableError("as the test asked")

    @asynccontextmanager
    async def subscribe(self, *, group: str, topics: Sequence[str]) -> AsyncIterator["MemorySubscription"]:
        yield MemorySubscription(self, group, topics)

    async def wait(self, seconds: float) -> None:
        self._arrived.clear()
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return


class MemorySubscription:
    def __init__(self, broker: MemoryBroker, group: str, topics: Sequence[str]) -> None:
        self._broker = broker
        self._group = group
        self._topics = topics
        self._next = {p: o for p, o in broker.positions.items() if p[0] == group}

    async def poll(self, *, max_records: int, timeout_seconds: float) -> list[ReceivedRecord]:
        found = self._waiting()
        if not found:
            await self._broker.wait(timeout_seconds)
            found = self._waiting()
        found = found[:max_records]
        for record in found:
            self._next[self._group, record.topic, record.partition] = record.offset + 1
        return found

    async def commit(self, records: Sequence[ReceivedRecord]) -> None:
        for record in records:
            place = (self._group, record.topic, record.partition)
            self._broker.positions[place] = max(self._broker.positions.get(place, 0), record.offset + 1)

    async def rewind(self, records: Sequence[ReceivedRecord]) -> None:
        for record in records:
            place = (self._group, record.topic, record.partition)
            self._next[place] = min(self._next.get(place, 0), record.offset)

    def lag(self) -> int:
        return len(self._waiting())

    def _waiting(self) -> list[ReceivedRecord]:
        return [
            r
            for r in self._broker.records
            if r.topic in self._topics and r.offset >= self._next.get((self._group, r.topic, r.partition), 0)
        ]
