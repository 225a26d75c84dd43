"""What callers see of an engine that is away, and what it must have kept when it is back."""

import asyncio

import pytest

from common.messaging.broker import BrokerUnavailableError, Record
from tests.contracts.broker_kit import (
    READER,
    STRANGER,
    WRITER,
    Engine,
    Handled,
    group,
    numbered,
    publish_until_confirmed,
    take,
    until,
    work,
)


class OutageContract:
    """See `BrokerContract`."""

    async def test_ping_answers(self, engine: Engine) -> None:
        async with engine.broker(WRITER) as writer, engine.broker(STRANGER) as stranger:
            await writer.ping()
            await stranger.ping()

    async def test_an_engine_that_is_not_there_is_reported_soon(self, engine: Engine, unused_tcp_port: int) -> None:
        async with engine.nowhere(unused_tcp_port) as broker, asyncio.timeout(60):
            with pytest.raises(BrokerUnavailableError):
                await broker.ping()
            with pytest.raises(BrokerUnavailableError):
                await broker.publish([Record("t", "k", b"")])
            async with broker.subscribe(group=group(), topics=["t"]) as member:
                for _ in range(2):
                    with pytest.raises(BrokerUnavailableError):
                        await take(member, 1, seconds=20)

    async def test_an_engine_that_accepts_and_is_silent_is_reported_soon(self, engine: Engine) -> None:
        writers: list[asyncio.StreamWriter] = []
        silent = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
        try:
            async with engine.nowhere(silent.sockets[0].getsockname()[1]) as broker, asyncio.timeout(60):
                with pytest.raises(BrokerUnavailableError):
                    await broker.ping()
                with pytest.raises(BrokerUnavailableError):
                    await broker.publish([Record("t", "k", b"")])
        finally:
            silent.close()
            for writer in writers:
                writer.close()

    @pytest.mark.slow
    async def test_a_killed_engine_loses_nothing_that_was_confirmed(self, engine: Engine) -> None:
        topic, name, keys = await engine.add_topic(partitions=4), group(), 8
        handled, confirmed, done = Handled(), 0, False
        async with engine.broker(WRITER, publish_seconds=3) as writer, engine.broker(READER) as reader:

            async def talk() -> None:
                nonlocal confirmed
                while not done:
                    await publish_until_confirmed(writer, numbered(topic, range(confirmed, confirmed + keys), keys))
                    confirmed += keys

            async with reader.subscribe(group=name, topics=[topic]) as member:
                worker = asyncio.create_task(
                    work(member, handled, keys, lambda: done and len(handled.arrivals) == confirmed)
                )
                talker = asyncio.create_task(talk())
                for _ in range(2):
                    before = confirmed
                    await until(lambda before=before: confirmed > before + 200, 60)  # type: ignore[misc]
                    engine.kill()
                    await asyncio.sleep(1)
                    await asyncio.to_thread(engine.start)
                before = confirmed
                await until(lambda: confirmed > before + 200, 60)
                done = True
                await talker
                async with asyncio.timeout(60):
                    await worker
            await writer.ping()
            async with reader.subscribe(group=group(), topics=[topic]) as auditor:
                everything = await take(auditor, confirmed)
                while records := await auditor.poll(max_records=500, timeout_seconds=3):
                    everything += records
        assert handled.out_of_order == []
        replayed = Handled()
        replayed.handle(everything, keys)
        assert replayed.out_of_order == []
        assert set(replayed.arrivals) == set(range(confirmed))
