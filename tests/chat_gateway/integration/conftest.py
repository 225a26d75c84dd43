from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from chat_gateway.app import make_app
from chat_gateway.settings import ChatGatewaySettings
from common.testing import FixedClock, Issuer, MemoryKeyring, serving
from tests.chat_gateway.talking import Talker


@dataclass(frozen=True)
class Gateway:
    """A served gateway with a database and an issuer of its own."""

    port: int
    settings: ChatGatewaySettings
    issuer: Issuer
    clock: FixedClock
    keyring: MemoryKeyring

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def talker(self, role: str, **claims: Any) -> AbstractAsyncContextManager[Talker]:
        """A connection that has said hello in this role."""
        return Talker.connected(self.port, self.issuer.mint(role, **claims))

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.settings.database_url.get_secret_value())
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])

    @asynccontextmanager
    async def replica(self, **settings: object) -> AsyncIterator["Gateway"]:
        """Another process's worth of gateway on the same database."""
        own = self.settings.model_copy(update=settings)
        async with serving(make_app(own, self.clock, self.keyring), own) as port:
            yield replace(self, port=port, settings=own)


@pytest.fixture
async def settings(
    service_db: Callable[[str], Awaitable[str]], issuer: Issuer, key_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> ChatGatewaySettings:
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    return ChatGatewaySettings(
        database_url=await service_db("chat_gateway"),
        key_folder=str(key_folder),
        poll_seconds=0.1,
        routing_seconds=0.05,
        stop_after_seconds=3,
        refuse_after_seconds=1,
        frames_at_once=5000,
    )


@pytest.fixture
async def gateway(settings: ChatGatewaySettings, issuer: Issuer, clock: FixedClock) -> AsyncIterator[Gateway]:
    keyring = MemoryKeyring()
    async with serving(make_app(settings, clock, keyring), settings) as port:
        yield Gateway(port, settings, issuer, clock, keyring)
