"""Presence and fan-out: helpful while Redis is there, silent when it is not."""

import asyncio
from uuid import UUID

import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from chat_gateway import presence as presence_module
from chat_gateway.fanout import CHANNEL, SIGNALS, Fanout, Signal, SignalKind
from chat_gateway.presence import Presence
from chat_gateway.sessions import LiveSession
from chat_gateway.wires import RedisWire
from common.ids import new_id
from tests.chat_gateway.unit.test_model import opened


async def eventually(condition: object) -> None:
    async with asyncio.timeout(30):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


async def test_one_process_hears_what_grew_in_another_and_not_what_grew_here() -> None:
    server = FakeServer()
    heard: list[tuple[str, UUID, int]] = []
    signals: list[Signal] = []
    here = Fanout(RedisWire(FakeAsyncRedis(server=server)), lambda i, n: heard.append(("here", i, n)), signals.append)
    there = Fanout(RedisWire(FakeAsyncRedis(server=server)), lambda i, n: heard.append(("there", i, n)), signals.append)
    tasks = [asyncio.create_task(f.run()) for f in (here, there)]
    await eventually(lambda: here.listening and there.listening)
    state, _ = opened()
    here.announce(LiveSession(state))
    given = [Signal(SignalKind.READ, state.id, new_id(), number, 1_767_225_600_000_000) for number in range(1, 301)]
    for signal in given:
        here.signal(signal)
    await eventually(lambda: bool(heard) and len(signals) == len(given))
    assert signals == given, "in their order, in as many messages as it takes"
    for channel in (CHANNEL, SIGNALS):
        await FakeAsyncRedis(server=server).publish(channel, b"0123456789abcdef and rubbish")
    await asyncio.sleep(0.05)
    assert heard == [("there", state.id, 1)]
    assert not any(t.done() for t in tasks)
    for task in tasks:
        task.cancel()


async def test_without_redis_nothing_fails_and_it_is_heard_again_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("chat_gateway.fanout.PAUSE", 0.01)
    server = FakeServer()
    server.connected = False
    heard: list[int] = []
    fanout = Fanout(RedisWire(FakeAsyncRedis(server=server)), lambda _i, n: heard.append(n), lambda _: None)
    running = asyncio.create_task(fanout.run())
    state, _ = opened()
    fanout.announce(LiveSession(state))
    await asyncio.sleep(0.05)
    assert not fanout.listening
    assert not running.done()
    server.connected = True
    await eventually(lambda: fanout.listening)
    running.cancel()


async def test_presence_is_a_key_that_expires_and_names_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence_module, "REFRESH_SECONDS", 0.3)
    redis = FakeAsyncRedis()
    presence = Presence(redis)
    running = asyncio.create_task(presence.run())
    await asyncio.sleep(0)
    presence.enter("0199-a", "customer")
    key = "muniment:chat:connection:0199-a"
    async with asyncio.timeout(30):
        while not await redis.exists(key):
            await asyncio.sleep(0.01)
    assert await redis.get(key) == b"customer"
    assert 0 < await redis.ttl(key) <= presence_module.SECONDS
    await redis.expire(key, 1)
    async with asyncio.timeout(30):
        while await redis.ttl(key) <= 1:
            await asyncio.sleep(0.05)
    presence.leave("0199-a")
    async with asyncio.timeout(30):
        while await redis.exists(key):
            await asyncio.sleep(0.01)
    running.cancel()


async def test_an_account_is_counted_under_a_digest_and_admitted_when_nobody_counts() -> None:
    server = FakeServer()
    redis = FakeAsyncRedis(server=server)
    presence = Presence(redis)
    admitted = [await presence.admit("account-7", per_minute=2) for _ in range(3)]
    assert admitted == [True, True, False]
    assert await presence.admit("account-8", per_minute=2)
    assert not any(b"account" in key for key in await redis.keys("*"))
    server.connected = False
    assert await presence.admit("account-7", per_minute=2)
