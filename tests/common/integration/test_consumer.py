"""Invariant 8, the receiving half: twice is once, poison is set aside with its reason, an outage loses nothing."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import UUID

import asyncpg
import orjson
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from common.contracts.envelope import Envelope, EventData
from common.database import Database, WriteSession, fetch_all
from common.ids import new_id
from common.messaging.broker import ReceivedRecord, Record
from common.messaging.consumer import UNKNOWN_ATTEMPTS, Consumer, is_outage
from common.testing import FixedClock, MemoryBroker
from tests.plugins.messaging import Effects, record, rows

OUTCOMES = "SELECT outcome FROM effect ORDER BY n"
LETTERS = "SELECT * FROM dead_letter ORDER BY set_aside_at, id"


def consumer(effects: Effects, database: Database, broker: MemoryBroker, **options: int) -> Consumer:
    return Consumer(
        effects.subject(), database=database, broker=broker, clock=FixedClock(), poll_seconds=0.05, **options
    )


@asynccontextmanager
async def running(member: Consumer) -> AsyncIterator[None]:
    stop = asyncio.Event()
    task = asyncio.create_task(member.run(stop))
    try:
        yield
    finally:
        stop.set()
        await asyncio.wait_for(task, 30)


async def effects_of(database: Database) -> list[str]:
    return [r["outcome"] for r in await rows(database, OUTCOMES)]


async def until_effects(database: Database, count: int) -> list[str]:
    async with asyncio.timeout(30):
        while len(found := await effects_of(database)) < count:
            await asyncio.sleep(0.02)
    return found


def received(*records: Record) -> list[ReceivedRecord]:
    return [ReceivedRecord(r.topic, 0, n, r.key, r.value, r.headers) for n, r in enumerate(records)]


async def test_every_event_has_its_effect_once_however_often_it_comes(database: Database) -> None:
    broker = MemoryBroker()
    events = [record(str(n)) for n in range(30)]
    await broker.publish([*events, *events[5:20]])
    await broker.publish(events)
    async with running(consumer(Effects(), database, broker, batch=7)):
        await until_effects(database, 30)
        await asyncio.sleep(0.2)
    assert sorted(map(int, await effects_of(database))) == list(range(30))


async def test_a_batch_that_was_handled_but_not_committed_is_dropped_by_the_inbox(database: Database) -> None:
    batch = received(*(record(str(n)) for n in range(10)))
    await consumer(Effects(), database, MemoryBroker()).handle(batch)
    await consumer(Effects(), database, MemoryBroker()).handle(batch)
    assert len(await effects_of(database)) == 10


async def test_two_members_with_the_same_batch_do_it_once(database: Database) -> None:
    batch = received(*(record(str(n)) for n in range(50)))
    await asyncio.gather(*(consumer(Effects(), database, MemoryBroker()).handle(batch) for _ in range(4)))
    assert len(await effects_of(database)) == 50


async def test_the_next_batch_is_read_while_one_is_worked_on_and_begun_after_it(database: Database) -> None:
    broker, effects, key = MemoryBroker(), Effects(), new_id()
    effects.go_on.clear()
    read: list[int] = []
    await broker.publish([record(str(n), key) for n in range(9)])
    subject = replace(effects.subject(), screen=lambda r: read.append(r.offset))
    member = Consumer(subject, database=database, broker=broker, clock=FixedClock(), poll_seconds=0.05, batch=3)
    async with running(member):
        async with asyncio.timeout(30):
            while len(read) < 6:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.1)
        assert (read, effects.calls) == ([0, 1, 2, 3, 4, 5], 1)
        assert not broker.positions
        effects.go_on.set()
        assert await until_effects(database, 9) == [str(n) for n in range(9)]


async def test_poison_is_set_aside_and_the_rest_goes_on_in_order(database: Database) -> None:
    key = new_id()
    batch = received(*(record(o, key) for o in ["0", "poison", "1", "2"]))
    await consumer(Effects(), database, MemoryBroker()).handle(batch)
    assert await effects_of(database) == ["0", "1", "2"]
    (letter,) = await rows(database, LETTERS)
    assert (letter["topic"], letter["partition"], letter["offset"]) == ("action.completed", 0, 1)
    assert letter["reason"] == "data.outcome: not a code"
    assert letter["error_class"] == "PoisonEventError"
    assert letter["value"] == batch[1].value
    assert orjson.loads(letter["headers"]) == batch[1].headers


async def test_what_the_store_must_not_hold_is_withheld(database: Database) -> None:
    await consumer(Effects(), database, MemoryBroker()).handle(received(record("poison, withheld")))
    (letter,) = await rows(database, LETTERS)
    assert letter["value"] is None


async def test_an_undecodable_record_is_set_aside_by_its_place(database: Database) -> None:
    broken = Record("action.completed", "k", b"{", {"ce_id": str(new_id()), "ce_type": "x"})
    batch = received(record("before"), broken, record("after"))
    member = consumer(Effects(), database, MemoryBroker())
    await member.handle(batch)
    await member.handle(batch)
    assert await effects_of(database) == ["before", "after"]
    (letter,) = await rows(database, LETTERS)
    assert letter["error_class"] == "UnusableEventError"


async def test_an_unforeseen_fault_is_tried_again_then_set_aside_without_quoting_it(database: Database) -> None:
    effects = Effects()
    await consumer(effects, database, MemoryBroker()).handle(received(record("fault"), record("fine")))
    assert effects.calls >= UNKNOWN_ATTEMPTS
    assert await effects_of(database) == ["fine"]
    (letter,) = await rows(database, LETTERS)
    assert "RuntimeError" in letter["reason"]
    assert "123-45" not in letter["reason"]


async def test_too_many_set_aside_stop_the_consumer_until_they_are_redriven(database: Database) -> None:
    broker = MemoryBroker()
    await broker.publish([record("poison", key := new_id()), record("poison", key), record("poison", key)])
    effects = Effects()
    member = consumer(effects, database, broker, ceiling=3)
    async with running(member):
        async with asyncio.timeout(30):
            while not member.state.startswith("stopped"):
                await asyncio.sleep(0.02)
        await broker.publish([record("waits")])
        await asyncio.sleep(0.3)
        assert await effects_of(database) == []
        assert not member.healthy
    effects.poison = "nothing is poison now"
    for letter in await rows(database, LETTERS):
        await redrive(member, letter)
    async with running(consumer(effects, database, broker, ceiling=3)):
        assert await until_effects(database, 4) == ["poison", "poison", "poison", "waits"]


async def test_at_the_ceiling_the_rest_of_the_batch_waits_and_is_not_lost(database: Database) -> None:
    broker = MemoryBroker()
    await broker.publish([record(o, k) for k in [new_id()] for o in ["poison", "poison", "poison", "fine", "poison"]])
    effects = Effects()
    member = consumer(effects, database, broker, ceiling=2)
    async with running(member):
        async with asyncio.timeout(30):
            while not member.state.startswith("stopped"):
                await asyncio.sleep(0.02)
    assert len(await rows(database, LETTERS)) == 2
    assert await effects_of(database) == []
    effects.poison = "nothing is poison now"
    for letter in await rows(database, LETTERS):
        await redrive(member, letter)
    async with running(consumer(effects, database, broker, ceiling=2)):
        assert sorted(await until_effects(database, 5)) == ["fine", "poison", "poison", "poison", "poison"]


async def redrive(member: Consumer, letter: asyncpg.Record) -> None:
    place = (letter["topic"], letter["partition"], letter["offset"], letter["key"])
    await member.redrive(
        ReceivedRecord(*place, letter["value"], orjson.loads(letter["headers"])), UUID(str(letter["id"]))
    )


async def test_redriving_twice_is_once(database: Database) -> None:
    effects = Effects()
    member = consumer(effects, database, MemoryBroker())
    await member.handle(received(record("poison")))
    effects.poison = "nothing is poison now"
    (letter,) = await rows(database, LETTERS)
    await redrive(member, letter)
    await redrive(member, letter)
    assert await effects_of(database) == ["poison"]


async def test_an_outage_is_waited_out(database: Database) -> None:
    """The database drops the connection in the middle of the batch, several times."""

    class Outage(Effects):
        left = 3

        async def __call__(self, session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
            await super().__call__(session, envelopes)
            if self.left:
                self.left -= 1
                raise ConnectionResetError

    broker = MemoryBroker()
    await broker.publish([record(str(n)) for n in range(5)])
    async with running(consumer(Outage(), database, broker)):
        found = await until_effects(database, 5)
    assert sorted(found) == ["0", "1", "2", "3", "4"]
    assert await rows(database, LETTERS) == []


async def test_a_killed_server_connection_counts_as_an_outage(database: Database) -> None:
    with pytest.raises(DBAPIError) as dropped:
        async with database.unit_of_work() as session:
            await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
    assert is_outage(dropped.value)
    async with database.unit_of_work() as session:
        await session.execute(text("SELECT 1"))


async def test_a_rule_of_the_store_is_no_outage(database: Database) -> None:
    with pytest.raises(asyncpg.NotNullViolationError) as refused:
        async with database.unit_of_work() as session:
            await fetch_all(session, "INSERT INTO effect (action_id) VALUES (NULL)")
    assert not is_outage(refused.value)
