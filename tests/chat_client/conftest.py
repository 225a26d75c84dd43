"""The built client, a served gateway, and a browser that reaches it through a proxy."""

import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import asyncpg
import pytest

from chat_gateway.app import make_app
from chat_gateway.settings import ChatGatewaySettings
from common.clock import SystemClock
from common.protection.key_file import make_key_file
from common.protection.making import key_file
from common.testing import Issuer, MemoryKeyring, serving
from muniment.errors import PlainError
from muniment.home import find_home
from muniment.schemas import ROOT
from tests.chat_client.browser import Browser, Page, browsing
from tests.chat_client.proxy import Proxy
from tests.chat_gateway.talking import Talker
from tests.plugins import npm
from tests.plugins.engines import do_without
from tests.plugins.kit import Databases

SOURCE = ROOT / "services/chat-gateway/client"
BUILD_SECONDS = 120


@dataclass(frozen=True)
class Built:
    """The client as its users get it (`dist`), and as its own tests run (`build`)."""

    node: Path
    folder: Path

    @property
    def dist(self) -> Path:
        return self.folder / "dist"

    def run(self, *argv: str) -> "subprocess.CompletedProcess[str]":
        """Run Node there."""
        command = [str(self.node), *argv]
        return subprocess.run(
            command, check=False, capture_output=True, text=True, timeout=BUILD_SECONDS, cwd=self.folder
        )


@pytest.fixture(scope="session")
def built(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Built:
    try:
        node, packages = npm.install(find_home(), "chat-client", SOURCE)
    except PlainError as reason:
        do_without(request, "the chat client's compiler", str(reason))
    folder = tmp_path_factory.mktemp("client") / "client"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "dist", "build"))
    (folder / "node_modules").symlink_to(packages / "node_modules")
    client = Built(node, folder)
    compiled = client.run("node_modules/typescript/bin/tsc", "-p", "tsconfig.json")
    assert compiled.returncode == 0, compiled.stdout
    return client


@pytest.fixture(scope="session")
async def browser(request: pytest.FixtureRequest) -> AsyncIterator[Browser]:
    try:
        async with browsing() as opened:
            yield opened
    except PlainError as reason:
        do_without(request, "Chromium", str(reason))


@dataclass(frozen=True)
class Gateway:
    """A served gateway whose clock runs, since browsers have no other."""

    port: int
    database_url: str
    issuer: Issuer

    def talker(self, role: str) -> AbstractAsyncContextManager[Talker]:
        """A connection that has said hello in this role."""
        return Talker.connected(self.port, self.issuer.mint(role))

    async def rows(self, sql: str, *values: object) -> list[asyncpg.Record]:
        connection = await asyncpg.connect(self.database_url)
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()

    async def count(self, table: str) -> int:
        return int((await self.rows(f"SELECT count(*) FROM {table}"))[0][0])


@pytest.fixture(scope="module")
async def gateway(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """One for all tests of a module."""
    folder = tmp_path_factory.mktemp("gateway")
    make_key_file(key_file(folder / "keys", "chat_gateway"))
    clock = SystemClock()
    issuer = Issuer(folder, clock)
    url = await databases.make("chat_gateway")
    settings = ChatGatewaySettings.model_validate(
        {
            "profile": "embedded",
            "issuer": issuer.name,
            "audience": issuer.audience,
            "jwks": str(issuer.jwks),
            "database_url": url,
            "key_folder": str(folder / "keys"),
            "poll_seconds": 0.1,
            "routing_seconds": 0.1,
            "stop_after_seconds": 2,
            "frames_at_once": 5000,
            "opens_per_minute": 1000,
        }
    )
    async with serving(make_app(settings, clock, MemoryKeyring()), settings) as port:
        yield Gateway(port, url, issuer)
    await databases.drop(url)


@dataclass
class Tokens:
    """What the page gets when it asks for a token: the one that there is, unless a new one is wanted.

    Attributes:
        lifetimes: of the next tokens, in their order; then an hour.
        asked: for each token, whether a new one was wanted.
    """

    issuer: Issuer
    lifetimes: list[timedelta] = field(default_factory=list)
    asked: list[bool] = field(default_factory=list)
    current: str = ""

    def mint(self, renew: bool) -> str:
        self.asked.append(renew)
        if renew or not self.current:
            lifetime = self.lifetimes.pop(0) if self.lifetimes else timedelta(hours=1)
            self.current = self.issuer.mint("customer", lifetime=lifetime)
        return self.current


@pytest.fixture
def tokens(gateway: Gateway) -> Tokens:
    return Tokens(gateway.issuer)


@pytest.fixture
async def proxy(gateway: Gateway, tokens: Tokens, built: Built) -> AsyncIterator[Proxy]:
    folders = {"/client/": built.dist, "/test/": Path(__file__).parent, "/demo/": built.folder}
    async with Proxy(lambda: gateway.port, tokens.mint, folders).serving() as running:
        yield running


@pytest.fixture
async def page(browser: Browser, proxy: Proxy) -> AsyncIterator[Page]:
    """A portal's page with the client loaded. What nobody caught in it fails the test."""
    async with browser.page(proxy.url) as opened:
        await opened.run("import('/test/portal.js').then(() => true)")
        yield opened
        assert opened.said == []
