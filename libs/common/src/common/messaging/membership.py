"""What both engines' members of a consumer group have in common: their patience, and what they have in hand."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from common.messaging.broker import PositionLostError, ReceivedRecord

Partition = tuple[str, int]
"""A topic's name and the number of its partition."""


@dataclass(frozen=True, slots=True)
class GroupTiming:
    """How patient a consumer group is with its members, in seconds."""

    heartbeat: float = 1.0
    """Between two signs of life of a member."""

    session: float = 8.0
    """A member that was silent for so long is out, and its partitions go to others. Kafka's brokers want at least 6."""

    release: float = 10.0
    """How long a member may go on with what it has polled when its partitions are asked for by others."""

    idle: float = 300.0
    """A member that has not polled for so long is out, though its process lives: it hangs."""


class InHand:
    """Knows which records this member may still commit: those polled since it last came to own their partition.

    Positions are those of the next record, as both engines keep them.
    """

    def __init__(self) -> None:
        self._polled: dict[Partition, int] = {}
        self._committed: dict[Partition, int] = {}
        self._settled = asyncio.Event()
        self._settled.set()

    def take(self, records: Iterable[ReceivedRecord]) -> None:
        """Note that these records were handed to the caller."""
        for record in records:
            partition = (record.topic, record.partition)
            self._committed.setdefault(partition, record.offset)
            self._polled[partition] = record.offset + 1
            self._settled.clear()

    def positions(self, records: Sequence[ReceivedRecord]) -> dict[Partition, int]:
        """The positions that committing these records means; partitions that are past theirs are left out.

        Raises:
            PositionLostError: a partition was lost since its records were polled, or they never were.
        """
        wanted: dict[Partition, int] = {}
        for record in records:
            partition = (record.topic, record.partition)
            wanted[partition] = max(wanted.get(partition, 0), record.offset + 1)
        for (topic, part), position in wanted.items():
            if position > self._polled.get((topic, part), 0):
                raise PositionLostError(f"partition {part} of {topic} is no longer this member's")
        return {partition: position for partition, position in wanted.items() if position > self._committed[partition]}

    def settle(self, positions: Mapping[Partition, int]) -> None:
        """Note that these positions are committed."""
        self._committed.update(positions)
        self._set_if_settled()

    def give_back(self, records: Sequence[ReceivedRecord]) -> dict[Partition, int]:
        """Note that these records will be polled again; answers the lowest offset of each partition still owned."""
        lowest: dict[Partition, int] = {}
        for record in records:
            partition = (record.topic, record.partition)
            if partition in self._polled:
                lowest[partition] = min(lowest.get(partition, record.offset), record.offset)
        self._polled.update({partition: min(offset, self._polled[partition]) for partition, offset in lowest.items()})
        self._set_if_settled()
        return lowest

    def lose(self, partitions: Iterable[Partition] | None = None) -> None:
        """Note that these partitions, or all, went to somebody else: what was polled of them cannot be committed."""
        for partition in list(self._polled) if partitions is None else partitions:
            self._polled.pop(partition, None)
            self._committed.pop(partition, None)
        self._set_if_settled()

    def busy(self) -> list[Partition]:
        """The partitions of which something was polled and not committed."""
        return [p for p, position in self._polled.items() if position > self._committed[p]]

    async def wait_settled(self) -> None:
        """Wait until everything polled is committed, given back or lost."""
        await self._settled.wait()

    def _set_if_settled(self) -> None:
        if not self.busy():
            self._settled.set()
