"""Consumers: events a second from the topic to the effect, and from the outbox to the effect.

Two ceilings are measured in turns with them, on the same engines: a consumer that only takes records, and a bare batch insert of the rows that the service's own consumer left (same tables, same transactions, values
ready beforehand). The aim is 0.6 of the lower one. The services' workers are the real ones, processes of their own; their
pace is read from the times in their inbox, without the first tenth (starting up) and the last twentieth.

Usage: python -m muniment.bench.consume [postgres|kafka]
"""

import asyncio
import logging
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

import asyncpg
import uvloop
from aiokafka import AIOKafkaConsumer

from common.messaging.broker import Record
from common.messaging.kafka import KafkaSecurity
from common.messaging.outbox import columns as outbox_columns
from muniment.bench import rows, stream
from muniment.bench.stage import Stage, throwaway_stage

SESSIONS = 2400
ROUNDS = 3
BATCH = 500
PATIENCE_SECONDS = 120.0

_PACE = """
SELECT count(*) * 0.85 / extract(epoch FROM
    percentile_disc(0.95) WITHIN GROUP (ORDER BY seen_at) - percentile_disc(0.10) WITHIN GROUP (ORDER BY seen_at))
FROM inbox WHERE seen_at > $1
"""
_LAST_EFFECT = "SELECT extract(epoch FROM max(seen_at) - $1) FROM inbox WHERE seen_at > $1"
_FILL_OUTBOX = """
WITH added AS (
    INSERT INTO outbox (topic, key, value, headers) SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
)
SELECT pg_notify('outbox', '')
"""


@dataclass(frozen=True, slots=True)
class Consumed:
    """One consumer to measure.

    Attributes:
        package, topic: who consumes what.
        teller: the package whose outbox the events come from.
        make: a number of events; where they say something of persons, a key for each session comes from the stage.
        main_table: where the effect proper stands.
    """

    package: str
    topic: str
    teller: str
    make: Callable[["Stage", int], Awaitable[list[Record]]]
    main_table: str


async def _chat(stage: Stage, number: int) -> list[Record]:
    return stream.chat(await stage.keys(number // (stream.MESSAGES + 3)))


async def _transcripts_closed(_stage: Stage, number: int) -> list[Record]:
    return stream.transcripts_closed(number)


SUBJECTS = (
    Consumed("transcripts", "chat.message", "chat_gateway", _chat, "entry"),
    Consumed("retention", "transcript.closed", "transcripts", _transcripts_closed, "record"),
)


@dataclass
class Figures:
    """Events a second, one value a round."""

    subject: Consumed
    from_topic: list[float] = field(default_factory=list)
    from_outbox: list[float] = field(default_factory=list)
    bare_consumer: list[float] = field(default_factory=list)
    bare_insert: list[float] = field(default_factory=list)
    bare_insert_main: list[float] = field(default_factory=list)

    def ratio(self, figure: list[float]) -> float:
        """The median over the rounds of the share of the lower ceiling of the same round."""
        ceilings = map(min, self.bare_consumer, self.bare_insert)
        return statistics.median(f / ceiling for f, ceiling in zip(figure, ceilings, strict=True))

    def lines(self) -> list[str]:
        of = per_second
        return [
            f"{self.subject.package} ({self.subject.topic}), medians of {len(self.from_topic)} rounds",
            f"  topic to effect   {of(self.from_topic)}, ratio {self.ratio(self.from_topic):.2f}",
            f"  outbox to effect  {of(self.from_outbox)}, ratio {self.ratio(self.from_outbox):.2f}",
            f"  ceilings: bare consumer {of(self.bare_consumer)}; bare insert of the same rows {of(self.bare_insert)}",
            f"  (bare insert into {self.subject.main_table} alone: {of(self.bare_insert_main)})",
        ]


def per_second(values: list[float]) -> str:
    return f"{statistics.median(values):,.0f}/s"


async def measure(stage: Stage, subject: Consumed, *, events: int, rounds: int) -> Figures:
    """Measure one consumer, its ceilings in turns with it."""
    figures = Figures(subject)
    for _ in range(rounds):
        await stage.fresh(subject.package, subject.teller)
        records = await subject.make(stage, events)
        async with stage.broker(subject.teller) as broker:
            for start in range(0, len(records), 1000):
                await broker.publish(records[start : start + 1000])
        figures.bare_consumer.append(await _bare_consumer(stage, subject, len(records)))
        figures.from_topic.append(await _from_topic(stage, subject, len(records)))
        left = await rows.left_behind(stage.database(subject.package))
        figures.bare_insert.append(len(records) / await rows.insert(await stage.empty_copy(subject.package), left))
        main = await rows.left_behind(stage.database(subject.package), [subject.main_table])
        figures.bare_insert_main.append(len(records) / await rows.insert(await stage.empty_copy(subject.package), main))
        figures.from_outbox.append(await _from_outbox(stage, subject, await subject.make(stage, events)))
    return figures


async def _bare_consumer(stage: Stage, subject: Consumed, expected: int) -> float:
    """Takes records and reads nothing of them: aiokafka's own consumer, or a poll of the log in PostgreSQL."""
    group = f"{subject.package}.bench_{time.monotonic_ns()}"
    if stage.engines.event_log == "kafka":
        return await _bare_kafka(stage, subject, group, expected)
    async with (
        stage.broker(subject.package) as broker,
        broker.subscribe(group=group, topics=[subject.topic]) as subscription,
    ):
        return await _pace_of(lambda: subscription.poll(max_records=BATCH, timeout_seconds=1), expected)


async def _bare_kafka(stage: Stage, subject: Consumed, group: str, expected: int) -> float:
    security = KafkaSecurity("SASL_PLAINTEXT", "PLAIN", subject.package, stage.engines.passwords[subject.package])
    consumer = AIOKafkaConsumer(
        subject.topic,
        bootstrap_servers=stage.engines.kafka_bootstrap,
        group_id=group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        **security.options(),
    )
    await consumer.start()
    try:

        async def take() -> list[object]:
            found = await consumer.getmany(timeout_ms=1000, max_records=BATCH)
            return [record for records in found.values() for record in records]

        return await _pace_of(take, expected)
    finally:
        await consumer.stop()


async def _pace_of(take: Callable[[], Awaitable[Sequence[object]]], expected: int) -> float:
    """Records a second, from the first that come on: joining the group is not consuming."""
    while not (first := len(await take())):
        pass
    began, taken = time.perf_counter(), 0
    while first + taken < expected:
        taken += len(await take())
    return taken / (time.perf_counter() - began)


async def _from_topic(stage: Stage, subject: Consumed, expected: int) -> float:
    connection = await asyncpg.connect(stage.database(subject.package))
    try:
        begin = await connection.fetchval("SELECT clock_timestamp()")
        with stage.worker(subject.package):
            await _wait_for(connection, expected)
        return float(await connection.fetchval(_PACE, begin))
    finally:
        await connection.close()


async def _from_outbox(stage: Stage, subject: Consumed, records: list[Record]) -> float:
    """Both workers run and are idle; then the events stand in the outbox, all at once."""
    connection = await asyncpg.connect(stage.database(subject.package))
    teller = await asyncpg.connect(stage.database(subject.teller))
    try:
        with ExitStack() as stack:
            for package in (subject.package, subject.teller):
                stack.enter_context(stage.worker(package))
            await asyncio.sleep(1)
            already = await connection.fetchval("SELECT count(*) FROM inbox")
            columns = outbox_columns(records)
            async with teller.transaction():
                await teller.execute(_FILL_OUTBOX, *columns)
            begin = await connection.fetchval("SELECT clock_timestamp()")
            await _wait_for(connection, already + len(records))
        return len(records) / float(await connection.fetchval(_LAST_EFFECT, begin))
    finally:
        await connection.close()
        await teller.close()


async def _wait_for(connection: "asyncpg.Connection[asyncpg.Record]", expected: int) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (there := await connection.fetchval("SELECT count(*) FROM inbox")) < expected:
        if time.monotonic() > deadline:
            raise RuntimeError(f"only {there} of {expected} events had their effect in {PATIENCE_SECONDS:g} s")
        await asyncio.sleep(0.4)


async def run(stage: Stage, *, events: int = SESSIONS * (stream.MESSAGES + 3), rounds: int = ROUNDS) -> list[Figures]:
    return [await measure(stage, subject, events=events, rounds=rounds) for subject in SUBJECTS]


if __name__ == "__main__":
    event_log = sys.argv[1] if len(sys.argv) > 1 else "postgres"
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it remarks on passwords on loopback, and on starting up
    with throwaway_stage(event_log) as ready:
        for found in uvloop.run(run(ready)):
            print("\n".join(found.lines()))
