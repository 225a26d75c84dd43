"""The embedded event log obeys the contract of every event log."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from common.contracts.topics import TopicSpec
from common.messaging.membership import GroupTiming
from common.messaging.postgres_log import PostgresLogBroker, create_log
from muniment import postgres
from muniment.home import passwords
from muniment.processes import Running, free_port
from tests.contracts.broker_contract import OTHER_READER, QUICK, READER, STRANGER, WRITER, BrokerContract
from tests.plugins.engines import temporary_home


class PostgresLogEngine:
    """A PostgreSQL of its own, because these tests kill it."""

    def __init__(self, running: Running, admin_url: str) -> None:
        self._running = running
        self._admin_url = admin_url
        self._address = admin_url.rpartition("@")[2].partition("/")[0]
        self._topics: list[TopicSpec] = []

    def url(self, principal: str) -> str:
        return f"postgresql://{principal}:{principal}@{self._address}/event_log"

    def broker(
        self, principal: str, *, timing: GroupTiming = QUICK, publish_seconds: float = 15.0
    ) -> PostgresLogBroker:
        return PostgresLogBroker(
            self.url(principal), f"test {principal}", timing=timing, publish_seconds=publish_seconds
        )

    def nowhere(self, port: int) -> PostgresLogBroker:
        return PostgresLogBroker(f"postgresql://a:b@127.0.0.1:{port}/event_log", "test", publish_seconds=2)

    def member_settings(self, principal: str) -> dict[str, Any]:
        return {"engine": "postgres", "url": self.url(principal), "timing": asdict(QUICK)}

    async def add_topic(self, partitions: int = 4) -> str:
        if not self._topics:
            await self._prepare()
        name = f"test.{uuid4().hex}"
        self._topics.append(TopicSpec(name, "n", partitions, 7, (WRITER,), (READER, OTHER_READER), ""))
        await create_log(self.url("event_log"), self._topics)
        return name

    def kill(self) -> None:
        self._running.kill()

    def start(self) -> None:
        self._running.start()

    async def _prepare(self) -> None:
        """As the operator's tool does it: the log's owner is no superuser."""
        admin = await asyncpg.connect(self._admin_url)
        for role in (WRITER, READER, OTHER_READER, STRANGER, "event_log"):
            await admin.execute(f"create role {role} login password '{role}'")
        await admin.execute("create database event_log owner event_log")
        await admin.close()


@pytest.fixture(scope="module")
def engine() -> Iterator[PostgresLogEngine]:
    home = temporary_home("log")
    secrets = passwords(home)
    cluster = postgres.cluster_of(home)
    cluster.create(secrets["admin"])
    port = free_port()
    running = Running(cluster.spec(port), home.path / "postgres.log")
    try:
        running.start()
        yield PostgresLogEngine(running, postgres.url("admin", secrets["admin"], port, "postgres"))
    finally:
        running.stop()
        shutil.rmtree(home.path, ignore_errors=True)


class TestPostgresLog(BrokerContract):
    """All of the contract."""
