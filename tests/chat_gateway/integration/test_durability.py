"""Invariants 1 and 9: what was acknowledged is there, whatever is killed; Redis is never the record."""

import asyncio
import contextlib
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from chat_gateway.settings import ChatGatewaySettings
from common.clock import SystemClock
from common.contracts.chat import canonical, commitment_to
from common.testing import Issuer
from muniment.processes import free_port
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Frame, Talker, chained
from tests.plugins.engines import PostgresServer
from tests.plugins.kit import KeyringPlace
from tests.plugins.servers import RedisServer


@dataclass
class Process:
    """The api as it runs in production: a process of its own."""

    settings: ChatGatewaySettings
    issuer: Issuer
    keyring_url: str
    port: int = field(default_factory=free_port)
    running: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        environment = {**os.environ, **self.issuer.environment, "MUNIMENT_PORT": str(self.port)}
        environment["MUNIMENT_DATABASE_URL"] = self.settings.database_url.get_secret_value()
        environment["MUNIMENT_REDIS_URL"] = "memory://"
        environment["MUNIMENT_KEY_FOLDER"] = self.settings.key_folder
        environment["MUNIMENT_KEYRING_URL"] = self.keyring_url
        # Who sends everything again is not told to slow down: how fast one may be is another test's business.
        environment["MUNIMENT_FRAMES_AT_ONCE"] = "100000"
        self.running = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "chat_gateway", "api", env=environment, stdout=asyncio.subprocess.DEVNULL
        )
        async with httpx.AsyncClient() as http, asyncio.timeout(60):
            while True:
                assert self.running.returncode is None, "it ended before it was ready"
                with contextlib.suppress(httpx.TransportError):
                    if (await http.get(f"http://127.0.0.1:{self.port}/readyz")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    async def end(self, how: signal.Signals) -> int:
        assert self.running is not None
        if self.running.returncode is None:
            self.running.send_signal(how)
        return await asyncio.wait_for(self.running.wait(), 60)


@pytest.fixture
async def process(settings: ChatGatewaySettings, keyring_place: KeyringPlace, tmp_path: Path) -> AsyncIterator[Process]:
    process = Process(settings, Issuer(tmp_path, SystemClock()), keyring_place.users["chat_gateway"])
    await process.start()
    yield process
    await process.end(signal.SIGKILL)


MANY = 100


class Stream:
    """A customer who sends without waiting, and remembers what was acknowledged."""

    def __init__(self) -> None:
        self.session_id: UUID | None = None
        self.sent: dict[str, str] = {}
        self.acknowledged: dict[str, Frame] = {}
        self.close_code: int | None = None
        self.under_way = asyncio.Event()

    async def run(self, process: Process, number: int) -> None:
        """Until the process goes away."""
        async with Talker.connected(process.port, process.issuer.mint("customer", sub=f"customer-{number}")) as talker:
            self.session_id = await talker.open()
            try:
                for line in range(100_000):
                    client_id = str(uuid4())
                    self.sent[client_id] = f"line {line}"
                    await talker.say(
                        type="send", session_id=self.session_id, client_id=client_id, text=self.sent[client_id]
                    )
                    await asyncio.sleep(0.001)
                    if line >= MANY and talker.all("ack"):
                        self.under_way.set()
            except ConnectionClosed:
                self.close_code = (await talker.first("gone"))["code"]
            self.acknowledged |= {f["client_id"]: f for f in talker.all("ack")}

    async def send_again(self, process: Process, number: int) -> None:
        """Everything, as a client does that does not know what arrived."""
        async with Talker.connected(process.port, process.issuer.mint("customer", sub=f"customer-{number}")) as talker:
            await talker.say(type="resume", session_id=self.session_id, after_seq=0)
            for client_id, text in self.sent.items():
                await talker.say(type="send", session_id=self.session_id, client_id=client_id, text=text)
            await talker.until(lambda: len(talker.all("ack")) == len(self.sent), 60)
            for frame in talker.all("ack"):
                assert self.acknowledged.get(frame["client_id"], frame) == frame


async def rows_of(settings: ChatGatewaySettings, sql: str) -> list[Frame]:
    gateway = Gateway(0, settings, None, None, None)  # type: ignore[arg-type]
    return [json.loads(r[0]) for r in await gateway.rows(sql)]


async def writers_are_gone(settings: ChatGatewaySettings) -> None:
    """A backend whose client was killed still commits what it was given: until it ends, two reads may differ."""
    gateway = Gateway(0, settings, None, None, None)  # type: ignore[arg-type]
    others = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    async with asyncio.timeout(20):
        while await gateway.rows(others):
            await asyncio.sleep(0.02)


async def check(settings: ChatGatewaySettings, streams: list[Stream]) -> None:
    """Every acknowledged message is stored and told, under its number, once, in a chain that holds."""
    stored = await rows_of(settings, "SELECT value FROM session_entry ORDER BY session_id, seq")
    told = await rows_of(settings, "SELECT value FROM outbox ORDER BY position")
    for stream in streams:
        mine = [e for e in stored if e["session_id"] == str(stream.session_id)]
        assert [e["seq"] for e in mine] == list(range(1, len(mine) + 1))
        assert chained(mine) == [e["digest"] for e in mine]
        assert [e for e in told if e["session_id"] == str(stream.session_id)] == mine
        by_id = {e["entry_id"]: e for e in mine}
        assert len(by_id) == len(mine)
        for client_id, ack in stream.acknowledged.items():
            assert (by_id[client_id]["seq"], by_id[client_id]["digest"]) == (ack["seq"], ack["digest"])
            said = canonical({"salt": ack["salt"], "text": stream.sent[client_id]})
            assert by_id[client_id]["commitment"] == commitment_to(said)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "told to stop"])
async def test_what_was_acknowledged_survives_the_process(
    process: Process, settings: ChatGatewaySettings, how: signal.Signals
) -> None:
    streams = [Stream() for _ in range(8)]
    load = [asyncio.create_task(s.run(process, n)) for n, s in enumerate(streams)]
    async with asyncio.timeout(60):
        await asyncio.gather(*(s.under_way.wait() for s in streams))
    await process.end(how)
    await asyncio.gather(*load)
    assert all(s.acknowledged for s in streams)
    if how is signal.SIGTERM:
        assert {s.close_code for s in streams} == {1012}
    await writers_are_gone(settings)
    await check(settings, streams)
    await process.start()
    await asyncio.gather(*(s.send_again(process, n) for n, s in enumerate(streams)))
    await check(settings, streams)
    entries = await rows_of(settings, "SELECT value FROM session_entry")
    assert len(entries) == sum(len(s.sent) + 1 for s in streams)


async def test_a_lost_database_connection_loses_and_repeats_nothing(gateway: Gateway) -> None:
    """The outcome of the transaction in flight is not known then: it is found out, not guessed."""
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()

        async def cut() -> None:
            for _ in range(10):
                await asyncio.sleep(0.05)
                await gateway.rows(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name = 'chat_gateway writer'"
                )

        cutting = asyncio.create_task(cut())
        sent = [str(uuid4()) for _ in range(400)]
        for client_id in sent:
            await customer.say(type="send", session_id=session_id, client_id=client_id, text="on and on")
            await asyncio.sleep(0.002)
        await cutting
        await customer.until(lambda: len(customer.all("ack")) + len(customer.all("error")) >= len(sent))
        assert [f["client_id"] for f in customer.all("ack")] == sent
        assert not customer.all("error")
    entries = await rows_of(gateway.settings, "SELECT value FROM session_entry ORDER BY seq")
    assert [e["entry_id"] for e in entries[1:]] == sent
    assert chained(entries)[-1] == entries[-1]["digest"]


async def test_without_a_database_a_sender_hears_that_nothing_is_certain(
    gateway: Gateway, postgres_server: PostgresServer
) -> None:
    async with gateway.talker("customer") as customer:
        session_id, client_id = await customer.open(), uuid4()
        name = gateway.settings.database_url.get_secret_value().rpartition("/")[2]
        try:
            await postgres_server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false')
            await postgres_server.execute(
                f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
            )
            answer = await customer.post(session_id, "is anybody there?", client_id)
            assert (answer["code"], answer["status"], answer["retryable"]) == ("not-stored-yet", 503, True)
            async with httpx.AsyncClient(base_url=gateway.http) as http:
                assert (await http.get("/readyz")).status_code == 503
        finally:
            await postgres_server.execute(f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')
        for _ in range(50):
            answer = await customer.post(session_id, "is anybody there?", client_id)
            if answer["type"] == "ack":
                break
            await asyncio.sleep(0.1)
        assert answer["seq"] == 2


async def test_without_redis_the_chat_goes_on(gateway: Gateway) -> None:
    nowhere = f"redis://127.0.0.1:{free_port()}/0"
    async with gateway.replica(redis_url=nowhere) as one, gateway.replica(redis_url=nowhere) as two:
        await _converse(one, two)


@pytest.mark.redis
async def test_redis_may_go_and_come_back(gateway: Gateway, redis_server: RedisServer) -> None:
    shared = {"redis_url": redis_server.url, "poll_seconds": 30.0}
    async with gateway.replica(**shared) as one, gateway.replica(**shared) as two:
        await asyncio.sleep(0.3)
        await _converse(one, two)  # nobody polls in this time: what crosses, Redis carried
    async with gateway.replica(redis_url=redis_server.url) as one, gateway.replica(redis_url=redis_server.url) as two:
        await _converse(one, two)
        redis_server.kill()
        await _converse(one, two)
        redis_server.start()
        await _converse(one, two)


async def _converse(one: Gateway, two: Gateway) -> None:
    async with one.talker("customer") as customer, two.talker("agent") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        await customer.until_seq(session_id, 2)
        assert (await customer.post(session_id, "hello"))["seq"] == 3
        await agent.until_seq(session_id, 3)
        assert (await agent.post(session_id, "good day"))["seq"] == 4
        await customer.until_seq(session_id, 4)
