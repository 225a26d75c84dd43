"""Tells other processes, through Redis, which sessions grew. It carries ids and numbers only, and nothing depends on it:
who hears nothing looks into the database every second or so (invariant 9).
"""

import asyncio
import contextlib
import struct
from collections.abc import Callable
from uuid import UUID, uuid4

import redis.asyncio
from redis.exceptions import RedisError

from chat_gateway.sessions import LiveSession
from common.telemetry import get_logger

CHANNEL = "muniment:chat:entries"
_ITEM = struct.Struct("<16sI")
PAUSE = 1.0

log = get_logger("fanout")


class Fanout:
    """Args:
    client: Redis, or None where all processes are this one.
    heard: called with the id and last number of a session that grew elsewhere.
    """

    def __init__(self, client: "redis.asyncio.Redis | None", heard: Callable[[UUID, int], None]) -> None:
        self._client = client
        self._heard = heard
        self._me = uuid4().bytes
        self._grown: dict[UUID, int] = {}
        self._wake = asyncio.Event()
        self.listening = False

    def announce(self, live: LiveSession) -> None:
        """This session grew here."""
        if self._client is not None:
            self._grown[live.state.id] = live.state.last_seq
            self._wake.set()

    async def run(self) -> None:
        """Tell and hear until cancelled."""
        if self._client is None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell(self._client))
            group.create_task(self._hear(self._client))

    async def _tell(self, client: "redis.asyncio.Redis") -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            grown, self._grown = self._grown, {}
            packed = b"".join(_ITEM.pack(session_id.bytes, seq) for session_id, seq in grown.items())
            try:
                await client.publish(CHANNEL, self._me + packed)
            except (RedisError, OSError):
                # Who listens has the same trouble and says so.
                await asyncio.sleep(PAUSE)

    async def _hear(self, client: "redis.asyncio.Redis") -> None:
        told = False
        while True:
            try:
                async with client.pubsub() as channel:
                    await channel.subscribe(CHANNEL)
                    self.listening, told = True, False
                    async for message in channel.listen():
                        if message["type"] == "message":
                            self._take(message["data"])
            except (RedisError, OSError) as error:
                self.listening = False
                if not told:
                    log.warning("fanout.redis_out_of_reach", error=type(error).__name__)
                    told = True
                await asyncio.sleep(PAUSE)

    def _take(self, data: bytes) -> None:
        if data[:16] == self._me:
            return
        with contextlib.suppress(struct.error):
            for session_bytes, seq in _ITEM.iter_unpack(data[16:]):
                self._heard(UUID(bytes=session_bytes), seq)
