"""Invariants 1, 2, 3, 8 and 9 at once: everything is killed, hard, in the middle of load, and nothing is lost.

Real dialogues are streamed while each process in turn, then each engine, is killed and comes back. Afterwards every
acknowledged message is in exactly one sealed transcript, in order; every transcript is in production and in retention
exactly once; nothing was set aside.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Iterator

import pytest

from common.contracts.chat import canonical, commitment_to
from muniment.conversations import dialogues
from muniment.home import Home
from tests.e2e.conversing import Kept, stream
from tests.e2e.running_platform import RunningPlatform, running_platform

SERVICES = ("chat_gateway", "transcripts", "production", "disclosure", "retention")
SETTLE_SECONDS = 180


@pytest.fixture
def embedded() -> Iterator[RunningPlatform]:
    with running_platform("postgres") as platform:
        yield platform


@pytest.fixture
def on_kafka(fetched_engines: Home) -> Iterator[RunningPlatform]:
    with running_platform("kafka", fetched_engines, gateways=2) as platform:
        yield platform


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_on_the_embedded_engines(embedded: RunningPlatform) -> None:
    await kill_everything_in_the_middle_of_load(embedded, sessions=40, engines=["postgres"])


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.timeout(1500)
async def test_on_real_kafka_and_redis(on_kafka: RunningPlatform) -> None:
    """With two gateways: a customer at one and an agent at the other, each killed in turn; and Redis, with all it held."""
    assert len(on_kafka.caller().gateways()) == 2
    await kill_everything_in_the_middle_of_load(on_kafka, sessions=200, engines=["kafka", "postgres", "redis"])


async def kill_everything_in_the_middle_of_load(
    platform: RunningPlatform, *, sessions: int, engines: list[str]
) -> None:
    victims = [name for name in platform.names if name.endswith(("-worker", "-api", "-api-2"))]
    caller = platform.caller()
    assert len(victims) == 9 + len(caller.gateways())

    async def havoc() -> None:
        await asyncio.sleep(1)
        for name in [*victims, *engines]:
            await platform.kill(name)

    killing = asyncio.create_task(havoc())
    kept = await stream(caller, dialogues(sessions), at_once=20, go_on=lambda: not killing.done(), pace=0.05)
    await killing
    await caller.close()
    await platform.until_ready()
    assert len(kept) >= sessions
    assert sum(one.reconnects for one in kept) > 0, "nobody's line broke: the test broke nothing"
    await settled(platform, kept)
    await every_acknowledged_message_is_in_its_transcript(platform, kept)
    await every_transcript_is_known_once(platform, kept)


async def settled(platform: RunningPlatform, kept: list[Kept]) -> None:
    """Wait until what was told has been heard everywhere."""
    wanted = len(kept)
    async with asyncio.timeout(SETTLE_SECONDS):
        for database, table in (
            ("transcripts", "transcript"),
            ("production", "handled_transcript"),
            ("retention", "record WHERE kind = 'transcript'"),
        ):
            while (await platform.rows(database, f"SELECT count(*) AS n FROM {table}"))[0]["n"] < wanted:
                await asyncio.sleep(0.5)
        for database in SERVICES:
            while (await platform.rows(database, "SELECT count(*) AS n FROM outbox"))[0]["n"]:
                await asyncio.sleep(0.5)


async def every_acknowledged_message_is_in_its_transcript(platform: RunningPlatform, kept: list[Kept]) -> None:
    sealed = await platform.rows("transcripts", "SELECT session_id, last_seq, digest FROM transcript")
    assert Counter(row["session_id"] for row in sealed) == Counter(one.session_id for one in kept)
    seals = {row["session_id"]: (row["last_seq"], row["digest"]) for row in sealed}
    entries: dict[object, dict[int, dict[str, object]]] = {}
    for row in await platform.rows("transcripts", "SELECT session_id, seq, kind, canonical FROM entry"):
        content = json.loads(bytes(row["canonical"])) | {"kind": row["kind"]}
        entries.setdefault(row["session_id"], {})[row["seq"]] = content
    for one in kept:
        held = entries[one.session_id]
        assert sorted(held) == list(range(1, one.last_seq + 1))
        assert seals[one.session_id] == (one.last_seq, one.digest)
        for seq, (client_id, text) in one.acknowledged.items():
            assert held[seq]["entry_id"] == client_id
            said = canonical({"salt": one.salts[seq], "text": text})
            assert held[seq]["commitment"] == commitment_to(said)
        messages = [e for e in held.values() if e["kind"] == "posted"]
        assert len(messages) == len(one.acknowledged), "a message is there twice, or one that nobody acknowledged"


async def every_transcript_is_known_once(platform: RunningPlatform, kept: list[Kept]) -> None:
    sessions = Counter(one.session_id for one in kept)
    handled = await platform.rows("production", "SELECT session_id FROM handled_transcript")
    assert Counter(row["session_id"] for row in handled) == sessions
    actions = await platform.rows("production", "SELECT session_id FROM action WHERE kind = 'chat_handled'")
    assert Counter(row["session_id"] for row in actions) == sessions
    sealed = await platform.rows("transcripts", "SELECT id FROM transcript")
    registered = await platform.rows("retention", "SELECT record_id FROM record WHERE kind = 'transcript'")
    assert Counter(row["record_id"] for row in registered) == Counter(row["id"] for row in sealed)
    for database in SERVICES:
        aside = await platform.rows(database, "SELECT consumer_group, error_class, reason FROM dead_letter")
        assert [tuple(row) for row in aside] == []
