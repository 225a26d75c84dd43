from collections.abc import AsyncIterator

import httpx
import pytest

from common.contracts.envelope import EventData
from common.settings import ServiceSettings
from common.testing import client_of
from retention.app import make_app, make_subjects
from tests.plugins.store import MakeStore, MigratedStore
from tests.retention.facts import received


class Store(MigratedStore[ServiceSettings]):
    """The service's database, with its consumer."""

    async def hear(self, *facts: EventData, source: str = "/muniment/test") -> None:
        """Let the consumer handle events with these facts, as one batch."""
        subject = make_subjects(self.settings, self.clock)[0]
        await self.consumer_of(subject).handle(received(*facts, source=source, offset=self.offset))
        self.offset += len(facts)


@pytest.fixture
async def store(make_store: MakeStore) -> Store:
    return await make_store(Store, ServiceSettings, "retention")


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(store.settings, clock=store.clock)) as client:
        yield client
