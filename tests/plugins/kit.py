"""Fixtures that most tests ask for: time, tokens, and a freshly migrated database of a service."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from common.migrations import upgrade
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer
from tests.plugins.engines import PostgresServer


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def issuer(tmp_path: Path, clock: FixedClock) -> Issuer:
    return Issuer(tmp_path, clock)


class Databases:
    """Makes databases by copying one that was migrated once per service."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._templates: dict[str, str] = {}

    async def make(self, package: str) -> str:
        """The URL of a new database of this service, under the service's own role."""
        if package not in self._templates:
            self._templates[package] = await self._make_template(package)
        name = f"{package}_{secrets.token_hex(6)}"
        await self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{self._templates[package]}" OWNER "{package}"')
        return self._url(package, name)

    async def drop(self, url: str) -> None:
        await self._admin(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')

    async def _make_template(self, package: str) -> str:
        template = f"template_{package}_{secrets.token_hex(4)}"
        await self._admin(
            f"DO $$ BEGIN CREATE ROLE {package} LOGIN PASSWORD '{package}'; EXCEPTION WHEN duplicate_object THEN "
            f"NULL; END $$"
        )
        await self._admin(f"ALTER ROLE {package} LOGIN PASSWORD '{package}'")
        await self._admin(f'CREATE DATABASE "{template}" OWNER "{package}"')
        folder = Path(str(import_module(package).__file__)).parent / "migrations"
        settings = ServiceSettings(database_url=self._url(package, template))

        # Alembic runs an event loop of its own, so it needs a thread of its own.
        await asyncio.to_thread(upgrade, folder, settings)
        return template

    def _url(self, role: str, database: str) -> str:
        parts = urlsplit(self._admin_url)
        return urlunsplit(
            parts._replace(
                netloc=f"{role}:{role}@{parts.hostname}:{parts.port}", path=f"/{database}", scheme="postgresql"
            )
        )

    async def _admin(self, sql: str) -> None:
        connection = await asyncpg.connect(self._admin_url)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@pytest.fixture(scope="session")
def databases(postgres_server: PostgresServer) -> Databases:
    return Databases(postgres_server.admin_url)


@pytest.fixture
async def service_db(databases: Databases) -> AsyncIterator[Callable[[str], Awaitable[str]]]:
    """Makes empty, migrated databases, each by its service's name; they are dropped after the test."""
    made: list[str] = []

    async def make(package: str) -> str:
        made.append(await databases.make(package))
        return made[-1]

    yield make
    for url in made:
        await databases.drop(url)
