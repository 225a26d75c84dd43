"""Who is connected, and how often an account opens sessions: kept in Redis, forgotten with it, needed by nothing."""

import asyncio
import hashlib

import redis.asyncio
from prometheus_client import Gauge
from redis.exceptions import RedisError

from common.telemetry import get_logger

SECONDS = 60
REFRESH_SECONDS = 20.0

CONNECTIONS = Gauge("muniment_chat_connections", "Open chat connections of this process")
log = get_logger("presence")


class Presence:
    """A key a connection, which expires unless its process refreshes it. The key holds no person's value."""

    def __init__(self, client: "redis.asyncio.Redis") -> None:
        self._client = client
        self._here: dict[str, str] = {}
        self._new: dict[str, str] = {}
        self._left: list[str] = []
        self._changed = asyncio.Event()
        self._failing = False

    def enter(self, connection_id: str, role: str) -> None:
        self._here[_key(connection_id)] = self._new[_key(connection_id)] = role
        CONNECTIONS.inc()
        self._changed.set()

    def leave(self, connection_id: str) -> None:
        if self._here.pop(_key(connection_id), None) is not None:
            self._left.append(_key(connection_id))
            CONNECTIONS.dec()
            self._changed.set()

    async def run(self) -> None:
        """Keep Redis informed until cancelled."""
        while True:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), REFRESH_SECONDS)
                await asyncio.sleep(0.2)  # those who come together are written together
                await self._write(self._new)
            except TimeoutError:
                await self._write(self._here)

    async def _write(self, present: dict[str, str]) -> None:
        present, self._new = {k: v for k, v in present.items() if k in self._here}, {}
        left, self._left = self._left, []
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                for key, role in present.items():
                    pipeline.set(key, role, ex=SECONDS)
                if left:
                    pipeline.delete(*left)
                await pipeline.execute()
            self._failing = False
        except (RedisError, OSError) as error:
            if not self._failing:
                log.warning("presence.redis_out_of_reach", error=type(error).__name__)
            self._failing = True

    async def admit(self, account_id: str, *, per_minute: int) -> bool:
        """Count an opening of this account; False when there were too many this minute. Without Redis nobody counts."""
        key = f"muniment:chat:opens:{hashlib.sha256(account_id.encode()).hexdigest()[:32]}"
        try:
            async with self._client.pipeline(transaction=True) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, SECONDS, nx=True)
                count, _ = await pipeline.execute()
        except (RedisError, OSError):
            return True
        return int(count) <= per_minute


def _key(connection_id: str) -> str:
    return f"muniment:chat:connection:{connection_id}"
