"""The keyring as its users see it: new data keys to seal under, and issued ones to open with.

A keyring keeps opened keys at hand, bounded in number and in time, and looks every few seconds which of them were
destroyed meanwhile: from then on the object itself opens nothing, whoever holds it (`HONOURED_WITHIN`).
"""

import asyncio
import contextlib
import secrets
from collections import OrderedDict, deque
from collections.abc import Collection, Iterable
from typing import Any, Protocol
from uuid import UUID
from weakref import WeakValueDictionary

import asyncpg

from common.errors import UnavailableError
from common.ids import new_id
from common.protection.data_key import KEY_BYTES, DataKey
from common.protection.errors import KeyDestroyedError, KeyServiceUnavailableError
from common.protection.key_service import KeyService, Plain, Wrapped
from common.tasks import end
from common.telemetry import get_logger

HONOURED_WITHIN = 5.0
"""Seconds after which a destroyed key is forgotten by every process that can reach the keyring."""

KEPT = 20_000
KEPT_SECONDS = 900.0
AHEAD = 64
"""Keys issued ahead: who opens a session takes one without waiting. What a process did not use is never used."""

SECONDS = 5.0

_ISSUE = "INSERT INTO data_key (id, wrapped) SELECT * FROM unnest($1::uuid[], $2::text[])"
_FIND = "SELECT id, wrapped, destroyed_at, reason FROM data_key WHERE id = ANY($1::uuid[])"
_DESTROYED = "SELECT id, destroyed_at, reason FROM data_key WHERE id = ANY($1::uuid[]) AND destroyed_at IS NOT NULL"

_LOST = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
log = get_logger("keyring")


class Keyring(Protocol):
    """Where data keys come from."""

    async def take(self) -> DataKey:
        """A key that nothing was sealed under.

        Raises:
            UnavailableError: none can be had for now.
        """
        ...

    async def hand_out(self, number: int) -> dict[UUID, bytes]:
        """New keys in the open, for somebody who seals elsewhere; nothing of them stays here.

        Raises:
            UnavailableError: none can be had for now.
        """
        ...

    async def find(self, key_ids: Collection[UUID]) -> dict[UUID, DataKey]:
        """These keys, opened; one that was destroyed says so when it is used, one that was never issued is missing.

        Raises:
            KeyServiceUnavailableError: one is not at hand, and keyring or key service are out of reach.
            KeyServiceDeniedError: this process may not, or a kept key was changed.
        """
        ...

    async def close(self) -> None: ...


def context_of(key_id: UUID) -> str:
    """What a wrapped key is bound to: it opens under its own id only."""
    return f"muniment data key {key_id}"


class StoredKeyring:
    """The keyring in its database, through the key service.

    Args:
        url: the keyring's database, under the service's own role.
        application: shown in `pg_stat_activity`.
    """

    def __init__(self, url: str, key_service: KeyService, *, application: str, ahead: int = AHEAD) -> None:
        self._url = url
        self._key_service = key_service
        self._application = application
        self._ahead = ahead
        self._pool: asyncpg.Pool[asyncpg.Record] | None = None
        self._new: deque[DataKey] = deque()
        self._issuing: asyncio.Task[None] | None = None
        self._known: WeakValueDictionary[UUID, DataKey] = WeakValueDictionary()
        self._recent: OrderedDict[UUID, tuple[float, DataKey]] = OrderedDict()
        self._watch: asyncio.Task[None] | None = None

    async def take(self) -> DataKey:
        while not self._new:
            try:
                await asyncio.shield(self._issue_ahead())
            except (KeyServiceUnavailableError, *_LOST) as error:
                log.warning("keyring.cannot_issue", error=type(error).__name__)
                raise UnavailableError("no key can be had for now; try again") from None
        key = self._new.popleft()
        if len(self._new) < self._ahead // 2:
            self._issue_ahead()
        self._remember([key])
        return key

    async def hand_out(self, number: int) -> dict[UUID, bytes]:
        try:
            return await self._issued(number)
        except (KeyServiceUnavailableError, *_LOST) as error:
            log.warning("keyring.cannot_issue", error=type(error).__name__)
            raise UnavailableError("no key can be had for now; try again") from None

    async def find(self, key_ids: Collection[UUID]) -> dict[UUID, DataKey]:
        found = {key_id: key for key_id in key_ids if (key := self._known.get(key_id)) is not None}
        lacking = [key_id for key_id in key_ids if key_id not in found]
        if lacking:
            found |= {key.id: key for key in await self._open(lacking)}
        self._remember(found.values())
        return found

    async def ping(self) -> None:
        """Raises: KeyServiceUnavailableError: the keyring cannot be reached."""
        await self._fetch("SELECT 1")

    async def close(self) -> None:
        await end(*(task for task in (self._watch, self._issuing) if task is not None))
        if self._pool is not None:
            with contextlib.suppress(*_LOST):
                await asyncio.wait_for(self._pool.close(), 2)
        await self._key_service.close()

    def _issue_ahead(self) -> "asyncio.Task[None]":
        if self._issuing is None or self._issuing.done():
            self._issuing = asyncio.create_task(self._issue())
            self._issuing.add_done_callback(_seen)
        return self._issuing

    async def _issue(self) -> None:
        self._new.extend(DataKey(key_id, secret) for key_id, secret in (await self._issued(self._ahead)).items())

    async def _issued(self, number: int) -> dict[UUID, bytes]:
        fresh = {new_id(): secrets.token_bytes(KEY_BYTES) for _ in range(number)}
        wrapped = await self._key_service.wrap([Plain(secret, context_of(key_id)) for key_id, secret in fresh.items()])
        await self._fetch(_ISSUE, list(fresh), [w.text for w in wrapped])
        return fresh

    async def _open(self, key_ids: Collection[UUID]) -> list[DataKey]:
        rows = await self._fetch(_FIND, list(key_ids))
        living = [r for r in rows if r["wrapped"] is not None]
        secret = await self._key_service.unwrap([Wrapped(r["wrapped"], context_of(r["id"])) for r in living])
        opened = [DataKey(r["id"], one) for r, one in zip(living, secret, strict=True)]
        dead = [DataKey.destroyed(r["id"], r["reason"], r["destroyed_at"]) for r in rows if r["wrapped"] is None]
        # Another task may have opened one meanwhile: the first object stays the one that the watch knows.
        return [*(self._known.setdefault(key.id, key) for key in opened), *dead]

    def _remember(self, keys: Iterable[DataKey]) -> None:
        now = asyncio.get_running_loop().time()
        for key in keys:
            if key.living:
                self._known[key.id] = key
                self._recent[key.id] = (now, key)
                self._recent.move_to_end(key.id)
        while self._recent and (len(self._recent) > KEPT or next(iter(self._recent.values()))[0] < now - KEPT_SECONDS):
            self._recent.popitem(last=False)
        if self._watch is None:
            self._watch = asyncio.create_task(self._watching())

    async def _watching(self) -> None:
        told = False
        while True:
            await asyncio.sleep(HONOURED_WITHIN - 1)
            try:
                await self.honour_destroyed()
                told = False
            except (KeyServiceUnavailableError, *_LOST) as error:
                if not told:
                    log.warning("keyring.out_of_reach", error=type(error).__name__)
                told = True

    async def honour_destroyed(self) -> None:
        """Forget what was destroyed since the last look."""
        at_hand = list(self._known.keys())
        for row in await self._fetch(_DESTROYED, at_hand) if at_hand else []:
            key = self._known.pop(row["id"], None)
            self._recent.pop(row["id"], None)
            if key is not None:
                key.destroy(row["reason"], row["destroyed_at"])

    async def _fetch(self, sql: str, *values: Any) -> list[asyncpg.Record]:
        try:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._url, min_size=0, max_size=2, timeout=SECONDS, command_timeout=SECONDS,
                    server_settings={"application_name": f"{self._application} keyring", "timezone": "UTC"},
                )  # fmt: skip
            async with self._pool.acquire() as connection:
                return await connection.fetch(sql, *values)
        except _LOST as error:
            raise KeyServiceUnavailableError(f"the keyring is out of reach: {type(error).__name__}") from None


def _seen(task: "asyncio.Task[None]") -> None:
    """Whoever waited hears of a failure; issuing ahead while nobody waits must not end in a warning of the loop's."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.warning("keyring.issuing_failed", error=type(error).__name__)


class NoKeyring:
    """For a service that has no business with any key: it can neither seal nor open."""

    async def take(self) -> DataKey:
        raise UnavailableError("this service has no keyring")

    async def hand_out(self, number: int) -> dict[UUID, bytes]:
        raise UnavailableError(f"this service has no keyring to give {number} keys from")

    async def find(self, key_ids: Collection[UUID]) -> dict[UUID, DataKey]:
        raise KeyServiceUnavailableError(f"this service has no keyring, asked for {len(key_ids)} keys")

    async def close(self) -> None:
        return


__all__ = ["HONOURED_WITHIN", "KeyDestroyedError", "Keyring", "NoKeyring", "StoredKeyring", "context_of"]
