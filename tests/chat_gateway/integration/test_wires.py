"""Processes on one machine call each other with NOTIFY; alone, a process says nothing; nothing depends on it."""

import asyncio
from collections.abc import Callable
from uuid import uuid4

import asyncpg
import pytest

from chat_gateway import wires
from chat_gateway.fanout import Fanout, Signal, SignalKind
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.wires import PostgresWire
from common.ids import new_id


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_process_alone_says_nothing_and_a_second_one_is_heard_at_once(
    settings: ChatGatewaySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wires, "HERE_SECONDS", 30.0)  # whoever comes is answered, not waited for
    url = settings.database_url.get_secret_value()
    heard: list[tuple[str, Signal]] = []
    listener = await asyncpg.connect(url)
    said: list[str] = []
    await listener.add_listener("muniment_chat_signals", lambda *notice: said.append(str(notice[-1])))
    ways = [PostgresWire(url), PostgresWire(url)]
    here, there = (
        Fanout(way, lambda _i, _n: None, lambda s, name=name: heard.append((name, s)))  # type: ignore[misc]
        for way, name in zip(ways, ("here", "there"), strict=True)
    )
    signal = Signal(SignalKind.TYPING, uuid4(), new_id(), 1)
    one = asyncio.create_task(here.run())
    await eventually(lambda: here.listening)
    here.signal(signal)
    await asyncio.sleep(0.3)
    assert said == []
    other = asyncio.create_task(there.run())
    await eventually(lambda: there.listening)
    await eventually(lambda: all(way._others_at > 0 for way in ways))  # the two know of each other
    here.signal(signal)
    there.signal(signal)
    await eventually(lambda: len(heard) == 2)
    assert sorted(name for name, _ in heard) == ["here", "there"], "each hears the other and not itself"
    assert {told for _, told in heard} == {signal}
    await listener.execute("SELECT pg_notify('muniment_chat_signals', 'rubbish ü')")
    await listener.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'chat_gateway wire'"
    )
    await eventually(lambda: not here.listening)
    await eventually(lambda: here.listening and there.listening)
    for task in (one, other):
        assert not task.done()
        task.cancel()
    await asyncio.gather(one, other, return_exceptions=True)
    await listener.close()
