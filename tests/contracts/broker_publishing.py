"""What a record may be, in which order it stands, and who may write and read it."""

import asyncio
from collections import Counter

import pytest

from common.messaging.broker import Broker, BrokerUnavailableError, Record
from tests.contracts.broker_kit import (
    OTHER_READER,
    READER,
    STRANGER,
    WRITER,
    Engine,
    group,
    nothing_more,
    numbered,
    numbers_of,
    take,
)


class PublishingContract:
    """See `BrokerContract`."""

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
