"""Fixtures that most tests ask for: time, tokens, and a freshly migrated database of a service."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from common.migrations import upgrade
from common.protection.key_file import make_key_file
from common.protection.keyring_store import create_keyring
from common.protection.making import EVENTS, key_file
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer
from tests.plugins.engines import PostgresServer

KEYRING_USERS = ("chat_gateway", "transcripts", "production")


@pytest.fixture
def clock() -> FixedClock:
    return FixedClock()


@pytest.fixture
def issuer(tmp_path: Path, clock: FixedClock) -> Issuer:
    return Issuer(tmp_path, clock)


REFUSED = (asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)
"""How the store says no: by a trigger to the owner, for want of the right to the service's role."""


def owner_url(url: str) -> str:
    """The same database of a service under the role that owns its schema."""
    parts = urlsplit(url)
    owner = f"{parts.username}_owner"
    return urlunsplit(parts._replace(netloc=f"{owner}:{owner}@{parts.hostname}:{parts.port}"))


async def execute_as_owner(url: str, *statements: str) -> None:
    """Do in a service's database what its own role may not."""
    connection = await asyncpg.connect(owner_url(url))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


class Databases:
    """Makes databases by copying one that was migrated once per service."""

    def __init__(self, admin_url: str) -> None:
        self._admin_url = admin_url
        self._templates: dict[str, str] = {}
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._one_at_a_time = asyncio.Lock()

    async def make(self, package: str) -> str:
        """The URL of a new database of this service, under the service's own role, which owns nothing in it."""
        if package not in self._templates:
            self._templates[package] = await self._make_template(package)
        name = f"{package}_{secrets.token_hex(6)}"
        await self._admin(f'CREATE DATABASE "{name}" TEMPLATE "{self._templates[package]}" OWNER "{package}_owner"')
        return self._url(package, name)

    async def drop(self, url: str) -> None:
        await self._admin(f'DROP DATABASE "{urlsplit(url).path[1:]}" WITH (FORCE)')

    def admin_url(self, url: str) -> str:
        """The same database as the server's administrator, who may do anything."""
        return urlunsplit(urlsplit(self._admin_url)._replace(path=urlsplit(url).path))

    async def _make_template(self, package: str) -> str:
        template = f"template_{package}_{secrets.token_hex(4)}"
        owner = f"{package}_owner"
        for role in (package, owner):
            await self._admin(
                f"DO $$ BEGIN CREATE ROLE {role} LOGIN PASSWORD '{role}'; EXCEPTION WHEN duplicate_object THEN "
                f"NULL; END $$"
            )
            await self._admin(f"ALTER ROLE {role} LOGIN PASSWORD '{role}'")
        await self._admin(f'CREATE DATABASE "{template}" OWNER "{owner}"')
        folder = Path(str(import_module(package).__file__)).parent / "migrations"
        settings = ServiceSettings(database_url=self._url(owner, template))

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
        # One connection for all of a run: every test makes a database, and proving a password takes as long as a tenth of that.
        async with self._one_at_a_time:
            if self._connection is None or self._connection.is_closed():
                self._connection = await asyncpg.connect(self._admin_url)
            await self._connection.execute(sql)

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    async def make_keyring(self) -> "KeyringPlace":
        """A keyring of its own, with its owner's and the services' ways in."""
        name = f"keyring_{secrets.token_hex(6)}"
        for role in ("keyring", *KEYRING_USERS):
            await self._admin(
                f"DO $$ BEGIN CREATE ROLE {role} LOGIN; EXCEPTION WHEN duplicate_object THEN NULL; END $$; "
                f"ALTER ROLE {role} LOGIN PASSWORD '{role}'"
            )
        await self._admin(f'CREATE DATABASE "{name}" OWNER keyring')
        await self._admin(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
        for role in KEYRING_USERS:
            await self._admin(f'GRANT CONNECT ON DATABASE "{name}" TO {role}')
        await create_keyring(self._url("keyring", name), KEYRING_USERS)
        return KeyringPlace(self._url("keyring", name), {role: self._url(role, name) for role in KEYRING_USERS})


@dataclass(frozen=True, slots=True)
class KeyringPlace:
    """Where a keyring is: for its owner, and for each service that may use it."""

    owner: str
    users: dict[str, str]


@pytest.fixture(scope="session")
async def databases(postgres_server: PostgresServer) -> AsyncIterator[Databases]:
    made = Databases(postgres_server.admin_url)
    yield made
    await made.close()


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


@pytest.fixture
def key_folder(tmp_path: Path) -> Path:
    """A folder with the key files of the keyring and of every service."""
    folder = tmp_path / "keys"
    for name in (EVENTS, "chat_gateway", "transcripts", "production", "disclosure", "retention"):
        make_key_file(key_file(folder, name))
    return folder


@pytest.fixture
async def keyring_place(databases: Databases) -> AsyncIterator[KeyringPlace]:
    """A keyring's database; it is dropped after the test."""
    place = await databases.make_keyring()
    yield place
    await databases.drop(place.owner)
