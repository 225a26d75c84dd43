"""A service's migrated database with what its tests ask of it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg

from common.database import Database, fetch_all
from common.messaging.consumer import Consumer, Subject
from common.settings import ServiceSettings
from common.testing import FixedClock, MemoryBroker

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
