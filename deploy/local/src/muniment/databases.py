"""Five databases, each with a role that owns it and one that the service runs under; the event log's, and the keyring's."""

import asyncio
import re
import time
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from muniment.errors import PlainError
from muniment.home import OWNERS, PRINCIPALS, SERVICES

EVENT_LOG = "event_log"
KEYRING = "keyring"
KEYRING_USERS = ("chat_gateway", "transcripts", "production")
"""Who seals or opens a person's values in events. The others never can: the keyring does not let them in."""

_NAME = re.compile(r"[a-z][a-z_]*\Z")


async def connect_when_ready(url: str, *, timeout_seconds: float = 30.0) -> "asyncpg.Connection[asyncpg.Record]":
    """A connection; waits while the server starts or recovers.

    Raises:
        PlainError: the server refuses the password, or does not answer in time.
    """
    deadline = time.monotonic() + timeout_seconds
    while True:
        try:
            return await asyncpg.connect(url, timeout=5)
        except (asyncpg.InvalidPasswordError, asyncpg.InvalidAuthorizationSpecificationError):
            raise PlainError(
                "PostgreSQL refuses the password kept in secrets.json: the data folder and that file do not "
                "belong together; "
                "restore both from one backup, or delete all data and begin anew with `.venv/bin/muniment reset --yes`."
            ) from None
        except (OSError, asyncpg.PostgresError, TimeoutError) as error:
            if time.monotonic() > deadline:
                raise PlainError(f"PostgreSQL does not answer: {type(error).__name__}: {error}") from None
            await asyncio.sleep(0.1)


async def provision(admin_url: str, passwords: Mapping[str, str]) -> None:
    """Make the roles and databases, or bring them to this state again.

    A service's role may enter its own database and owns nothing in it: `…_owner` does, so that the service cannot change
    what it has recorded. A database from before there were owners is handed over.

    Raises:
        PlainError: the server does not let us in, or the administrator may not do it.
    """
    connection = await connect_when_ready(admin_url)
    try:
        for role in (*PRINCIPALS, *OWNERS, EVENT_LOG, KEYRING):
            await _role(connection, role, passwords[role])
        owned = zip((*SERVICES, EVENT_LOG, KEYRING), (*OWNERS, EVENT_LOG, KEYRING), strict=True)
        for database, owner in owned:
            await _database(connection, admin_url, database, owner)
        for role in PRINCIPALS:
            await connection.execute(f"GRANT CONNECT ON DATABASE {EVENT_LOG} TO {role}")
        for role in KEYRING_USERS:
            await connection.execute(f"GRANT CONNECT ON DATABASE {KEYRING} TO {role}")
        # The log ends the session of a member that hangs, so that its partitions go on; where the administrator may not
        # grant that, they wait until the session ends by itself.
        with suppress(asyncpg.InsufficientPrivilegeError):
            await connection.execute(f"GRANT pg_signal_backend TO {EVENT_LOG}")
        # On a server that also serves others, their databases are not ours to close.
        with suppress(asyncpg.InsufficientPrivilegeError):
            await _close_maintenance_databases(connection)
    except asyncpg.InsufficientPrivilegeError as error:
        raise PlainError(f"The administrator's role on PostgreSQL may not make roles and databases: {error}.") from None
    finally:
        await connection.close()


async def _role(connection: "asyncpg.Connection[asyncpg.Record]", role: str, password: str) -> None:
    # Names come from constants and passwords from our own generator; both are looked at again, since neither
    # can be a parameter.
    if not _NAME.match(role) or not re.fullmatch(r"[\w-]+", password):
        raise PlainError(f"The password of {role} in secrets.json holds characters that cannot be used.")
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    attributes = "LOGIN NOCREATEDB NOCREATEROLE" if not exists else "LOGIN"
    await connection.execute(f"{verb} ROLE {role} {attributes} PASSWORD '{password}'")


async def _database(
    connection: "asyncpg.Connection[asyncpg.Record]", admin_url: str, database: str, owner: str
) -> None:
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        await connection.execute(f"GRANT {', '.join({database, owner})} TO CURRENT_USER")
    present = await connection.fetchval("SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1", database)
    if present is None:
        await connection.execute(f"CREATE DATABASE {database} OWNER {owner} ENCODING 'UTF8' TEMPLATE template0")
    elif present != owner:
        await _hand_over(admin_url, database, owner)
    await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
    await connection.execute(f"GRANT CONNECT ON DATABASE {database} TO {database}, {owner}")


async def _hand_over(admin_url: str, database: str, owner: str) -> None:
    """Everything in the database that was the service's own becomes its owner's, the database itself included."""
    inside = await connect_when_ready(urlunsplit(urlsplit(admin_url)._replace(path=f"/{database}")))
    try:
        async with inside.transaction():
            await inside.execute(f"REASSIGN OWNED BY {database} TO {owner}")
            await inside.execute(f"ALTER DATABASE {database} OWNER TO {owner}")
    finally:
        await inside.close()


async def _close_maintenance_databases(connection: "asyncpg.Connection[asyncpg.Record]") -> None:
    owner = await connection.fetchval("SELECT current_user")
    if owner != "admin":
        return
    for database in ("postgres", "template1"):
        await connection.execute(f"REVOKE ALL ON DATABASE {database} FROM PUBLIC")
