"""What one member of a group is given, and where its group goes on."""

import asyncio
import tracemalloc
from collections import Counter
from itertools import cycle
from time import monotonic

import pytest

from common.messaging.broker import PositionLostError, ReceivedRecord, Record
from tests.contracts.broker_kit import (
    OTHER_READER,
    READER,
    WRITER,
    Engine,
    group,
    nothing_more,
    numbered,
    numbers_of,
    take,
    until,
)


class ReadingContract:
    """See `BrokerContract`."""

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
            waiting = asyncio.create_task(member.poll(max_records=1, timeout_seconds=60))
            await asyncio.sleep(0.5)
            begun = monotonic()
            await writer.publish(numbered(topic, [1]))
            assert numbers_of(await waiting) == [1]
            assert monotonic() - begun < 30

    async def test_lag_tells_what_waits_beyond_what_was_polled(self, engine: Engine) -> None:
        topic = await engine.add_topic(partitions=1)
        async with engine.broker(WRITER) as writer, engine.broker(READER) as reader:
            await writer.publish(numbered(topic, range(30)))
            async with reader.subscribe(group=group(), topics=[topic]) as member:
                await take(member, 10)
                await until(lambda: member.lag() == 20)
                await take(member, 20)
                await until(lambda: member.lag() == 0)

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
                in_one_poll = await member.poll(max_records=count, timeout_seconds=5)
                assert 0 < sum(len(record.value) for record in in_one_poll) < 12_000_000
                assert len(taken) + len(in_one_poll) + len(await take(member, count - 10 - len(in_one_poll))) == count

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
