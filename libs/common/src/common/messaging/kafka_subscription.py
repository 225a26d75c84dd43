"""A member of a consumer group on Apache Kafka.

aiokafka fetches ahead, at most one answer for each broker, and asks for no more until that is polled. Rebalances are
met half way: partitions that are asked for are given up when what was polled of them is committed, or after a while.
"""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from common.messaging.broker import BrokerUnavailableError, PositionLostError, ReceivedRecord
from common.messaging.kafka_client import KAFKA_ERRORS, KafkaSecurity, as_unavailable
from common.messaging.membership import GroupTiming, InHand, Partition

_FETCH_BYTES = 8 * 1024 * 1024
_PARTITION_FETCH_BYTES = 1_048_576
_FETCH_WAIT_MS = 200
_REQUEST_MS = 30_000
"""Longer than a rebalance may take, during which the coordinator leaves a request unanswered."""

_COMMIT_SECONDS = 10.0
_SIGN_SECONDS = 5.0
_STOP_SECONDS = 5.0


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc]  # published without types
    """Tells a member what its consumer goes through, unless the member has let go of that consumer."""

    def __init__(self, member: "KafkaSubscription") -> None:
        self._member = member
        self.heard = True

    async def on_partitions_revoked(self, _revoked: object) -> None:
        if self.heard:
            await self._member.let_go()

    async def on_partitions_assigned(self, _assigned: object) -> None:
        if self.heard:
            self._member.begin_anew()


class KafkaSubscription:
    """One member; see `Subscription`. Used as a context manager: leaving the block leaves the group."""

    def __init__(
        self,
        address: Mapping[str, str],
        security: KafkaSecurity,
        *,
        group: str,
        topics: Sequence[str],
        timing: GroupTiming,
    ) -> None:
        self._address = address
        self._security = security
        self._group = group
        self._topics = sorted(set(topics))
        self._timing = timing
        self._in_hand = InHand()
        self._next: dict[Partition, int] = {}
        self._consumer: AIOKafkaConsumer | None = None
        self._rebalances: _Rebalances | None = None
        self._starting: asyncio.Task[AIOKafkaConsumer] | None = None
        self._fetching: asyncio.Task[list[ReceivedRecord]] | None = None
        self._stopping: set[asyncio.Task[None]] = set()
        self._last_sign = 0.0
        self._behind = False
        self._changing_hands = False

    async def __aenter__(self) -> Self:
        self._last_sign = _now()
        self._starting = asyncio.create_task(self._start())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._discard()
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=_STOP_SECONDS)

    async def poll(self, *, max_records: int, timeout_seconds: float) -> list[ReceivedRecord]:
        """Take the next records; see `Subscription.poll`.

        Raises:
            BrokerUnavailableError: Kafka cannot be reached, or refuses this principal.
        """
        deadline = _now() + timeout_seconds
        try:
            with as_unavailable("Kafka cannot be read"):
                consumer = await self._started(deadline)
                records = await self._fetched(consumer, max_records, deadline) if consumer else []
        except BrokerUnavailableError:
            # aiokafka mends what passes by itself; what it reports is for good.
            await self._discard()
            raise
        if records:
            self._last_sign = _now()
            self._behind = False
        elif consumer is not None and _now() - self._last_sign > _SIGN_SECONDS:
            await self._ask_for_sign(consumer)
        return records

    async def commit(self, records: Sequence[ReceivedRecord]) -> None:
        """Move the group's position; see `Subscription.commit`.

        Raises:
            PositionLostError: a partition among them was lost since it was polled.
            BrokerUnavailableError: Kafka cannot be reached; the position may or may not have moved.
        """
        positions = self._in_hand.positions(records)
        if not positions or self._consumer is None:
            return
        offsets = {TopicPartition(*partition): position for partition, position in positions.items()}
        try:
            with as_unavailable("not committed to Kafka"):
                async with asyncio.timeout(_COMMIT_SECONDS):
                    await self._consumer.commit(offsets)
        except BrokerUnavailableError as error:
            if isinstance(error.__cause__, CommitFailedError | IllegalStateError):
                self._in_hand.lose()
                raise PositionLostError("the group was shared out anew before the commit") from error
            raise
        self._in_hand.settle(positions)

    async def rewind(self, records: Sequence[ReceivedRecord]) -> None:
        """Poll these records again; see `Subscription.rewind`."""
        unseen: list[ReceivedRecord] = []
        if self._fetching is not None:
            # What a poll fetched but could not hand over any more comes after these records, so it goes back too.
            fetching, self._fetching = self._fetching, None
            if fetching.done() and not fetching.cancelled() and fetching.exception() is None:
                unseen = fetching.result()
        self._seek(self._in_hand.give_back([*records, *unseen]))

    def lag(self) -> int:
        """Records waiting in the owned partitions beyond what was polled, as of the last fetch."""
        if self._consumer is None:
            return 0
        owned = {(tp.topic, tp.partition): tp for tp in self._consumer.assignment()}
        heads = {partition: self._consumer.highwater(tp) or 0 for partition, tp in owned.items()}
        return sum(max(0, heads.get(partition, 0) - position) for partition, position in self._next.items())

    async def let_go(self) -> None:
        """Give up what is owned, but first let the caller commit what it has in hand, within its time.

        The member keeps giving signs of life meanwhile, and the group waits for it.
        """
        self._changing_hands = True
        with suppress(TimeoutError):
            async with asyncio.timeout(self._timing.release):
                await self._in_hand.wait_settled()
        self._in_hand.lose()

    def begin_anew(self) -> None:
        """Every partition goes on from the group's position."""
        self._in_hand.lose()
        self._next.clear()
        self._changing_hands = False

    async def _start(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._address,
            **self._security.options(),
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_bytes=_FETCH_BYTES,
            max_partition_fetch_bytes=_PARTITION_FETCH_BYTES,
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            request_timeout_ms=_REQUEST_MS,
            session_timeout_ms=int(self._timing.session * 1000),
            heartbeat_interval_ms=int(self._timing.heartbeat * 1000),
            rebalance_timeout_ms=int((self._timing.release + self._timing.session) * 1000),
            max_poll_interval_ms=int(self._timing.idle * 1000),
        )
        self._rebalances = _Rebalances(self)
        consumer.subscribe(self._topics, listener=self._rebalances)
        try:
            await consumer.start()
        except BaseException:
            self._stop_behind(consumer)
            raise
        return consumer

    async def _started(self, deadline: float) -> AIOKafkaConsumer | None:
        """The consumer, once it has joined the group; None when that takes longer than the caller waits."""
        if self._consumer is None:
            if self._starting is None:
                self._starting = asyncio.create_task(self._start())
            starting = self._starting
            await asyncio.wait([starting], timeout=max(0.0, deadline - _now()))
            if not starting.done():
                return None
            self._starting = None
            self._consumer = starting.result()
            self._last_sign = _now()
        return self._consumer

    async def _fetched(self, consumer: AIOKafkaConsumer, max_records: int, deadline: float) -> list[ReceivedRecord]:
        """What the fetch under way brings in time, else nothing; it then goes on, for the next poll.

        While the group is shared out a fetch takes as long as that, whatever its own limit, and aiokafka loses count
        of idle time when it is cancelled.
        """
        remaining = max(0.0, deadline - _now())
        if self._fetching is None:
            self._fetching = asyncio.create_task(self._fetch(consumer, max_records, remaining))
        fetching = self._fetching
        await asyncio.wait([fetching], timeout=remaining + 0.05)
        if not fetching.done() or self._fetching is not fetching:
            return []
        self._fetching = None
        records = fetching.result()
        if len(records) > max_records:
            self._seek(self._in_hand.give_back(records[max_records:]))
        return records[:max_records]

    async def _fetch(self, consumer: AIOKafkaConsumer, max_records: int, seconds: float) -> list[ReceivedRecord]:
        batches = await consumer.getmany(timeout_ms=int(seconds * 1000), max_records=max_records)
        # No other task runs between the line above and this note: a rebalance sees what is in hand.
        records = [_received(record) for batch in batches.values() for record in batch]
        self._in_hand.take(records)
        for record in records:
            self._next[record.topic, record.partition] = record.offset + 1
        if self._fetching is not asyncio.current_task():
            # Rewound while it was under way: these come after what was given back.
            self._seek(self._in_hand.give_back(records))
            return []
        for tp in consumer.assignment():
            if (tp.topic, tp.partition) not in self._next and consumer.highwater(tp) is not None:
                self._next[tp.topic, tp.partition] = await consumer.position(tp)
        return records

    def _seek(self, positions: Mapping[Partition, int]) -> None:
        for partition, offset in positions.items():
            # A partition that is not owned any more needs no seek: its owner begins at the group's position.
            with suppress(IllegalStateError):
                if self._consumer is not None:
                    self._consumer.seek(TopicPartition(*partition), offset)
                    self._next[partition] = offset

    async def _ask_for_sign(self, consumer: AIOKafkaConsumer) -> None:
        """Tell a quiet topic from a broker that is gone, and from a consumer that stopped fetching.

        Raises:
            BrokerUnavailableError: no answer, or records have been waiting since the last time and were not fetched.
        """
        with as_unavailable("Kafka does not answer"):
            async with asyncio.timeout(_SIGN_SECONDS):
                behind = await self._is_behind(consumer)
        self._last_sign = _now()
        if behind and self._behind:
            await self._discard()
            raise BrokerUnavailableError("records wait in Kafka and are not fetched")
        self._behind = behind

    async def _is_behind(self, consumer: AIOKafkaConsumer) -> bool:
        """Ask the brokers whether there is more than was fetched. Nothing is fetched while the group is shared out."""
        owned = consumer.assignment()
        if self._changing_hands or not owned:
            await consumer.topics()
            return False
        ends = await consumer.end_offsets(list(owned))
        with suppress(IllegalStateError):
            return any([end > await consumer.position(tp) for tp, end in ends.items()])
        return False

    async def _discard(self) -> None:
        """Leave the group and forget everything; the next poll begins anew."""
        starting, self._starting = self._starting, None
        fetching, self._fetching = self._fetching, None
        consumer, self._consumer = self._consumer, None
        if self._rebalances is not None:
            self._rebalances.heard = False
        self._in_hand.lose()
        self._next.clear()
        self._behind = self._changing_hands = False
        tasks = [task for task in (starting, fetching) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if starting is not None and not starting.cancelled() and starting.exception() is None:
            self._stop_behind(starting.result())
        if consumer is not None:
            self._stop_behind(consumer)

    def _stop_behind(self, consumer: AIOKafkaConsumer) -> None:
        """Stop a consumer without waiting: while its coordinator is away that takes long, and must not be cut off."""
        task = asyncio.create_task(_stop(consumer))
        self._stopping.add(task)
        task.add_done_callback(self._stopping.discard)


async def _stop(consumer: AIOKafkaConsumer) -> None:
    with suppress(*KAFKA_ERRORS):
        await consumer.stop()


def _received(record: Any) -> ReceivedRecord:
    return ReceivedRecord(
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        key=(record.key or b"").decode(),
        value=record.value or b"",
        headers={name: text.decode() for name, text in record.headers},
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
