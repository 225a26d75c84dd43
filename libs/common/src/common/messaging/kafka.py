"""The event log in Apache Kafka, through aiokafka.

The producer is idempotent and waits for all in-sync replicas; it batches by itself what arrives while a request is
under way. Keys choose their partition as Java's clients do (murmur2), so that every producer of a topic agrees.
"""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, suppress
from typing import Any, Self

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from common.messaging.broker import Record, Subscription
from common.messaging.kafka_client import KAFKA_ERRORS, KafkaSecurity, as_unavailable, keep_values_out_of_logs
from common.messaging.kafka_subscription import KafkaSubscription
from common.messaging.membership import GroupTiming
from common.messaging.record_check import check_records

__all__ = ["KafkaBroker", "KafkaSecurity"]

_DEFAULT_TIMING = GroupTiming()
_REQUEST_MS = 10_000
_BATCH_BYTES = 512 * 1024
_MAX_REQUEST_BYTES = 1_048_576
_STOP_SECONDS = 5.0


class KafkaBroker:
    """Kafka, as one principal sees it. Connects when first used; nothing fails before that."""

    def __init__(
        self,
        bootstrap: str,
        client_id: str,
        security: KafkaSecurity | None = None,
        *,
        timing: GroupTiming = _DEFAULT_TIMING,
        publish_seconds: float = 15.0,
    ) -> None:
        """Name the cluster.

        Args:
            bootstrap: one or more brokers to begin with, `host:port,host:port`.
            client_id: what the brokers see and log.
            security: how to prove who this is; None: an open cluster on a trusted network.
            timing: how patient the consumer groups joined through this broker are.
            publish_seconds: after how long `publish` and `ping` give up.
        """
        keep_values_out_of_logs()
        self._client_id = client_id
        self._bootstrap = bootstrap
        self._security = security or KafkaSecurity()
        self._timing = timing
        self._publish_seconds = publish_seconds
        self._producer: AIOKafkaProducer | None = None
        self._client: AIOKafkaClient | None = None
        self._connecting = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._producer is not None:
            self._discard(self._producer)
        if self._stopping:
            await asyncio.wait(self._stopping, timeout=_STOP_SECONDS)
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def publish(self, records: Sequence[Record]) -> None:
        """Send the records and wait until all in-sync replicas have each; see `Broker.publish`.

        Raises:
            ValueError: a record is too large, or has no key.
            BrokerUnavailableError: not all were confirmed, or this principal may not write to the topic.
        """
        check_records(records)
        if not records:
            return
        with as_unavailable("not confirmed by Kafka"):
            async with asyncio.timeout(self._publish_seconds):
                producer = await self._started_producer()
                try:
                    await _send_all(producer, records)
                except KafkaError as error:
                    # An error for good leaves a hole in the producer's sequence, and the brokers refuse what follows.
                    # After one that passes, the same producer goes on where it was, in order and without doubles.
                    if not error.retriable:
                        self._discard(producer)
                    raise

    def subscribe(self, *, group: str, topics: Sequence[str]) -> AbstractAsyncContextManager[Subscription]:
        """Join the group on these topics; see `Broker.subscribe`."""
        return KafkaSubscription(
            {"bootstrap_servers": self._bootstrap, "client_id": self._client_id},
            self._security,
            group=group,
            topics=topics,
            timing=self._timing,
        )

    async def keep_house(self) -> None:
        """Nothing: Kafka deletes by itself."""

    async def ping(self) -> None:
        """Ask the cluster for its metadata; see `Broker.ping`.

        Raises:
            BrokerUnavailableError: no broker answers.
        """
        with as_unavailable("Kafka does not answer"):
            async with asyncio.timeout(self._publish_seconds):
                client = await self._started_client()
                await client.fetch_all_metadata()

    async def _started_producer(self) -> AIOKafkaProducer:
        async with self._connecting:
            if self._producer is None:
                producer = AIOKafkaProducer(
                    bootstrap_servers=self._bootstrap,
                    client_id=self._client_id,
                    enable_idempotence=True,
                    acks="all",
                    linger_ms=0,
                    max_batch_size=_BATCH_BYTES,
                    max_request_size=_MAX_REQUEST_BYTES,
                    request_timeout_ms=_REQUEST_MS,
                    **self._security.options(),
                )
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _started_client(self) -> AIOKafkaClient:
        """A client that only asks: reading services have no right to open a producer."""
        async with self._connecting:
            if self._client is None:
                client = AIOKafkaClient(
                    bootstrap_servers=self._bootstrap,
                    client_id=self._client_id,
                    request_timeout_ms=_REQUEST_MS,
                    **self._security.options(),
                )
                try:
                    await client.bootstrap()
                except BaseException:
                    await client.close()
                    raise
                self._client = client
            return self._client

    def _discard(self, producer: AIOKafkaProducer) -> None:
        """Let go of a producer; the next call makes a new one. What it still holds may be sent, or not."""
        if producer is self._producer:
            self._producer = None
            task = asyncio.create_task(_stop(producer))
            self._stopping.add(task)
            task.add_done_callback(self._stopping.discard)


async def _send_all(producer: AIOKafkaProducer, records: Sequence[Record]) -> None:
    sent: list[asyncio.Future[Any]] = []
    try:
        for record in records:
            headers = [(name, text.encode()) for name, text in record.headers.items()]
            sent.append(await producer.send(record.topic, key=record.key.encode(), value=record.value, headers=headers))
        await asyncio.gather(*sent)
    finally:
        for future in sent:
            future.cancel()


async def _stop(producer: AIOKafkaProducer) -> None:
    with suppress(*KAFKA_ERRORS):
        await producer.stop()
