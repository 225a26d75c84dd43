"""What the embedded event log promises beyond the contract: its grants, its upkeep, and its members' sessions."""

import asyncio
from datetime import UTC, datetime, timedelta
from time import monotonic

import asyncpg
import pytest

from common.contracts.topics import TopicSpec
from common.messaging import log_subscription
from common.messaging.broker import BrokerUnavailableError, PositionLostError, Record
from common.messaging.log_subscription import LogSubscription
from common.messaging.postgres_log import prune_log
from tests.contracts.broker_kit import (
    LONG,
    OTHER_READER,
    READER,
    STRANGER,
    WRITER,
    doomed_member,
    group,
    nothing_more,
    numbered,
    numbers_of,
    take,
)
from tests.contracts.postgres_log_engine import PostgresLogEngine


def changed(topic: TopicSpec, **fields: object) -> TopicSpec:
    return TopicSpec(**({name: getattr(topic, name) for name in TopicSpec.__slots__} | fields))


async def test_creating_the_log_again_keeps_records_and_positions(log_engine: PostgresLogEngine) -> None:
    topic, name = await log_engine.add_topic(partitions=1), group()
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as reader:
        await writer.publish(numbered(topic, range(10)))
        async with reader.subscribe(group=name, topics=[topic]) as member:
            await member.commit(await take(member, 4))
            await log_engine.set_topics()
            await writer.publish(numbered(topic, [10]))
            assert numbers_of(await take(member, 7)) == list(range(4, 11))


async def test_a_topic_may_gain_partitions_and_never_lose_any(log_engine: PostgresLogEngine) -> None:
    name = await log_engine.add_topic(partitions=2)
    topic = log_engine.topics[name]
    await log_engine.set_topics(changed(topic, partitions=6))
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as reader:
        await writer.publish(numbered(name, range(60), keys=60))
        async with reader.subscribe(group=group(), topics=[name]) as member:
            assert {record.partition for record in await take(member, 60)} == set(range(6))
    with pytest.raises(ValueError, match="6 partitions and cannot be given fewer"):
        await log_engine.set_topics(changed(topic, partitions=5))


async def test_a_grant_that_is_withdrawn_is_gone_for_those_who_are_connected(log_engine: PostgresLogEngine) -> None:
    name = await log_engine.add_topic()
    topic = log_engine.topics[name]
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as reader:
        await writer.publish(numbered(name, [1]))
        async with reader.subscribe(group=group(), topics=[name]) as member:
            await take(member, 1)
            await log_engine.set_topics(changed(topic, owners=(STRANGER,), readers=(OTHER_READER,)))
            with pytest.raises(BrokerUnavailableError, match="may not write"):
                await writer.publish(numbered(name, [2]))
            async with log_engine.broker(STRANGER) as stranger:
                await stranger.publish(numbered(name, [3]))
            with pytest.raises(BrokerUnavailableError, match="may not read"):
                await take(member, 1)


async def test_no_service_can_touch_a_table_of_the_log(log_engine: PostgresLogEngine) -> None:
    await log_engine.add_topic()
    owner = await asyncpg.connect(log_engine.url("event_log"))
    tables = [r[0] for r in await owner.fetch("select tablename from pg_tables where schemaname = 'event_log'")]
    await owner.close()
    assert len(tables) == 7
    service = await asyncpg.connect(log_engine.url(WRITER))
    try:
        for table in tables:
            for statement in ("select from {}", "delete from {}", "insert into {} default values", "truncate {}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await service.execute(statement.format(f"event_log.{table}"))
        for call in ("prune(now(), 1)", "remove_dead_members(1, gen_random_uuid(), '1 s')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await service.execute(f"select event_log.{call}")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("create table event_log.mine ()")
    finally:
        await service.close()


async def test_a_temporary_table_does_not_stand_in_for_the_grants(log_engine: PostgresLogEngine) -> None:
    name = await log_engine.add_topic()
    owner = await asyncpg.connect(log_engine.url("event_log"))
    topic_id = await owner.fetchval("select topic_id from event_log.topic where name = $1", name)
    await owner.execute(f"grant temporary on database event_log to {STRANGER}")
    await owner.close()
    service = await asyncpg.connect(log_engine.url(STRANGER))
    try:
        await service.execute(
            f"create temporary table topic_grant as select {topic_id}::smallint as topic_id,"
            " session_user::text as principal, true as may_write, true as may_read"
        )
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await service.execute("select event_log.append($1, $2, $3, $4, $5)", [topic_id], [0], ["k"], [b""], ["{}"])
        assert await service.fetch("select * from event_log.read($1, $2, $3, 10, 1000)", [topic_id], [0], [0]) == []
    finally:
        await service.close()


async def test_a_principal_moves_only_positions_of_its_own_groups(log_engine: PostgresLogEngine) -> None:
    topic = await log_engine.add_topic(partitions=1)
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as reader:
        await writer.publish(numbered(topic, range(5)))
        async with reader.subscribe(group=group(), topics=[topic]) as member:
            await take(member, 1)
            assert isinstance(member, LogSubscription)
            other = await asyncpg.connect(log_engine.url(OTHER_READER))
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await other.execute(
                    "select event_log.commit_positions($1, $2, $3, $4)", member._group_id, [1], [0], [5]
                )
            await other.close()


async def test_records_past_their_retention_are_pruned_whoever_has_read_them(log_engine: PostgresLogEngine) -> None:
    short, long = [log_engine.topics[await log_engine.add_topic(partitions=2)] for _ in range(2)]
    await log_engine.set_topics(changed(short, retention_days=7), changed(long, retention_days=30))
    url = log_engine.url("event_log")
    now = datetime.now(UTC)  # noqa: TID251  # the records carry the database's own time
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as reader:
        for topic in (short, long):
            await writer.publish(numbered(topic.name, range(20)))
        await prune_log(url, now=now + timedelta(days=6))
        async with reader.subscribe(group=group(), topics=[short.name]) as member:
            await take(member, 20)
        assert await prune_log(url, now=now + timedelta(days=8)) >= 20
        assert await prune_log(url, now=now + timedelta(days=8)) == 0
        await writer.publish(numbered(short.name, range(20, 26)))
        async with reader.subscribe(group=group(), topics=[short.name, long.name]) as member:
            records = await take(member, 26)
            assert sorted(numbers_of([r for r in records if r.topic == short.name])) == list(range(20, 26))
            assert await nothing_more(member)
        # Positions go on where they were: an offset never names two records.
        assert min(r.offset for r in records if r.topic == short.name) > 0


async def test_the_partitions_of_a_dead_process_are_free_at_once(log_engine: PostgresLogEngine) -> None:
    topic, name = await log_engine.add_topic(partitions=4), group()
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER, timing=LONG) as reader:
        await writer.publish(numbered(topic, range(40), keys=40))
        async with (
            doomed_member(log_engine, topic, name, LONG) as kill,
            reader.subscribe(group=name, topics=[topic]) as heir,
        ):
            assert len(await heir.poll(max_records=40, timeout_seconds=0.5)) < 40
            begun = monotonic()
            await kill()
            async with asyncio.timeout(60):
                while not {0, 1, 2, 3} <= {partition for _, partition in heir._next}:  # type: ignore[attr-defined]
                    await heir.poll(max_records=40, timeout_seconds=0.1)
            assert monotonic() - begun < LONG.session / 2


async def test_a_member_that_hangs_is_put_out_and_cannot_commit(log_engine: PostgresLogEngine) -> None:
    topic, name = await log_engine.add_topic(partitions=2), group()
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as one, log_engine.broker(READER) as two:
        await writer.publish(numbered(topic, range(10)))
        async with one.subscribe(group=name, topics=[topic]) as hung:
            in_hand = await take(hung, 10)
            hung._keeper.cancel()  # type: ignore[attr-defined]  # as if its event loop stood still
            async with two.subscribe(group=name, topics=[topic]) as heir:
                assert sorted(numbers_of(await take(heir, 10))) == list(range(10))
            with pytest.raises(PositionLostError):
                await hung.commit(in_hand)
            assert len(await take(hung, 10)) == 10


async def test_a_member_is_woken_without_looking(
    log_engine: PostgresLogEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_subscription, "_LOOK_AGAIN_SECONDS", 60.0)
    topic = await log_engine.add_topic()
    async with (
        log_engine.broker(WRITER) as writer,
        log_engine.broker(READER) as reader,
        reader.subscribe(group=group(), topics=[topic]) as member,
    ):
        waiting = asyncio.create_task(member.poll(max_records=1, timeout_seconds=60))
        await asyncio.sleep(0.3)
        begun = monotonic()
        await writer.publish(numbered(topic, [1]))
        assert numbers_of(await waiting) == [1]
        assert monotonic() - begun < 30


async def test_a_member_looks_for_itself_when_nobody_wakes_it(
    log_engine: PostgresLogEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LogSubscription, "_on_append", lambda *_: None)
    topic = await log_engine.add_topic()
    async with (
        log_engine.broker(WRITER) as writer,
        log_engine.broker(READER) as reader,
        reader.subscribe(group=group(), topics=[topic]) as member,
    ):
        waiting = asyncio.create_task(member.poll(max_records=1, timeout_seconds=60))
        await asyncio.sleep(0.3)
        begun = monotonic()
        await writer.publish(numbered(topic, [1]))
        assert numbers_of(await waiting) == [1]
        assert monotonic() - begun < 30


async def test_who_died_with_the_server_does_not_count_as_a_member(log_engine: PostgresLogEngine) -> None:
    topic, name = await log_engine.add_topic(partitions=4), group()
    async with log_engine.broker(WRITER) as writer, log_engine.broker(READER) as reader:
        await writer.publish(numbered(topic, range(40), keys=40))
        async with reader.subscribe(group=name, topics=[topic]) as member:
            await take(member, 1)
        owner = await asyncpg.connect(log_engine.url("event_log"))
        group_id = await owner.fetchval("select group_id from event_log.consumer_group where name = $1", name)
        topic_id = await owner.fetchval("select topic_id from event_log.topic where name = $1", topic)
        async with reader.subscribe(group=name, topics=[topic]) as member:
            assert isinstance(member, LogSubscription)
            assert member._connection is not None
            # A restarted server gives the process ids of its former life again, so also that of a member of then.
            await owner.execute(
                "insert into event_log.group_member values ($1, gen_random_uuid(), $2, $3, now())",
                group_id,
                [topic_id],
                member._connection.get_server_pid(),
            )
            await owner.close()
            await asyncio.sleep(1)
            assert {r.partition for r in await take(member, 40)} == {0, 1, 2, 3}


async def test_keys_and_values_stay_out_of_errors(log_engine: PostgresLogEngine) -> None:
    topic = await log_engine.add_topic()
    async with log_engine.broker(READER) as reader:
        with pytest.raises(BrokerUnavailableError) as caught:
            await reader.publish([Record(topic, "key-of-a-person", b"what-she-said", {"h": "header-text"})])
    texts = [str(caught.value), repr(caught.value), str(caught.value.__cause__), repr(caught.value.__cause__)]
    for secret in ("key-of-a-person", "what-she-said", "header-text", "pii"):
        assert not any(secret in text for text in texts)
