"""How members of a group share its partitions while they come, go, hang and die."""

import asyncio
from contextlib import suppress
from time import monotonic

import pytest

from common.messaging.broker import PositionLostError
from tests.contracts.broker_kit import (
    LONG,
    PATIENT,
    READER,
    WRITER,
    Engine,
    Handled,
    doomed_member,
    group,
    numbered,
    numbers_of,
    take,
    until,
    work,
)


class SharingContract:
    """See `BrokerContract`."""

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
            async with asyncio.timeout(60):  # longer, and one of the two never got a share
                while not all(len(h.last) >= 3 for h in handled.values()) or number < 600:
                    await writer.publish(numbered(topic, range(number, number + 12), keys=12))
                    number += 12
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
            engine.broker(READER, timing=LONG) as one,
            engine.broker(READER, timing=LONG) as two,
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
            assert monotonic() - begun < LONG.session / 2
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
                async with asyncio.timeout(60):
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
                    async with asyncio.timeout(60):
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
                    async with asyncio.timeout(60):
                        while not (taken_over := await quick.poll(max_records=40, timeout_seconds=0.3)):
                            await asyncio.wait([asyncio.create_task(slow.poll(max_records=40, timeout_seconds=0.1))])
                    lost = {r.partition for r in taken_over}
                    with pytest.raises(PositionLostError):
                        await slow.commit([r for r in in_hand if r.partition in lost])
                    await quick.rewind(taken_over)
            async with one.subscribe(group=name, topics=[topic]) as successor:
                assert {r.partition for r in await take(successor, 40)} >= lost

    async def test_a_position_does_not_go_back_when_a_partition_comes_back(self, engine: Engine) -> None:
        topic, name = await engine.add_topic(partitions=2), group()
        async with engine.broker(WRITER) as writer, engine.broker(READER) as one, engine.broker(READER) as two:
            await writer.publish(numbered(topic, range(40), keys=40))
            async with one.subscribe(group=name, topics=[topic]) as slow:
                in_hand = await take(slow, 40)
                async with two.subscribe(group=name, topics=[topic]) as quick:
                    # Each of the two owns one partition when the slow one's time to let go is over.
                    taken_over = await take(quick, 1)
                    lent = [r for r in in_hand if r.partition == taken_over[0].partition]
                    await quick.commit(taken_over + await take(quick, len(lent) - 1))
                while await slow.poll(max_records=40, timeout_seconds=2):
                    pass
                with suppress(PositionLostError):
                    await slow.commit(lent[:1])
            async with one.subscribe(group=name, topics=[topic]) as successor:
                while records := await successor.poll(max_records=40, timeout_seconds=2):
                    assert lent[0].partition not in {r.partition for r in records}
