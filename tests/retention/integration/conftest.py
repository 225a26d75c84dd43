from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from common.contracts.envelope import EventData
from common.database import Database
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, client_of
from retention.app import make_app, make_subjects
from tests.plugins.store import MigratedStore
from tests.retention.facts import received


class Store(MigratedStore[ServiceSettings]):
    """The service's database, with its consumer."""

    async def hear(self, *facts: EventData, source: str = "/muniment/test") -> None:
        """Let the consumer handle events with these facts, as one batch."""
        subject = make_subjects(self.settings, self.clock)[0]
        await self.consumer_of(subject).handle(received(*facts, source=source, offset=self.offset))
        self.offset += len(facts)


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
