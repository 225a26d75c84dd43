"""Every way in which the platform connects to PostgreSQL works over TLS, and refuses a server that is not the one named."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from unittest import mock

import asyncpg
import pytest

from chat_gateway.journal import Journal
from chat_gateway.settings import ChatGatewaySettings
from common.database import Database, fetch_all
from common.engines import make_broker
from common.messaging.broker import BrokerUnavailableError
from common.messaging.relay import Relay
from common.settings import ServiceSettings
from common.testing import MemoryBroker, MemoryKeyring
from muniment import postgres
from muniment.home import Home, passwords
from muniment.processes import Ready, Running, free_port
from tests.plugins.engines import do_without
from tests.plugins.messaging import create_tables
from tests.tls.certificates import Authority

RULES = "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"


@dataclass(frozen=True)
class Server:
    """A PostgreSQL that takes TLS only, from clients with a certificate."""

    port: int
    password: str
    authority: Path
    stranger: Path
    certificate: Path
    key: Path

    def url(
        self, *, host: str = "127.0.0.1", mode: str = "verify-full", ca: Path | None = None, own: bool = True
    ) -> str:
        mine = f"&sslcert={self.certificate}&sslkey={self.key}" if own else ""
        return (
            f"postgresql://admin:{self.password}@{host}:{self.port}/postgres"
            f"?sslmode={mode}&sslrootcert={ca or self.authority}{mine}"
        )


def installed() -> str:
    """The folder of a PostgreSQL that speaks TLS, which the embedded one does not; empty where there is none."""
    named = os.environ.get("PG_BIN")
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return named or (str(found[-1].parent) if found else "")


@pytest.fixture(scope="module")
def server(request: pytest.FixtureRequest, home: Home, authority: Authority, stranger: Authority) -> Iterator[Server]:
    folder = installed()
    if not folder:
        do_without(request, "PostgreSQL with TLS", "there is none in /usr/lib/postgresql: install postgresql")
    secret = passwords(home)["admin"]
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("PG_BIN", folder)
        cluster = postgres.cluster_of(home)
    cluster.create(secret)
    certificate, key = authority.issue("database", "127.0.0.1", "db.agency.example")
    inside = cluster.data / "server.key"
    shutil.copyfile(key, inside)
    inside.chmod(0o600)
    (cluster.data / "tls_hba.conf").write_text(RULES)
    if cluster.user is not None:
        for file in (inside, cluster.data / "tls_hba.conf"):
            os.chown(file, cluster.user.uid, cluster.user.gid)
    port = free_port()
    settings = {"ssl": "on", "ssl_cert_file": str(certificate), "ssl_key_file": str(inside)}
    settings |= {"ssl_ca_file": str(authority.file), "hba_file": str(cluster.data / "tls_hba.conf")}
    # Whoever looks whether it is ready has no certificate: that the port is open has to do.
    spec = replace(cluster.spec(port, fsync="off", **settings), ready=Ready("tcp", port))
    running = Running(spec, home.path / "postgres.log")
    try:
        running.start()
        yield Server(port, secret, authority.file, stranger.file, *authority.issue("service"))
    finally:
        running.stop()


Way = Callable[[str], Awaitable[object]]


async def by_pool(url: str) -> object:
    database = Database(ServiceSettings(database_url=url), application="test")
    try:
        async with database.reading() as session:
            return (await fetch_all(session, "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"))[0]["ssl"]
    finally:
        await database.close()


async def by_log(url: str) -> object:
    async with make_broker(ServiceSettings(broker="postgres", broker_url=url), client_id="test") as log:
        try:
            await log.ping()
        except BrokerUnavailableError as error:
            raise error.__cause__ or error from error
    return True


async def by_relay(url: str) -> object:
    async with Relay(url, MemoryBroker(), owner="test")._connected() as connection:
        return await connection.fetchval("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")


async def by_journal(url: str) -> object:
    settings = ChatGatewaySettings(database_url=url)
    journal = Journal(settings, MemoryKeyring(), mock.Mock())  # no key is asked for
    try:
        await journal.ping()
    finally:
        await journal.close()
    return True


@pytest.fixture
async def tables(server: Server) -> AsyncIterator[None]:
    await create_tables(server.url())
    yield
    connection = await asyncpg.connect(server.url())
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()


WAYS = pytest.mark.parametrize("way", [by_pool, by_log, by_relay, by_journal])


@WAYS
async def test_a_server_that_proves_its_name_is_believed(server: Server, tables: None, way: Way) -> None:
    assert await way(server.url()) is True


@WAYS
@pytest.mark.parametrize(
    "wrong", ["another host's certificate", "unknown authority", "no certificate of the client's own", "in the clear"]
)
async def test_any_other_is_refused(server: Server, way: Way, wrong: str) -> None:
    url = {
        # The certificate is for 127.0.0.1; localhost is the same machine by another name.
        "another host's certificate": server.url(host="localhost"),
        "unknown authority": server.url(ca=server.stranger),
        "no certificate of the client's own": server.url(own=False),
        "in the clear": server.url(mode="disable"),
    }[wrong]
    with pytest.raises(Exception, match=r".") as refused:
        await asyncio.wait_for(way(url), 20)
    assert not isinstance(refused.value, TimeoutError)
    assert server.password not in str(refused.value)
