"""What every event log must do, whichever engine stands behind it: one suite, run on each.

A test module gives a fixture `engine` (see `Engine`) and a class that inherits from `BrokerContract`.
"""

import asyncio
import json
import sys
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from uuid import uuid4

import pytest

from common.messaging.broker import (
    Broker,
    BrokerUnavailableError,
    PositionLostError,
    ReceivedRecord,
    Record,
    Subscription,
)
from common.messaging.membership import GroupTiming

WRITER, READER, OTHER_READER, STRANGER = "chat_gateway", "transcripts", "production", "retention"
QUICK = GroupTiming(heartbeat=0.2, session=6.0, release=1.0)
PATIENT = GroupTiming(heartbeat=0.2, session=6.0, release=10.0)


class Engine(Protocol):
    """An engine under test. On every topic WRITER may write, and READER and OTHER_READER may read."""

    def broker(self, principal: str, *, timing: GroupTiming = QUICK, publish_seconds: float = 15.0) -> Broker: ...

    def nowhere(self, port: int) -> Broker:
        """A broker at a port of this machine where no engine is; gives up after 2 s."""
        ...

    def member_settings(self, principal: str) -> dict[str, Any]:
        """What `tests/contracts/member.py` needs to make the same broker in a process of its own."""
        ...

    async def add_topic(self, partitions: int = 4) -> str:
        """A new topic's name."""
        ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


def group(principal: str = READER) -> str:
    return f"{principal}.{uuid4().hex}"


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


async def take(subscription: Subscription, count: int, seconds: float = 20.0) -> list[ReceivedRecord]:
    """Poll until there are so many records."""
    taken: list[ReceivedRecord] = []
    deadline = monotonic() + seconds
    while len(taken) < count:
        assert monotonic() < deadline, f"{len(taken)} of {count} records came"
        taken += await subscription.poll(max_records=count - len(taken), timeout_seconds=0.5)
    return taken


async def nothing_more(subscription: Subscription, seconds: float = 1.0) -> bool:
    return await subscription.poll(max_records=10, timeout_seconds=seconds) == []


def numbered(topic: str, numbers: Sequence[int], keys: int = 6) -> list[Record]:
    return [Record(topic, f"key-{number % keys}", b"%d" % number) for number in numbers]


def numbers_of(records: Sequence[ReceivedRecord]) -> list[int]:
    return [int(record.value) for record in records]


class Handled:
    """What all members of a group have handled, judged as an inbox would: repeats are dropped, order is checked."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.arrivals: Counter[int] = Counter()
        self.out_of_order: list[str] = []

    def handle(self, records: Sequence[ReceivedRecord], keys: int) -> None:
        for record in records:
            number = int(record.value)
            self.arrivals[number] += 1
            if self.arrivals[number] > 1:
                continue
            expected = self.last[record.key] + keys if record.key in self.last else number % keys
            if number != expected:
                self.out_of_order.append(f"{record.key}: {number} came when {expected} was due")
            self.last[record.key] = number


async def work(subscription: Subscription, handled: Handled, keys: int, enough: Callable[[], bool]) -> None:
    """A consumer as services have it: poll, handle, commit; engines may go away, positions may be lost."""
    while not enough():
        try:
            records = await subscription.poll(max_records=50, timeout_seconds=0.2)
            handled.handle(records, keys)
            await asyncio.sleep(0.005)
            await subscription.commit(records)
        except PositionLostError:
            continue
        except BrokerUnavailableError:
            # Whatever was in hand and not committed is handled again.
            await asyncio.sleep(0.1)


async def publish_until_confirmed(broker: Broker, records: Sequence[Record]) -> None:
    while True:
        try:
            await broker.publish(records)
        except BrokerUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return


@asynccontextmanager
async def doomed_member(engine: Engine, topic: str, group_name: str) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A member in a process of its own that polls and never commits; gives the function that kills it hard."""
    script = Path(__file__).with_name("member.py")
    settings = engine.member_settings(READER) | {"group": group_name, "topic": topic}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), json.dumps(settings), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None

    async def kill() -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    try:
        async with asyncio.timeout(30):
            assert await process.stdout.readline() == b"holding\n"
        yield kill
    finally:
        await kill()


class BrokerContract:
    """The scenarios."""

    async def test_records_of_one_key_keep_their_order(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(50)))
            for first in range(50, 80):
                await writer.publish(numbered(topic, [first]))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                records = await take(member, 80)
        for key in {record.key for record in records}:
            of_key = [int(record.value) for record in records if record.key == key]
            assert of_key == sorted(of_key)
        assert sorted(numbers_of(records)) == list(range(80))

    async def test_many_publish_at_once_and_each_keeps_its_own_order(self, engine: Engine) -> None:
        topic = await engine.add_topic()

        async def talk(writer: Broker, key: str) -> None:
            for number in range(0, 40, 2):
                await writer.publish([Record(topic, key, b"%d" % n) for n in (number, number + 1)])

        async with engine.broker(WRITER) as one, engine.broker(WRITER) as two, engine.broker(READER) as reader:
            await asyncio.gather(*(talk(writer, f"{n}-{i}") for n, writer in ((1, one), (2, two)) for i in range(10)))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                records = await take(member, 800)
        for key in {record.key for record in records}:
            assert [int(record.value) for record in records if record.key == key] == list(range(40))
        for partition in {record.partition for record in records}:
            assert [r.offset for r in records if r.partition == partition] == list(
                range(sum(r.partition == partition for r in records))
            )

    async def test_equal_keys_share_a_partition_and_keys_are_spread(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=8)
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish([Record(topic, f"session-{n % 100}", b"%d" % n) for n in range(300)])
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                records = await take(member, 300)
        places = {(record.key, record.partition) for record in records}
        assert len(places) == 100
        assert len({record.partition for record in records}) == 8

    async def test_values_headers_and_keys_arrive_as_they_were(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=1)
        sent = [
            Record(topic, "a", b""),
            Record(topic, "ключ-鍵-🗝", bytes(range(256)), {"name": "Zoë 王 🙂", "empty": "", "zero": "\0"}),
            Record(topic, "a", b"\xff" * 900_000, {"ce_id": "1"}),
            Record(topic, "b", b'{"x": 1}'),
        ]
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(sent)
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                received = await take(member, len(sent))
        assert [(r.topic, r.key, r.value, r.headers) for r in received] == [
            (r.topic, r.key, r.value, r.headers) for r in sent
        ]

    async def test_what_no_log_would_take_is_refused_before_it_is_sent(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            for unfit in (Record(topic, "k", b"x" * 1_000_001), Record(topic, "", b"x"), Record(topic, "a\0b", b"x")):
                with pytest.raises(ValueError, match=topic):
                    await writer.publish([Record(topic, "k", b"before"), unfit])
            await writer.publish([Record(topic, "k", b"only")])
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                assert [r.value for r in await take(member, 1)] == [b"only"]
                assert await nothing_more(member)

    async def test_nothing_to_publish_is_published(self, engine: Engine) -> None:
        async with engine.broker(WRITER) as writer:
            await writer.publish([])

    async def test_a_new_group_begins_at_the_oldest_record(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(10)))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                assert sorted(numbers_of(await take(member, 10))) == list(range(10))
                assert await nothing_more(member)

    async def test_a_group_goes_on_from_its_committed_position(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(), group()
        async with engine.broker(WRITER) as writer:
            await writer.publish(numbered(topic, range(30)))
            async with engine.broker(READER) as reader, reader.subscribe(group=name, topics=[topic]) as member:
                first = await take(member, 12)
                await member.commit(first)
            await writer.publish(numbered(topic, range(30, 40)))
            async with engine.broker(READER) as reader, reader.subscribe(group=name, topics=[topic]) as member:
                rest = await take(member, 28)
                assert await nothing_more(member)
        assert sorted(numbers_of(first) + numbers_of(rest)) == list(range(40))

    async def test_what_was_not_committed_comes_again(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(partitions=1), group()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(10)))
            async with reader.subscribe(group=name, topics=[topic]) as member:
                records = await take(member, 10)
                await member.commit(records[:4])
            async with reader.subscribe(group=name, topics=[topic]) as member:
                assert numbers_of(await take(member, 6)) == list(range(4, 10))

    async def test_committing_twice_or_older_records_moves_nothing_back(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(partitions=1), group()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(10)))
            async with reader.subscribe(group=name, topics=[topic]) as member:
                records = await take(member, 10)
                await member.commit(records[:8])
                await member.commit(records[:8])
                await member.commit(records[:2])
                await member.commit([])
            async with reader.subscribe(group=name, topics=[topic]) as member:
                assert numbers_of(await take(member, 2)) == [8, 9]

    async def test_rewound_records_are_polled_again_in_order(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=2)
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(40)))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                records = await take(member, 40)
                part = records[0].partition
                mine = [r for r in records if r.partition == part]
                await member.commit(mine[:5])
                await member.rewind(mine[5:])
                again = await take(member, len(mine) - 5)
                assert [r.offset for r in again] == [r.offset for r in mine[5:]]
                assert {r.partition for r in again} == {part}
                await member.commit(again)
                assert await nothing_more(member)

    async def test_two_groups_do_not_see_each_other(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as one, engine.broker(OTHER_READER) as two:
            await writer.publish(numbered(topic, range(20)))
            async with (
                one.subscribe(group=group(READER), topics=[topic]) as first,
                two.subscribe(group=group(OTHER_READER), topics=[topic]) as second,
            ):
                await first.commit(await take(first, 20))
                assert sorted(numbers_of(await take(second, 20))) == list(range(20))
                await writer.publish(numbered(topic, [20]))
                assert numbers_of(await take(first, 1)) == numbers_of(await take(second, 1)) == [20]

    async def test_a_member_reads_several_topics(self, engine: Engine) -> None:
        topics = [await engine.add_topic(partitions=2), await engine.add_topic(partitions=3)]
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish([r for topic in topics for r in numbered(topic, range(30))])
            async with reader.subscribe(group=group(), topics=topics) as member:
                records = await take(member, 60)
                await member.commit(records)
                assert Counter(r.topic for r in records) == dict.fromkeys(topics, 30)

    async def test_a_waiting_poll_is_woken_by_a_record(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with (
            engine.broker(WRITER) as writer,
            engine.broker(READER) as reader,
            reader.subscribe(group=group(), topics=[topic]) as member,
        ):
            await writer.publish(numbered(topic, [0]))
            await take(member, 1)
            waiting = asyncio.create_task(member.poll(max_records=1, timeout_seconds=20))
            await asyncio.sleep(0.5)
            begun = monotonic()
            await writer.publish(numbered(topic, [1]))
            assert numbers_of(await waiting) == [1]
            assert monotonic() - begun < 0.45

    async def test_lag_tells_what_waits_beyond_what_was_polled(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=1)
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(30)))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                await take(member, 10)
                await until(lambda: member.lag() == 20)
                await take(member, 20)
                await until(lambda: member.lag() == 0)

    async def test_members_share_the_partitions(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(partitions=4), group()
        async with (
            engine.broker(WRITER) as writer,
            engine.broker(READER) as one,
            engine.broker(READER) as two,
            one.subscribe(group=name, topics=[topic]) as first,
            two.subscribe(group=name, topics=[topic]) as second,
        ):
            handled = {first: Handled(), second: Handled()}
            done = False
            workers = [
                asyncio.create_task(work(member, handled[member], 12, lambda: done)) for member in (first, second)
            ]
            number = 0
            while not all(len(h.last) >= 3 for h in handled.values()) or number < 600:
                await writer.publish(numbered(topic, range(number, number + 12), keys=12))
                number += 12
                assert number < 12_000, "one of the two never got a share"
                await asyncio.sleep(0.01)
            await until(lambda: sum(sum(h.arrivals.values()) for h in handled.values()) >= number)
            done = True
            await asyncio.gather(*workers)
        together = handled[first].arrivals + handled[second].arrivals
        assert set(together) == set(range(number))

    async def test_leaving_hands_over_at_once(self, engine: Engine) -> None:
        topic, name, handled, done = await engine.add_topic(partitions=4), group(), Handled(), False
        async with (
            engine.broker(WRITER) as writer,
            engine.broker(READER) as one,
            engine.broker(READER) as two,
            one.subscribe(group=name, topics=[topic]) as staying,
        ):
            worker = asyncio.create_task(work(staying, handled, 8, lambda: done))
            async with two.subscribe(group=name, topics=[topic]) as leaving:
                left = False
                helper = asyncio.create_task(work(leaving, handled, 8, lambda: left))
                await writer.publish(numbered(topic, range(80), keys=8))
                await until(lambda: len(handled.arrivals) == 80)
                left = True
                await helper
            begun = monotonic()
            await writer.publish(numbered(topic, range(80, 120), keys=8))
            await until(lambda: len(handled.arrivals) == 120)
            # Well under the session's time: nobody had to find out that the other is silent.
            assert monotonic() - begun < QUICK.session - 2
            done = True
            await worker

    async def test_order_holds_while_members_join_leave_and_die(self, engine: Engine) -> None:
        topic, name, keys = await engine.add_topic(partitions=4), group(), 12
        handled, total, done = Handled(), 0, False
        async with engine.broker(WRITER) as writer, engine.broker(READER) as one, engine.broker(READER) as two:

            async def talk() -> None:
                nonlocal total
                while not done:
                    await writer.publish(numbered(topic, range(total, total + keys), keys))
                    total += keys
                    await asyncio.sleep(0.01)

            talker = asyncio.create_task(talk())
            async with one.subscribe(group=name, topics=[topic]) as first:
                worker = asyncio.create_task(
                    work(first, handled, keys, lambda: done and len(handled.arrivals) == total)
                )
                await until(lambda: len(handled.arrivals) > 100)
                async with doomed_member(engine, topic, name) as kill:
                    before = len(handled.arrivals)
                    await until(lambda: len(handled.arrivals) > before + 50)
                    async with two.subscribe(group=name, topics=[topic]) as second:
                        leaving = False
                        helper = asyncio.create_task(work(second, handled, keys, lambda: leaving))
                        await asyncio.sleep(1)
                        await kill()
                        await asyncio.sleep(1)
                        leaving = True
                        await helper
                done = True
                await talker
                async with asyncio.timeout(40):
                    await worker
        assert handled.out_of_order == []
        assert set(handled.arrivals) == set(range(total))

    async def test_a_member_may_commit_what_it_has_in_hand_when_another_joins(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(partitions=4), group()
        async with (
            engine.broker(WRITER) as writer,
            engine.broker(READER, timing=PATIENT) as one,
            engine.broker(READER, timing=PATIENT) as two,
        ):
            await writer.publish(numbered(topic, range(40), keys=40))
            async with one.subscribe(group=name, topics=[topic]) as first:
                in_hand = await take(first, 40)
                async with two.subscribe(group=name, topics=[topic]) as second:
                    joining = asyncio.create_task(second.poll(max_records=10, timeout_seconds=3))
                    await asyncio.sleep(1.5)
                    await first.commit(in_hand)
                    assert await joining == []
                    await writer.publish(numbered(topic, range(40, 80), keys=40))
                    later: list[int] = []
                    async with asyncio.timeout(20):
                        while len(set(later)) < 40:
                            for member in (first, second):
                                later += numbers_of(await member.poll(max_records=40, timeout_seconds=0.2))
                    assert set(later) == set(range(40, 80))

    async def test_nobody_commits_for_another(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(partitions=4), group()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as one, engine.broker(READER) as two:
            await writer.publish(numbered(topic, range(40), keys=40))
            async with one.subscribe(group=name, topics=[topic]) as slow:
                in_hand = await take(slow, 40)
                async with two.subscribe(group=name, topics=[topic]) as quick:
                    # The slow one is asked to let go, does not commit in its time, and loses part of what it holds.
                    async with asyncio.timeout(20):
                        while not (taken_over := await quick.poll(max_records=40, timeout_seconds=0.3)):
                            await asyncio.wait([asyncio.create_task(slow.poll(max_records=40, timeout_seconds=0.1))])
                    lost = {r.partition for r in taken_over}
                    with pytest.raises(PositionLostError):
                        await slow.commit([r for r in in_hand if r.partition in lost])
                    await quick.rewind(taken_over)
            async with one.subscribe(group=name, topics=[topic]) as successor:
                assert {r.partition for r in await take(successor, 40)} >= lost

    async def test_a_record_that_was_never_polled_cannot_be_committed(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=1)
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(10)))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                last = (await take(member, 5))[-1]
                ahead = ReceivedRecord(topic, last.partition, last.offset + 3, last.key, b"", {})
                with pytest.raises(PositionLostError):
                    await member.commit([ahead])

    async def test_a_member_that_does_not_poll_does_not_fill_its_memory(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=4)
        size, count = 50_000, 1_200
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            for start in range(0, count, 100):
                await writer.publish([Record(topic, str(n), b"x" * size) for n in range(start, start + 100)])
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                tracemalloc.start()
                try:
                    taken = await take(member, 10)
                    await asyncio.sleep(1.5)
                    held, _ = tracemalloc.get_traced_memory()
                finally:
                    tracemalloc.stop()
                # 60 MB wait in the log; what is fetched ahead is bounded.
                assert held < 20_000_000
                assert len(taken) + len(await take(member, count - 10)) == count

    async def test_one_poll_brings_no_more_than_asked_for(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=4)
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(100), keys=100))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                seen: list[int] = []
                async with asyncio.timeout(20):
                    for most in cycle([7, 1, 30]):
                        records = await member.poll(max_records=most, timeout_seconds=1)
                        assert len(records) <= most
                        seen += numbers_of(records)
                        if len(seen) >= 100:
                            break
                assert sorted(seen) == list(range(100))

    async def test_who_was_not_granted_a_topic_neither_writes_nor_reads_it(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with (
            engine.broker(WRITER) as writer,
            engine.broker(READER) as reader,
            engine.broker(STRANGER) as stranger,
        ):
            for broker in (reader, stranger):
                with pytest.raises(BrokerUnavailableError):
                    await broker.publish(numbered(topic, [666]))
            await writer.publish(numbered(topic, [1]))
            for principal, broker in ((WRITER, writer), (STRANGER, stranger)):
                async with broker.subscribe(group=group(principal), topics=[topic]) as member:
                    with pytest.raises(BrokerUnavailableError):
                        await take(member, 1)
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                assert numbers_of(await take(member, 1)) == [1]
                assert await nothing_more(member)

    async def test_a_group_belongs_to_the_principal_it_is_named_after(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with engine.broker(WRITER) as writer, engine.broker(OTHER_READER) as other:
            await writer.publish(numbered(topic, [1]))
            async with other.subscribe(group=group(READER), topics=[topic]) as member:
                with pytest.raises(BrokerUnavailableError):
                    await take(member, 1)

    async def test_a_refused_record_harms_nobody_else(self, engine: Engine) -> None:
        topic = await engine.add_topic()
        async with engine.broker(WRITER, publish_seconds=5) as writer, engine.broker(READER) as reader:
            await writer.ping()
            fine = [writer.publish(numbered(topic, [n])) for n in range(20)]
            unknown = [writer.publish([Record("no.such.topic", "k", b"")]) for _ in range(3)]
            results = await asyncio.gather(*fine[:10], *unknown, *fine[10:], return_exceptions=True)
            assert Counter(type(r) for r in results) == {type(None): 20, BrokerUnavailableError: 3}
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                assert sorted(numbers_of(await take(member, 20))) == list(range(20))

    async def test_ping_answers(self, engine: Engine) -> None:
        async with engine.broker(WRITER) as writer, engine.broker(STRANGER) as stranger:
            await writer.ping()
            await stranger.ping()

    async def test_an_engine_that_is_not_there_is_reported_soon(self, engine: Engine, unused_tcp_port: int) -> None:
        async with engine.nowhere(unused_tcp_port) as broker, asyncio.timeout(15):
            with pytest.raises(BrokerUnavailableError):
                await broker.ping()
            with pytest.raises(BrokerUnavailableError):
                await broker.publish([Record("t", "k", b"")])
            async with broker.subscribe(group=group(), topics=["t"]) as member:
                for _ in range(2):
                    with pytest.raises(BrokerUnavailableError):
                        await take(member, 1, seconds=5)

    async def test_an_engine_that_accepts_and_is_silent_is_reported_soon(self, engine: Engine) -> None:
        writers: list[asyncio.StreamWriter] = []
        silent = await asyncio.start_server(lambda _, writer: writers.append(writer), "127.0.0.1", 0)
        try:
            async with engine.nowhere(silent.sockets[0].getsockname()[1]) as broker, asyncio.timeout(15):
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
                everything: list[ReceivedRecord] = []
                while records := await auditor.poll(max_records=500, timeout_seconds=3):
                    everything += records
        assert handled.out_of_order == []
        replayed = Handled()
        replayed.handle(everything, keys)
        assert replayed.out_of_order == []
        assert set(replayed.arrivals) == set(range(confirmed))
