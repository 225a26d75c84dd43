"""Apache Kafka, as the platform uses it, obeys the contract of every event log."""

import asyncio
import logging
from dataclasses import asdict
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient

from common.contracts.topics import TopicSpec
from common.messaging import kafka_subscription
from common.messaging.broker import BrokerUnavailableError, Record
from common.messaging.kafka import KafkaBroker, KafkaSecurity
from common.messaging.kafka_subscription import KafkaSubscription
from common.messaging.membership import GroupTiming
from tests.contracts.broker_contract import BrokerContract
from tests.contracts.broker_kit import OTHER_READER, QUICK, READER, WRITER, group, numbered, numbers_of, take
from tests.plugins.servers import KafkaServer

pytestmark = pytest.mark.kafka


class KafkaEngine:
    """The run's Kafka, with its access rules."""

    def __init__(self, server: KafkaServer) -> None:
        self._server = server

    def security(self, principal: str) -> KafkaSecurity:
        return KafkaSecurity("SASL_PLAINTEXT", "PLAIN", principal, self._server.passwords[principal])

    def broker(self, principal: str, *, timing: GroupTiming = QUICK, publish_seconds: float = 15.0) -> KafkaBroker:
        return KafkaBroker(
            self._server.bootstrap,
            f"test-{principal}",
            self.security(principal),
            timing=timing,
            publish_seconds=publish_seconds,
        )

    def nowhere(self, port: int) -> KafkaBroker:
        return KafkaBroker(f"127.0.0.1:{port}", "test", publish_seconds=2)

    def member_settings(self, principal: str) -> dict[str, Any]:
        return {
            "engine": "kafka",
            "url": self._server.bootstrap,
            "security": asdict(self.security(principal)),
        }

    async def add_topic(self, partitions: int = 4) -> str:
        name = f"test.{uuid4().hex}"
        topic = TopicSpec(name, "n", partitions, 7, (WRITER,), (READER, OTHER_READER), "")
        await asyncio.to_thread(self._server.add_topics, [topic])
        for principal in (WRITER, READER, OTHER_READER):
            await asyncio.to_thread(self._wait_until_granted, principal, name)
        return name

    def _wait_until_granted(self, principal: str, topic: str) -> None:
        """Access rules take effect a moment after they were accepted."""
        client = AdminClient({**self._server.client_settings(principal)})
        deadline = monotonic() + 20
        while client.list_topics(topic, timeout=10).topics[topic].error is not None:
            assert monotonic() < deadline
            sleep(0.02)

    def kill(self) -> None:
        self._server.kill()

    def start(self) -> None:
        self._server.start()


@pytest.fixture(scope="module")
def engine(kafka_server: KafkaServer) -> KafkaEngine:
    return KafkaEngine(kafka_server)


class TestKafka(BrokerContract):
    """All of the contract."""


async def test_no_level_of_logging_shows_what_a_record_says(
    engine: KafkaEngine, caplog: pytest.LogCaptureFixture
) -> None:
    topic, name = await engine.add_topic(), group()
    with caplog.at_level(logging.DEBUG):
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish([Record(topic, "key-of-a-person", b"what-she-said", {"h": "header-text"})])
            async with reader.subscribe(group=name, topics=[topic]) as member:
                await member.commit(await take(member, 1))
    shown = " ".join(record.getMessage() for record in caplog.records if record.name.startswith("aiokafka"))
    assert "Joined group" in shown
    for secret in ("key-of-a-person", "what-she-said", "header-text", engine.security(WRITER).password):
        assert secret not in shown


async def test_a_consumer_that_stopped_fetching_is_replaced(
    engine: KafkaEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_subscription, "_SIGN_SECONDS", 0.5)
    topic = await engine.add_topic()
    async with (
        engine.broker(WRITER) as writer,
        engine.broker(READER) as reader,
        reader.subscribe(group=group(), topics=[topic]) as member,
    ):
        assert isinstance(member, KafkaSubscription)
        await writer.publish(numbered(topic, range(5)))
        await member.commit(await take(member, 5))
        assert member._consumer is not None
        member._consumer._fetcher._fetch_task.cancel()
        await writer.publish(numbered(topic, range(5, 10)))
        with pytest.raises(BrokerUnavailableError):
            await take(member, 5)
        assert sorted(numbers_of(await take(member, 5))) == list(range(5, 10))
