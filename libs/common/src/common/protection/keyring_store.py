"""The keyring's own database: made, and kept by its owner, who alone can destroy keys and wrap them anew."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.resources import files
from uuid import UUID

import asyncpg

from common.protection.key_service import KeyService, Plain, Wrapped
from common.protection.keyring import context_of

_ONE_AT_A_TIME = 4_403_118_275
_PORTION = 500

_NEXT = "SELECT id, wrapped FROM data_key WHERE id > $1 AND wrapped IS NOT NULL ORDER BY id LIMIT $2"
# One that was destroyed or wrapped anew meanwhile is left as it is.
_REWRAP = """
UPDATE data_key d SET wrapped = t.new FROM unnest($1::uuid[], $2::text[], $3::text[]) AS t (id, old, new)
WHERE d.id = t.id AND d.wrapped = t.old
"""
_COUNT = """
SELECT count(*) FILTER (WHERE wrapped IS NOT NULL) AS living, count(*) FILTER (WHERE wrapped IS NULL) AS destroyed,
    min(issued_at) FILTER (WHERE wrapped IS NOT NULL) AS oldest FROM data_key
"""


@dataclass(frozen=True, slots=True)
class Count:
    """How many keys there are; `versions`: how many living ones each version of the wrapping key wraps."""

    living: int
    destroyed: int
    versions: dict[int, int]


async def create_keyring(url: str, users: Sequence[str]) -> None:
    """Make the keyring's table, or bring it and the grants to this state; running it again changes nothing.

    Args:
        url: the keyring's database, as the role that owns it.
        users: roles that may add and read keys; nobody else may.
    """
    connection = await asyncpg.connect(url)
    try:
        async with connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ONE_AT_A_TIME)
            await connection.execute("SET LOCAL client_min_messages = warning")
            await connection.execute(files("common.protection").joinpath("keyring.sql").read_text("utf-8"))
            for user in users:
                await connection.execute(
                    f'GRANT USAGE ON SCHEMA public TO "{user}"; GRANT SELECT, INSERT (id, wrapped) ON data_key TO "{user}"'
                )
    finally:
        await connection.close()


async def destroy(url: str, key_ids: Collection[UUID], *, reason: str, by: str) -> set[UUID]:
    """Destroy these keys now. What was alive until now is given back.

    The row's former version, which still holds the wrapped key, is cleared from the table at once; backups and the
    server's write-ahead log keep it until they expire, or until the wrapping key's version is retired (`rewrap`).

    Args:
        reason: a code, such as that of a disposition.
        by: user or system that ordered it.

    Raises:
        ValueError: the reason is no code.
    """
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("SELECT destroy_keys($1, $2, $3) AS id", list(key_ids), reason, by)
        await connection.execute("VACUUM data_key")
        return {row["id"] for row in rows}
    except asyncpg.CheckViolationError:
        raise ValueError(
            "the reason must be a code: lower-case letters, digits, underscore, hyphen and full stop"
        ) from None
    finally:
        await connection.close()


async def rewrap(url: str, key_service: KeyService) -> int:
    """Wrap all living keys under the newest version of the wrapping key, while they are in use. Returns how many were."""
    newest, last, done = await key_service.newest(), UUID(int=0), 0
    connection = await asyncpg.connect(url)
    try:
        while rows := await connection.fetch(_NEXT, last, _PORTION):
            last = rows[-1]["id"]
            old = [r for r in rows if newest == 0 or key_service.version_of(r["wrapped"]) != newest]
            if not old:
                continue
            secrets = await key_service.unwrap([Wrapped(r["wrapped"], context_of(r["id"])) for r in old])
            wrapped = await key_service.wrap(
                [Plain(one, context_of(r["id"])) for one, r in zip(secrets, old, strict=True)]
            )
            values = [r["id"] for r in old], [r["wrapped"] for r in old], [w.text for w in wrapped]
            await connection.execute(_REWRAP, *values)
            done += len(old)
        await connection.execute("VACUUM data_key")
    finally:
        await connection.close()
    return done


async def count(url: str, key_service: KeyService) -> Count:
    """What the keyring holds."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(_COUNT)
        versions: dict[int, int] = {}
        async with connection.transaction():
            async for key in connection.cursor("SELECT wrapped FROM data_key WHERE wrapped IS NOT NULL", prefetch=1000):
                number = key_service.version_of(key["wrapped"])
                versions[number] = versions.get(number, 0) + 1
        return Count(row["living"] if row else 0, row["destroyed"] if row else 0, versions)
    finally:
        await connection.close()
