"""A service's migrated database with what its tests ask of it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import asyncpg
import pytest

from common.database import Database, fetch_all
from common.messaging.consumer import Consumer, Subject
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, MemoryBroker

SettingsT = TypeVar("SettingsT", bound=ServiceSettings)


@dataclass
class MigratedStore(Generic[SettingsT]):
    """Args:
    offset: how many records its consumers have had.
    """

    settings: SettingsT
    database: Database
    clock: FixedClock
    offset: int = 0

    @property
    def url(self) -> str:
        return self.settings.database_url.get_secret_value()

    def consumer_of(self, subject: Subject) -> Consumer:
        """A consumer whose log nobody asks: records are handed to it."""
        return Consumer(subject, database=self.database, broker=MemoryBroker(), clock=self.clock)

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
        async with self.database.reading() as session:
            return list(await fetch_all(session, sql, *values))

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])


StoreT = TypeVar("StoreT", bound=MigratedStore[Any])


class MakeStore(Protocol):
    async def __call__(self, store: type[StoreT], settings: type[ServiceSettings], package: str) -> StoreT: ...


@pytest.fixture
async def make_store(
    service_db: Callable[[str], Awaitable[str]],
    clock: FixedClock,
    issuer: Issuer,
    key_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[MakeStore]:
    """Makes the store of a service, with the settings by which the service itself would open it."""
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    opened: list[Database] = []

    async def make(store: type[StoreT], settings: type[ServiceSettings], package: str) -> StoreT:
        chosen = settings.model_validate({"database_url": await service_db(package), "key_folder": str(key_folder)})
        opened.append(Database(chosen, application="test"))
        return store(chosen, opened[-1], clock)

    yield make
    for database in opened:
        await database.close()
