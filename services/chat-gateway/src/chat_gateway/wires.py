"""How processes of the gateway reach each other: over Redis, or on one machine over PostgreSQL. Nothing depends on either."""

import asyncio
import base64
import contextlib
from collections.abc import AsyncIterator, Sequence
from time import monotonic
from typing import Any, Protocol

import asyncpg
import redis.asyncio
from redis.exceptions import RedisError

HERE_SECONDS = 5.0
ALONE_SECONDS = 3 * HERE_SECONDS
"""Nobody was heard for so long: nobody else is there, and nothing has to be said."""

_HERE = "muniment_chat_here"


class UnheardError(ConnectionError):
    """The wire is cut."""


class Wire(Protocol):
    """Carries bytes from each process to all others that listen now."""

    async def publish(self, channel: str, data: bytes) -> None:
        """Raises: UnheardError: it was not said."""

    def listen(self, channels: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        """What is said on these channels from now on; first one empty message when the wire stands.

        Raises:
            UnheardError: it is cut.
        """


class RedisWire:
    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client

    async def publish(self, channel: str, data: bytes) -> None:
        try:
            await self._client.publish(channel, data)
        except (RedisError, OSError) as error:
            raise UnheardError(type(error).__name__) from None

    async def listen(self, channels: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        try:
            async with self._client.pubsub() as heard:
                await heard.subscribe(*channels)
                yield "", b""
                async for message in heard.listen():
                    if message["type"] == "message":
                        yield message["channel"].decode(), message["data"]
        except (RedisError, OSError) as error:
            raise UnheardError(type(error).__name__) from None


class PostgresWire:
    """NOTIFY in the service's own database. While no other process is heard nothing is said: a process alone pays nothing.

    Args:
        url: of the database.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._connection: asyncpg.Connection[asyncpg.Record] | None = None
        self._heard: asyncio.Queue[tuple[str, bytes] | None] = asyncio.Queue()
        self._others_at = float("-inf")
        self._answer = asyncio.Event()
        self._saying = asyncio.Lock()

    async def publish(self, channel: str, data: bytes) -> None:
        if monotonic() - self._others_at < ALONE_SECONDS:
            await self._say(channel, base64.b64encode(data).decode())

    async def _say(self, channel: str, text: str) -> None:
        connection = self._connection
        if connection is None:
            raise UnheardError("not connected")
        try:
            async with self._saying:
                await connection.execute("SELECT pg_notify($1, $2)", _name(channel), text, timeout=HERE_SECONDS)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnheardError(type(error).__name__) from None

    async def listen(self, channels: Sequence[str]) -> AsyncIterator[tuple[str, bytes]]:
        names = {_name(channel): channel for channel in channels}
        self._heard = asyncio.Queue()
        connection = self._connection = await self._connect(names)
        calling = asyncio.create_task(self._call())
        try:
            yield "", b""
            while (item := await self._heard.get()) is not None:
                yield names[item[0]], item[1]
            raise UnheardError("the connection was lost")
        finally:
            self._connection = None
            calling.cancel()
            connection.terminate()

    async def _connect(self, names: dict[str, str]) -> "asyncpg.Connection[asyncpg.Record]":
        # What is said here need not survive a crash of the server: no commit waits for the disk.
        options = {"application_name": "chat_gateway wire", "synchronous_commit": "off"}
        try:
            connection = await asyncpg.connect(self._url, timeout=HERE_SECONDS, server_settings=options)
            connection.add_termination_listener(lambda _: self._heard.put_nowait(None))
            for name in (*names, _HERE):
                await connection.add_listener(name, self._take)
        except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            raise UnheardError(type(error).__name__) from None
        return connection

    def _take(self, connection: Any, pid: int, name: str, text: object) -> None:
        if pid == connection.get_server_pid():
            return
        alone = monotonic() - self._others_at >= ALONE_SECONDS
        self._others_at = monotonic()
        if name != _HERE:
            with contextlib.suppress(ValueError):
                self._heard.put_nowait((name, base64.b64decode(str(text))))
        elif alone:
            self._answer.set()  # a newcomer: at once, lest it think itself alone

    async def _call(self) -> None:
        """Say now and then that this process is here."""
        while True:
            self._answer.clear()
            with contextlib.suppress(UnheardError):
                await self._say(_HERE, "")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._answer.wait(), HERE_SECONDS)


def _name(channel: str) -> str:
    return channel.replace(":", "_")
