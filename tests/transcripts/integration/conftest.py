from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest

from common.database import Database
from common.testing import FixedClock, Issuer, client_of
from tests.plugins.grants import signing_key, write_keys
from tests.transcripts.conversations import KEYRING
from tests.transcripts.desk import Desk
from tests.transcripts.releasing import ReleaseDesk
from tests.transcripts.store import Store
from transcripts.app import make_app
from transcripts.settings import TranscriptsSettings


@pytest.fixture
async def store(
    service_db: Callable[[str], Awaitable[str]],
    clock: FixedClock,
    issuer: Issuer,
    key_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Store]:
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    settings = TranscriptsSettings(database_url=await service_db("transcripts"), key_folder=str(key_folder))
    database = Database(settings, application="test")
    yield Store(settings, database, clock)
    await database.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(store.settings, clock=store.clock, keyring=KEYRING)) as client:
        yield client


@pytest.fixture
def desk(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> Desk:
    return Desk(store, client, issuer)


@pytest.fixture
async def releases(store: Store, issuer: Issuer, tmp_path: Path) -> AsyncIterator[ReleaseDesk]:
    """The served application with the keys of grants published, and who signs them."""
    key = signing_key()
    settings = store.settings.model_copy(update={"grant_keys": write_keys(tmp_path, key)})
    async with client_of(make_app(settings, clock=store.clock, keyring=KEYRING)) as client:
        yield ReleaseDesk(Desk(store, client, issuer), key)
