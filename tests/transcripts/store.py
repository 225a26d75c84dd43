from dataclasses import dataclass

import asyncpg

from common.database import Database, fetch_all
from common.messaging.consumer import Consumer
from common.testing import FixedClock, MemoryBroker
from tests.transcripts.conversations import KEYRING
from transcripts.app import make_subjects
from transcripts.settings import TranscriptsSettings


@dataclass
class Store:
    """A migrated database of the service, with its consumer."""

    settings: TranscriptsSettings
    database: Database
    clock: FixedClock

    def consumer(self) -> Consumer:
        subject = make_subjects(self.settings, self.clock, KEYRING)[0]
        return Consumer(subject, database=self.database, broker=MemoryBroker(), clock=self.clock)

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
        async with self.database.reading() as session:
            return list(await fetch_all(session, sql, *values))

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])
