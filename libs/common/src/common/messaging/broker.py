"""The interface of the event log, whatever stands behind it.

Two adapters obey one suite of tests (`tests/contracts/broker_contract.py`): `kafka.py` (Apache Kafka through aiokafka)
and `postgres_log.py` (a log in PostgreSQL, for one machine without Kafka).
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Protocol, Self, runtime_checkable


@dataclass(frozen=True, slots=True)
class Record:
    """What travels on a topic: a key that decides the order, opaque bytes, and headers in text."""

    topic: str
    key: str
    value: bytes
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ReceivedRecord:
    """A record with the place where it stands. `offset` grows within a partition; equal keys share a partition."""

    topic: str
    partition: int
    offset: int
    key: str
    value: bytes
    headers: dict[str, str]


class BrokerUnavailableError(Exception):
    """The event log cannot be reached or refused the work for now; trying again later may succeed."""


class PositionLostError(Exception):
    """The partitions of a batch moved to another member before its position was committed.

    What the batch did stands; the records come again, to whoever owns the partition now, and the inbox drops them.
    """


class Subscription(Protocol):
    """One member of a consumer group. Not for use by several tasks at once."""

    async def poll(self, *, max_records: int, timeout_seconds: float) -> list[ReceivedRecord]:
        """Take the next records of the partitions this member owns; empty when none came in time.

        Records of one partition come in the order of their offsets, each once per call sequence, and go on from the
        committed position when a partition is newly owned. Nothing is fetched beyond a bounded buffer while nobody
        polls: pulling is the back-pressure.

        Raises:
            BrokerUnavailableError: the log cannot be reached; the caller may poll again.
        """
        ...

    async def commit(self, records: Sequence[ReceivedRecord]) -> None:
        """Move the group's position past these records (the highest offset of each partition counts).

        Raises:
            PositionLostError: a partition among them belongs to another member now.
            BrokerUnavailableError: the log cannot be reached.
        """
        ...

    async def rewind(self, records: Sequence[ReceivedRecord]) -> None:
        """Make the next poll begin again at the lowest offset of each partition among these records."""
        ...

    def lag(self) -> int:
        """Records known to be waiting in the owned partitions beyond what was polled; 0 when unknown."""
        ...


@runtime_checkable
class Broker(Protocol):
    """A durable, partitioned, replayable event log. Use as an async context manager: `async with broker:`."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...

    async def publish(self, records: Sequence[Record]) -> None:
        """Append the records; on return every one is durable (all in-sync replicas, or the log's commit).

        Records of one key keep the order of the sequence. When it raises, any of them may be in the log: the caller
        publishes the whole sequence again, and consumers drop what they have seen.

        Raises:
            BrokerUnavailableError: not all were confirmed.
        """
        ...

    def subscribe(self, *, group: str, topics: Sequence[str]) -> AbstractAsyncContextManager[Subscription]:
        """Join the group on these topics; leaving the block leaves the group, so that others take over at once.

        A group that has no position yet begins at the oldest record.
        """
        ...

    async def keep_house(self) -> None:
        """Do what the engine does not do by itself, such as deleting what is past its topic's retention.

        Raises:
            BrokerUnavailableError: the log cannot be reached.
        """
        ...

    async def ping(self) -> None:
        """Ask the log for a sign of life.

        Raises:
            BrokerUnavailableError: there is none.
        """
        ...
