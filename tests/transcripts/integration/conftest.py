from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from common.testing import Issuer, client_of
from tests.plugins.grants import signing_key, write_keys
from tests.plugins.store import MakeStore
from tests.transcripts.conversations import KEYRING
from tests.transcripts.desk import Desk
from tests.transcripts.releasing import ReleaseDesk
from tests.transcripts.store import Store
from transcripts.app import make_app
from transcripts.settings import TranscriptsSettings


@pytest.fixture
async def store(make_store: MakeStore) -> Store:
    return await make_store(Store, TranscriptsSettings, "transcripts")


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
