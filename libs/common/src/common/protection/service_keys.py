"""A service's own keys: for single columns of its store, and for the blind indexes by which sealed values are found.

Their versions stand, wrapped by the key service, in the table `service_key` of the service's own database. A new version
is written with from a moment on when every process has read it (`TAKES_EFFECT`), so that rotation stops nobody; what is
stored says which version it is of, and a job writes it anew before the old one is retired (`rotation`).
"""

import asyncio
import contextlib
import hashlib
import hmac
import secrets
import unicodedata
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

import asyncpg

from common.clock import Clock
from common.protection.data_key import KEY_BYTES, DataKey
from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError, TamperedError
from common.protection.key_service import KeyService, Plain, Wrapped

READ_AGAIN = timedelta(seconds=30)
TAKES_EFFECT = timedelta(seconds=90)
"""Three times as long as any process goes without reading the versions."""

VERSION_BYTES = 2
_NOBODY = UUID(int=0)

SERVICE_KEY_V1 = """
CREATE TABLE service_key (
    version  int PRIMARY KEY CHECK (version BETWEEN 1 AND 65535),
    wrapped  text NOT NULL,
    used_from timestamptz NOT NULL
);
COMMENT ON TABLE service_key IS 'Versions of the keys of this store''s sealed columns and blind indexes, wrapped by the key service';
"""

SEALED_ANEW_V1 = """
CREATE FUNCTION sealed_anew(before bytea, after bytea) RETURNS boolean LANGUAGE sql IMMUTABLE
    RETURN before IS NOT DISTINCT FROM after
        OR coalesce(length(before) = length(after) AND substring(after FOR 2) > substring(before FOR 2), false);
COMMENT ON FUNCTION sealed_anew IS 'Whether this is the same, or as many bytes under a later version of the service''s key';

-- For rows that never change: no other column does, and these only to a later version.
CREATE FUNCTION sealed_anew_only() RETURNS trigger LANGUAGE plpgsql SET bytea_output = 'hex' AS $$
DECLARE
    before jsonb := to_jsonb(OLD);
    after  jsonb := to_jsonb(NEW);
    name   text;
BEGIN
    IF before = after OR before - TG_ARGV <> after - TG_ARGV THEN
        RAISE EXCEPTION '%: rows are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    FOREACH name IN ARRAY TG_ARGV LOOP
        IF NOT sealed_anew((before ->> name)::bytea, (after ->> name)::bytea) THEN
            RAISE EXCEPTION '%: rows are never changed, but for the version that they are sealed under', TG_TABLE_NAME
                USING ERRCODE = 'restrict_violation';
        END IF;
    END LOOP;
    RETURN NEW;
END $$;
"""
"""What a migration executes where rows that never change have sealed columns: triggers of theirs call `sealed_anew_only`."""

_READ = "SELECT version, wrapped, used_from FROM service_key ORDER BY version"
_TURN = "SELECT pg_advisory_xact_lock(6120770341)"
_ADD = "INSERT INTO service_key (version, wrapped, used_from) VALUES ($1, $2, $3)"
_RETIRE = "DELETE FROM service_key WHERE version < $1"
_REWRAP = "UPDATE service_key SET wrapped = $2 WHERE version = $1"


def normalised(value: str) -> str:
    """How values are compared: the same text in another composition of characters is the same, spaces around do not count."""
    return unicodedata.normalize("NFKC", value).strip()


@dataclass(frozen=True, slots=True)
class _Version:
    used_from: datetime
    sealing: DataKey
    blinding: bytes = field(repr=False)


class ColumnKeys:
    """The versions as they were read: seals, opens and blinds without waiting.

    Attributes:
        newest: the version that is written with.
    """

    def __init__(self, versions: Mapping[int, _Version], now: datetime) -> None:
        self._versions = versions
        self.newest = max((n for n, v in versions.items() if v.used_from <= now), default=min(versions))

    def seal(self, value: str, context: str) -> bytes:
        """The value for a column of bytes: two bytes of version, nonce, ciphertext, tag.

        Args:
            context: table, column and id of the row; it opens nowhere else.
        """
        sealed = self._versions[self.newest].sealing.seal(value.encode(), context.encode())
        return self.newest.to_bytes(VERSION_BYTES) + sealed

    def open(self, sealed: bytes, context: str) -> str:
        """The value.

        Raises:
            TamperedError: it was changed, moved, or is of a version that is gone.
        """
        version = self._versions.get(version_of(sealed))
        if version is None:
            raise TamperedError("a sealed column is of a version that is not here")
        return version.sealing.open(sealed[VERSION_BYTES:], context.encode()).decode()

    def blind(self, kind: str, value: str) -> bytes:
        """What stands in the index for this value (34 bytes): equal values are found, none can be read back (S1-088)."""
        return self._blind(self.newest, kind, value)

    def blinds(self, kind: str, value: str) -> list[bytes]:
        """What may stand in the index for this value, in each living version: look it up by all of them."""
        return [self._blind(version, kind, value) for version in self._versions]

    def matches(self, stored: bytes, kind: str, value: str) -> bool:
        """Whether this value stands in the index here, in whichever living version."""
        version = version_of(stored)
        return version in self._versions and hmac.compare_digest(self._blind(version, kind, value), stored)

    def noise(self) -> bytes:
        """What stands in the index instead of a value that nobody may know any more: it is found by nothing."""
        return self.newest.to_bytes(VERSION_BYTES) + secrets.token_bytes(hashlib.sha256().digest_size)

    def _blind(self, version: int, kind: str, value: str) -> bytes:
        text = f"{kind}\0{normalised(value)}".encode()
        return version.to_bytes(VERSION_BYTES) + hmac.digest(self._versions[version].blinding, text, hashlib.sha256)


def version_of(stored: bytes) -> int:
    """The version of a sealed column or of a blind index's value."""
    return int.from_bytes(stored[:VERSION_BYTES])


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """A version without its secret; `used_from`: from when on every process writes with it."""

    number: int
    used_from: datetime


class ServiceKeys:
    """Reads the versions, and makes the first one where there is none.

    Args:
        service: package name; a wrapped version opens for its own service only.
        url: the service's database. A connection is made for each reading: one in half a minute is none to keep.
    """

    def __init__(self, service: str, url: str, key_service: KeyService, clock: Clock) -> None:
        self._service = service
        self._url = url
        self._key_service = key_service
        self._clock = clock
        self._secrets: dict[str, bytes] = {}
        self._read: tuple[datetime, ColumnKeys] | None = None
        self._reading = asyncio.Lock()

    async def ready(self) -> ColumnKeys:
        """The versions, read within the last half minute; older while the key service is out of reach.

        Raises:
            KeyServiceUnavailableError: they were never read, and cannot be now.
        """
        now = self._clock.now()
        if self._read is None or now - self._read[0] >= READ_AGAIN:
            async with self._reading:
                if self._read is None or now - self._read[0] >= READ_AGAIN:
                    self._read = (now, await self._read_anew(now))
        return self._read[1]

    async def versions(self) -> list[KeyVersion]:
        """The living versions, oldest first."""
        async with self._connected() as connection:
            return [KeyVersion(row["version"], row["used_from"]) for row in await connection.fetch(_READ)]

    async def add_version(self) -> int:
        """Make a new version, written with after `TAKES_EFFECT`. Returns its number."""
        now = self._clock.now()
        async with self._in_turn() as connection:
            newest = max((row["version"] for row in await connection.fetch(_READ)), default=0)
            await self._add(connection, newest + 1, now + TAKES_EFFECT if newest else now)
        return newest + 1

    async def retire(self, below: int) -> None:
        """Remove versions below this one; nothing stored may be of them any more."""
        async with self._in_turn() as connection:
            await connection.execute(_RETIRE, below)
        self._read = None

    async def rewrap(self) -> None:
        """Wrap the versions under the newest version of the key service's key."""
        async with self._in_turn() as connection:
            for row in await connection.fetch(_READ):
                context = self._context(row["version"])
                secret = await self._key_service.unwrap([Wrapped(row["wrapped"], context)])
                wrapped = await self._key_service.wrap([Plain(secret[0], context)])
                await connection.execute(_REWRAP, row["version"], wrapped[0].text)

    async def close(self) -> None:
        await self._key_service.close()

    async def _read_anew(self, now: datetime) -> ColumnKeys:
        try:
            return ColumnKeys(await self._versions(now), now)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            # Key service or store are out of reach: what was read before is as good as it was.
            if self._read is None:
                raise KeyServiceUnavailableError(f"the service's keys cannot be read: {type(error).__name__}") from None
            return self._read[1]

    async def _versions(self, now: datetime) -> dict[int, _Version]:
        async with self._connected() as connection:
            rows = await connection.fetch(_READ)
        if not rows:
            async with self._in_turn() as connection:
                rows = await connection.fetch(_READ)
                if not rows:
                    await self._add(connection, 1, now)
                    rows = await connection.fetch(_READ)
        lacking = [row for row in rows if row["wrapped"] not in self._secrets]
        if lacking:
            wrapped = [Wrapped(row["wrapped"], self._context(row["version"])) for row in lacking]
            opened = await self._key_service.unwrap(wrapped)
            self._secrets |= {row["wrapped"]: secret for row, secret in zip(lacking, opened, strict=True)}
        return {r["version"]: _version(self._secrets[r["wrapped"]], r["used_from"]) for r in rows}

    @contextlib.asynccontextmanager
    async def _connected(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        settings = {"application_name": f"{self._service} keys", "timezone": "UTC"}
        connection = await asyncpg.connect(self._url, timeout=5, command_timeout=10, server_settings=settings)
        try:
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)

    @contextlib.asynccontextmanager
    async def _in_turn(self) -> "AsyncIterator[asyncpg.Connection[asyncpg.Record]]":
        """One transaction at a time changes the versions."""
        async with self._connected() as connection, connection.transaction():
            await connection.execute(_TURN)
            yield connection

    async def _add(self, connection: "asyncpg.Connection[asyncpg.Record]", version: int, used_from: datetime) -> None:
        wrapped = await self._key_service.wrap([Plain(secrets.token_bytes(KEY_BYTES), self._context(version))])
        await connection.execute(_ADD, version, wrapped[0].text, used_from)

    def _context(self, version: int) -> str:
        return f"muniment service key {self._service} {version}"


def _version(secret: bytes, used_from: datetime) -> _Version:
    if len(secret) != KEY_BYTES:
        raise KeyServiceDeniedError("a service key has the wrong length")
    sealing = hmac.digest(secret, b"muniment sealed columns", hashlib.sha256)
    return _Version(used_from, DataKey(_NOBODY, sealing), hmac.digest(secret, b"muniment blind index", hashlib.sha256))
