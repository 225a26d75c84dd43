from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from common.database import Database, fetch_all
from common.messaging.consumer import Consumer
from common.testing import FixedClock, Issuer, MemoryBroker, client_of
from transcripts.app import make_app, make_subjects
from transcripts.settings import TranscriptsSettings


@dataclass
class Store:
    """A migrated database of the service, with its consumer."""

    settings: TranscriptsSettings
    database: Database
    clock: FixedClock

    def consumer(self) -> Consumer:
        subject = make_subjects(self.settings, self.clock)[0]
        return Consumer(subject, database=self.database, broker=MemoryBroker(), clock=self.clock)

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
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
    settings = TranscriptsSettings(database_url=await service_db("transcripts"))
    database = Database(settings, application="test")
    yield Store(settings, database, clock)
    await database.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(store.settings, clock=store.clock)) as client:
        yield client
