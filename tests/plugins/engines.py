"""Real engines for the tests, started once and only when a test asks: PostgreSQL, Apache Kafka, Redis.

PostgreSQL is always there (the embedded one). Kafka and Redis come from containers where Docker answers,
else from this machine. Where neither can be had, the tests that ask for them are skipped and one closing
line says which and why; with MUNIMENT_REQUIRE_ENGINES=1 they fail instead.
"""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import asyncpg
import pytest

from muniment import kafka, postgres, redis
from muniment.errors import PlainError
from muniment.home import Home, find_home, passwords
from muniment.processes import Running, free_port
from tests.plugins.servers import KafkaServer, RedisServer, start_kafka, start_redis

REQUIRED = os.environ.get("MUNIMENT_REQUIRE_ENGINES") == "1"
WANTING = "for want of "


class PostgresServer:
    """A real PostgreSQL on a temporary folder. `admin_url` may do anything; tests make databases of their own."""

    def __init__(self, running: Running | None, admin_url: str) -> None:
        self._running = running
        self._templates: dict[str, str] = {}
        self._building = asyncio.Lock()
        self.admin_url = admin_url

    def __str__(self) -> str:
        return self.admin_url

    def url(self, database: str) -> str:
        """The administrator's URL of this database."""
        return self.admin_url.rpartition("/")[0] + "/" + database

    async def execute(self, statement: str) -> None:
        """Run one statement as administrator, outside a transaction."""
        connection = await asyncpg.connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    async def create_database(self, template: str = "template0") -> str:
        """A new database with a name of its own; returns the administrator's URL of it."""
        name = f"test_{uuid4().hex}"
        await self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return self.url(name)

    async def drop_database(self, url: str) -> None:
        await self.execute(f"DROP DATABASE IF EXISTS {url.rpartition('/')[2]} WITH (FORCE)")

    async def from_template(self, key: str, build: Callable[[str], Awaitable[None]]) -> str:
        """A new database like the one that `build(url)` fills; `build` runs once a session for each key."""
        async with self._building:
            if key not in self._templates:
                url = await self.create_database()
                await build(url)
                self._templates[key] = url.rpartition("/")[2]
            return await self.create_database(self._templates[key])


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for this run (or the one that MUNIMENT_TEST_POSTGRES names, as administrator)."""
    named = os.environ.get("MUNIMENT_TEST_POSTGRES")
    if named:
        yield PostgresServer(None, named)
        return
    home = temporary_home("postgres")
    secrets = passwords(home)
    cluster = postgres.cluster_of(home)
    cluster.create(secrets["admin"])
    port = free_port()
    # Nothing of a test run outlives it: the disk need not be waited for.
    running = Running(cluster.spec(port, fsync="off", full_page_writes="off"), home.path / "postgres.log")
    try:
        running.start()
        yield PostgresServer(running, postgres.url("admin", secrets["admin"], port, "postgres"))
    finally:
        running.stop()
        shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_server(request: pytest.FixtureRequest) -> Iterator[KafkaServer]:
    """An Apache Kafka with SASL and access rules, without topics (`add_topics`). Skips where none can be had."""
    home = temporary_home("kafka")
    try:
        server = start_kafka(home, engines=find_home())
    except PlainError as reason:
        shutil.rmtree(home.path, ignore_errors=True)
        do_without(request, "Apache Kafka", str(reason))
    yield server
    server.close()
    shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture(scope="session")
def redis_server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A real Redis with a password. Skips where none can be had."""
    home = temporary_home("redis")
    try:
        server = start_redis(home, engines=find_home())
    except PlainError as reason:
        shutil.rmtree(home.path, ignore_errors=True)
        do_without(request, "Redis", str(reason))
    yield server
    server.close()
    shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture(scope="session")
def fetched_engines(request: pytest.FixtureRequest) -> Home:
    """The state folder in which the programs of Kafka and Redis are, for tests that start a platform on them."""
    home = find_home()
    for engine, fetch in (("Apache Kafka", kafka.fetch), ("Redis", redis.fetch)):
        try:
            fetch(home)
        except PlainError as reason:
            do_without(request, engine, str(reason))
    return home


def temporary_home(name: str) -> Home:
    """A state folder that the engines' own user can reach, which pytest's private folders do not allow."""
    home = Home(Path(tempfile.mkdtemp(prefix=f"muniment-test-{name}-")))
    home.prepare()
    return home


def do_without(request: pytest.FixtureRequest, engine: str, reason: str) -> NoReturn:
    sentence = f"{engine}: {reason}"
    if REQUIRED:
        pytest.fail(f"required and not to be had: {sentence}", pytrace=False)
    pytest.skip(WANTING + sentence)


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One closing line about the tests that found no engine."""
    skipped = [report.longrepr[2] for report in terminalreporter.stats.get("skipped", []) if report.longrepr]
    absent = Counter(WANTING + text.partition(WANTING)[2] for text in skipped if WANTING in text)
    if absent:
        parts = [f"{count} {why}" for why, count in absent.items()]
        terminalreporter.write_line("Engine tests that did not run: " + "; ".join(parts))
