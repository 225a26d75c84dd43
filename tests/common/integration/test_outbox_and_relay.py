"""Invariant 8, the sending half: nothing committed is lost, order per key is kept, with several relays too."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import pairwise

import asyncpg
import orjson
import pytest

from common.database import Database, fetch_all
from common.ids import new_id
from common.messaging import relay as relay_module
from common.messaging.broker import BrokerUnavailableError, Record
from common.messaging.outbox import tell, tell_records
from common.messaging.relay import Relay
from common.testing import MemoryBroker
from tests.plugins.messaging import AT, KEYRING, action, record, rows


@asynccontextmanager
async def running(relay: Relay) -> AsyncIterator[asyncio.Event]:
    stop = asyncio.Event()
    task = asyncio.create_task(relay.run(stop))
    try:
        yield stop
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def until(condition: object, seconds: float = 30) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0.01)


def outcomes(broker: MemoryBroker) -> list[str]:
    return [orjson.loads(r.value)["outcome"] for r in broker.records]


async def test_an_event_leaves_with_its_transaction_and_not_without(database: Database, url: str) -> None:
    broker = MemoryBroker()
    async with running(Relay(url, broker, owner="a")):
        async with database.unit_of_work() as session:
            await tell(session, action("kept"), source="/muniment/test", time=AT, keyring=KEYRING)
        with pytest.raises(RuntimeError):
            async with database.unit_of_work() as session:
                await tell(session, action("rolled back"), source="/muniment/test", time=AT, keyring=KEYRING)
                raise RuntimeError
        await until(lambda: broker.records)
        await asyncio.sleep(0.1)
    assert outcomes(broker) == ["kept"]
    assert await rows(database, "SELECT 1 FROM outbox") == []


async def test_a_relay_is_woken_and_does_not_wait_for_its_poll(
    database: Database, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay_module, "IDLE_SECONDS", 600.0)
    broker = MemoryBroker()
    async with running(relay := Relay(url, broker, owner="a")):
        await until(lambda: relay.healthy)
        async with database.unit_of_work() as session:
            await tell_records(session, [record("now")])
        await until(lambda: broker.records)


async def test_a_batch_that_failed_half_way_is_sent_again_and_first_arrivals_are_in_order(
    database: Database, url: str
) -> None:
    broker = MemoryBroker()
    broker.failures = 3
    keys = [new_id() for _ in range(5)]
    async with database.unit_of_work() as session:
        await tell_records(session, [record(str(n), keys[n % 5]) for n in range(100)])
    async with running(Relay(url, broker, owner="a", batch=40)):
        await until(lambda: len(set(outcomes(broker))) == 100)
    first = list(dict.fromkeys(outcomes(broker)))
    for key in range(5):
        mine = [int(o) for o in first if int(o) % 5 == key]
        assert mine == sorted(mine)
    assert len(broker.records) > 100


async def test_of_several_relays_one_sends_and_another_takes_over(database: Database, url: str) -> None:
    broker = MemoryBroker()
    key = new_id()
    async with running(Relay(url, broker, owner="a")) as stop_first, running(Relay(url, broker, owner="b")):
        for n in range(50):
            async with database.unit_of_work() as session:
                await tell_records(session, [record(str(n), key)])
            if n == 25:
                stop_first.set()
        await until(lambda: len(broker.records) >= 50)
    assert [int(o) for o in outcomes(broker)] == list(range(50))


class StalledBroker(MemoryBroker):
    """Holds its first publish until told to go on, as a process does that was suspended in the middle."""

    def __init__(self, log: MemoryBroker) -> None:
        super().__init__()
        self.log = log
        self.holding = asyncio.Event()
        self.go_on = asyncio.Event()

    async def publish(self, records: Sequence[Record]) -> None:
        self.holding.set()
        await self.go_on.wait()
        await self.log.publish(records)


async def test_a_relay_that_outlived_its_lease_marks_nothing_and_overtakes_nobody(database: Database, url: str) -> None:
    log = MemoryBroker()
    stalled = StalledBroker(log)
    async with database.unit_of_work() as session:
        await tell_records(session, [record("0", key := new_id()), record("1", key)])
    connections = [await asyncpg.connect(url) for _ in range(2)]
    slow, quick = Relay(url, stalled, owner="slow"), Relay(url, log, owner="quick")
    late = asyncio.create_task(slow.send_once(connections[0]))
    await stalled.holding.wait()
    async with database.unit_of_work() as session:
        await tell_records(session, [record("2", key)])
    assert await quick.send_once(connections[1]) == 0, "the lease is held"
    await connections[1].execute("UPDATE outbox_lease SET until = clock_timestamp() - interval '1 second'")
    assert await quick.send_once(connections[1]) == 3
    async with database.unit_of_work() as session:
        await tell_records(session, [record("3", key)])
    stalled.go_on.set()
    assert await late == 0, "its lease is another's now, so it may mark nothing as sent"
    assert await quick.send_once(connections[1]) == 1
    assert list(dict.fromkeys(outcomes(log))) == ["0", "1", "2", "3"]
    for connection in connections:
        await connection.close()


async def test_concurrent_transactions_of_one_aggregate_keep_their_order(database: Database, url: str) -> None:
    async with database.unit_of_work() as session:
        await tell_records(session, [])
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE aggregate (id int PRIMARY KEY, n int NOT NULL)")
    await connection.execute("INSERT INTO aggregate VALUES (1, 0)")
    await connection.close()
    key = new_id()

    async def change() -> None:
        async with database.unit_of_work() as session:
            row = await fetch_all(session, "UPDATE aggregate SET n = n + 1 WHERE id = 1 RETURNING n")
            await tell_records(session, [record(str(row[0]["n"]), key)])

    broker = MemoryBroker()
    async with running(Relay(url, broker, owner="a", batch=3)):
        await asyncio.gather(*(change() for _ in range(40)))
        await until(lambda: len(broker.records) >= 40)
    assert all(int(b) == int(a) + 1 for a, b in pairwise(outcomes(broker)))


async def test_an_unreachable_log_only_delays(database: Database, url: str) -> None:
    class Down(MemoryBroker):
        down = True
        refused = 0

        async def publish(self, records: Sequence[Record]) -> None:
            if self.down:
                self.refused += 1
                raise BrokerUnavailableError("down")
            await super().publish(records)

    broker = Down()
    async with database.unit_of_work() as session:
        await tell_records(session, [record("late")])
    async with running(relay := Relay(url, broker, owner="a")):
        await until(lambda: broker.refused > 1)
        await until(lambda: not relay.healthy)
        broker.down = False
        await until(lambda: broker.records)
    assert outcomes(broker) == ["late"]
