from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from common.contracts.envelope import EventData
from common.database import Database, fetch_all
from common.messaging.consumer import Consumer
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, MemoryBroker, client_of
from retention.app import make_app, make_subjects
from tests.retention.facts import received


@dataclass
class Store:
    """A migrated database of the service, with its consumer."""

    settings: ServiceSettings
    database: Database
    clock: FixedClock
    offset: int = 0

    @property
    def url(self) -> str:
        return self.settings.database_url.get_secret_value()

    async def hear(self, *facts: EventData, source: str = "/muniment/test") -> None:
        """Let the consumer handle events with these facts, as one batch."""
        subject = make_subjects(self.settings, self.clock)[0]
        consumer = Consumer(subject, database=self.database, broker=MemoryBroker(), clock=self.clock)
        await consumer.handle(received(*facts, source=source, offset=self.offset))
        self.offset += len(facts)

    async def rows(self, sql: str, *values: object) -> Sequence[asyncpg.Record]:
        async with self.database.reading() as session:
            return list(await fetch_all(session, sql, *values))

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])


@pytest.fixture
async def store(
    service_db: Callable[[str], Awaitable[str]], clock: FixedClock, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Store]:
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    settings = ServiceSettings(database_url=await service_db("retention"))
    database = Database(settings, application="test")
    yield Store(settings, database, clock)
    await database.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(store.settings, clock=store.clock)) as client:
        yield client
