"""A service by itself. `make isolated` runs this, beside the service's unit tests, in an environment that holds the service's
own dependencies only: whatever of a sibling it needs, by whichever way, is a missing module here.
"""

from collections.abc import Awaitable, Callable
from importlib import import_module
from importlib.util import find_spec
from inspect import signature
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest

from common.cli import Service
from common.testing import FixedClock, Issuer, MemoryKeyring, client_of

SERVICES = ("chat_gateway", "transcripts", "production", "disclosure", "retention")
PROGRAMS = ("__main__", "env")
"""Modules that do something when they are imported: the command line, and Alembic's environment."""


@pytest.fixture(scope="module")
def package() -> str:
    """The one service that is installed."""
    [only] = [name for name in SERVICES if find_spec(name) is not None]
    return only


def test_every_module_of_it_can_be_imported(package: str) -> None:
    root = import_module(package)
    names = [found.name for found in walk_packages(root.__path__, f"{package}.")]
    for name in names:
        if name.rpartition(".")[2] not in PROGRAMS:
            import_module(name)
    assert f"{package}.app" in names


@pytest.fixture
def environment(issuer: Issuer, key_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    more = {"MUNIMENT_KEY_FOLDER": str(key_folder), "MUNIMENT_KEYRING_URL": "postgresql:///keyring"}
    for name, value in (issuer.environment | more).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
async def test_it_migrates_its_store_is_put_together_and_gets_ready(
    package: str, service_db: Callable[[str], Awaitable[str]], clock: FixedClock
) -> None:
    service: Service = import_module(f"{package}.app").SERVICE
    settings = service.settings(database_url=await service_db(package))
    make: Any = service.make_app
    more = {"keyring": MemoryKeyring()} if "keyring" in signature(make).parameters else {}
    async with client_of(make(settings, clock=clock, **more)) as client:
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/openapi.json")).json()["paths"]
    service.make_subjects(settings, clock)
    service.make_holdings(settings)
