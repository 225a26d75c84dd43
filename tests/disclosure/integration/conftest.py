from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import structlog

from common.database import Database
from common.testing import FixedClock, Issuer, client_of
from disclosure.app import make_app
from disclosure.settings import DisclosureSettings
from tests.disclosure.desk import Desk
from tests.disclosure.ears import Ears
from tests.disclosure.mailroom import Mailroom
from tests.disclosure.requests_desk import Counter


@pytest.fixture(autouse=True)
def logged() -> Iterator[list[MutableMapping[str, Any]]]:
    """What is logged meanwhile."""
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture
async def settings(
    service_db: Callable[[str], Awaitable[str]], issuer: Issuer, key_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> DisclosureSettings:
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    return DisclosureSettings(database_url=await service_db("disclosure"), key_folder=str(key_folder))


@pytest.fixture
async def store(settings: DisclosureSettings) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    """A connection of one's own to the service's database, under the service's role."""
    connection = await asyncpg.connect(settings.database_url.get_secret_value())
    yield connection
    await connection.close()


@pytest.fixture
async def desk(
    settings: DisclosureSettings, issuer: Issuer, clock: FixedClock, store: "asyncpg.Connection[asyncpg.Record]"
) -> AsyncIterator[Desk]:
    """The served application with people who call it, and its database."""
    async with client_of(make_app(settings, clock)) as client:
        yield Desk(client, issuer, store, clock)


@pytest.fixture
async def counter(desk: Desk) -> Counter:
    """The served application with people who ask about their own records."""
    return Counter(desk.client, desk.issuer, desk.store, desk.clock)


@pytest.fixture
async def mailroom(desk: Desk) -> Mailroom:
    """The served application with people who put packages together and send them."""
    return Mailroom(desk.client, desk.issuer, desk.store, desk.clock)


@pytest.fixture
async def ears(settings: DisclosureSettings, clock: FixedClock) -> AsyncIterator[Ears]:
    database = Database(settings, application="test")
    yield Ears(database, clock)
    await database.close()
