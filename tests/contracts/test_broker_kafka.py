"""Apache Kafka, as the platform uses it, obeys the contract of every event log."""

import asyncio
from dataclasses import asdict
from time import monotonic, sleep
from typing import Any
from uuid import uuid4

import pytest
from confluent_kafka.admin import AdminClient

from common.contracts.topics import TopicSpec
from common.messaging.kafka import KafkaBroker, KafkaSecurity
from common.messaging.membership import GroupTiming
from tests.contracts.broker_contract import OTHER_READER, QUICK, READER, WRITER, BrokerContract
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
            "timing": asdict(QUICK),
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
