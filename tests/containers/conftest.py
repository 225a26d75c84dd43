"""The compose file's engines, started once for the tests of this folder that ask for them."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.errors import PlainError
from muniment.home import Home
from tests.containers.compose import ROOT, make_secrets, read_dotenv
from tests.containers.compose_engines import Cache, Databases, EventLog
from tests.plugins.engines import do_without, temporary_home


@pytest.fixture(scope="session")
def home() -> Iterator[Home]:
    made = temporary_home("compose")
    yield made
    shutil.rmtree(made.path, ignore_errors=True)


@pytest.fixture(scope="session")
def dotenv_folder(home: Home) -> Path:
    """Where `make secrets` has run."""
    folder = home.path / "checkout"
    folder.mkdir()
    shutil.copy(ROOT / ".env.example", folder)
    make_secrets(folder)
    return folder


@pytest.fixture(scope="session")
def dotenv(dotenv_folder: Path) -> dict[str, str]:
    return read_dotenv(dotenv_folder)


@pytest.fixture(scope="session")
def empty_databases(home: Home, dotenv: dict[str, str]) -> Iterator[Databases]:
    server = Databases(home, dotenv)
    server.running.start()
    yield server
    server.running.stop()


@pytest.fixture(scope="session")
def databases_made(empty_databases: Databases) -> Databases:
    done = empty_databases.make()
    assert done.returncode == 0, done.stderr
    return empty_databases


@pytest.fixture(scope="session")
def event_log(request: pytest.FixtureRequest, home: Home, dotenv: dict[str, str]) -> Iterator[EventLog]:
    try:
        server = EventLog(home, dotenv)
        server.running.start()
    except PlainError as reason:
        do_without(request, "Apache Kafka", str(reason))
    yield server
    server.running.stop()


@pytest.fixture(scope="session")
def cache(request: pytest.FixtureRequest, home: Home, dotenv: dict[str, str]) -> Iterator[Cache]:
    try:
        server = Cache(home, dotenv)
        server.running.start()
    except PlainError as reason:
        do_without(request, "Redis", str(reason))
    yield server
    server.running.stop()
