"""The embedded event log, on a PostgreSQL that a test may kill."""

from typing import Any
from uuid import uuid4

import asyncpg

from common.contracts.topics import TopicSpec
from common.messaging.membership import GroupTiming
from common.messaging.postgres_log import PostgresLogBroker, create_log
from muniment.processes import Running
from tests.contracts.broker_kit import OTHER_READER, QUICK, READER, STRANGER, WRITER


class PostgresLogEngine:
    """A PostgreSQL of its own, because these tests kill it."""

    def __init__(self, running: Running, admin_url: str) -> None:
        self._running = running
        self._admin_url = admin_url
        self._address = admin_url.rpartition("@")[2].partition("/")[0]
        self.topics: dict[str, TopicSpec] = {}

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
        return {"engine": "postgres", "url": self.url(principal)}

    async def add_topic(self, partitions: int = 4) -> str:
        topic = TopicSpec(f"test.{uuid4().hex}", "n", partitions, 7, (WRITER,), (READER, OTHER_READER), "")
        await self.set_topics(topic)
        return topic.name

    async def set_topics(self, *changed: TopicSpec) -> None:
        """Create the log with these topics and those that other tests made."""
        wanted = self.topics | {topic.name: topic for topic in changed}
        await create_log(self.url("event_log"), list(wanted.values()))
        self.topics.update(wanted)

    def kill(self) -> None:
        self._running.kill()

    def start(self) -> None:
        self._running.start()

    async def prepare(self) -> None:
        """The log's owner is no superuser; it may end the sessions of members that hang."""
        admin = await asyncpg.connect(self._admin_url)
        for role in (WRITER, READER, OTHER_READER, STRANGER, "event_log"):
            await admin.execute(f"create role {role} login password '{role}'")
        await admin.execute("create database event_log owner event_log")
        await admin.execute("grant pg_signal_backend to event_log")
        await admin.close()
