"""A database that holds the messaging tables and one table of effects, for tests of outbox, relay, inbox and
consumer.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from common.audit.schema import AUDIT_V2
from common.contracts.envelope import Envelope, EventData, encode
from common.contracts.production import ACTION_EVENTS, ActionCompleted, ActionPii
from common.database import Database, WriteSession, fetch_all
from common.errors import PoisonEventError
from common.ids import new_id
from common.messaging.broker import Record
from common.messaging.consumer import Subject
from common.messaging.schema import AUDIT_V1, MESSAGING_V1
from common.protection.events import seal_fact
from common.settings import ServiceSettings
from common.testing import MemoryKeyring

KEYRING = MemoryKeyring()
AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
EFFECTS = """
CREATE TABLE effect (n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, action_id uuid NOT NULL, key text NOT NULL,
outcome text NOT NULL);
"""


async def create_tables(url: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(MESSAGING_V1 + AUDIT_V1 + AUDIT_V2 + EFFECTS)
    finally:
        await connection.close()


def database_of(url: str) -> Database:
    return Database(ServiceSettings(database_url=url), application="test")


def action(outcome: str, key: UUID | None = None) -> ActionCompleted:
    return ActionCompleted(
        action_id=key or new_id(),
        kind="chat_handled",
        outcome=outcome,
        started_at=AT,
        completed_at=AT,
        office="S01",
        region="R1",
        pii=ActionPii(employee_pin="100001"),
    )


def record(outcome: str, key: UUID | None = None) -> Record:
    data = action(outcome, key)
    return encode(Envelope(new_id(), data.event_type, "/muniment/test", data.key, AT, seal_fact(data, KEYRING.issue())))


class Effects:
    """A handler that writes one row per event; outcomes named `poison…` can never be handled, `fault…` fail
    unforeseen.
    """

    def __init__(self) -> None:
        self.calls = 0
        self.poison = "poison"
        self.go_on = asyncio.Event()
        self.go_on.set()

    async def __call__(self, session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        self.calls += 1
        await self.go_on.wait()
        for envelope in envelopes:
            data = envelope.data
            assert isinstance(data, ActionCompleted)
            if data.outcome.startswith(self.poison):
                raise PoisonEventError("data.outcome: not a code", withhold=data.outcome.endswith("withheld"))
            if data.outcome.startswith("fault"):
                raise RuntimeError("a fault that quotes 123-45-6789")
            sql = "INSERT INTO effect (action_id, key, outcome) VALUES ($1, $2, $3)"
            await fetch_all(session, sql, data.action_id, envelope.subject, data.outcome)

    def subject(self, group: str = "test.effects") -> Subject:
        return Subject(group=group, topics=("action.completed",), kinds=ACTION_EVENTS, handler=self)


async def rows(database: Database, sql: str, *values: object) -> list[asyncpg.Record]:
    async with database.reading() as session:
        return list(await fetch_all(session, sql, *values))
