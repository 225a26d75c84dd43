"""Invariant 4 end to end: request, finding, decision, review, redemption, copy, package, shipment, correction, word of it to
the recipient: of a transcript and of an employee's figures, with all five services killed, hard, between each two steps. No release lacks its accounting, no accounting lacks its release's outcome.
"""

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from uuid import UUID

import pytest

from muniment.home import Home
from tests.e2e.release_desk import SETTLE_SECONDS, People, Road, production_road, transcripts_road
from tests.e2e.running_platform import RunningPlatform, running_platform

BUSY = tuple(
    f"{service}-{part}" for service in ("disclosure", "transcripts", "production") for part in ("api", "worker")
)
ASIDE = (("chat-gateway-api", "retention-worker"), ("chat-gateway-worker", "retention-api"))
"""The two that only look on lose one half at one gap and the other half at the next one."""


@pytest.fixture
def on_kafka(fetched_engines: Home) -> Iterator[RunningPlatform]:
    with running_platform("kafka", fetched_engines) as platform:
        yield platform


@pytest.mark.slow
@pytest.mark.kafka
@pytest.mark.redis
@pytest.mark.timeout(600)
async def test_a_release_from_request_to_correction_with_everything_killed_between_the_steps(
    on_kafka: RunningPlatform,
) -> None:
    gaps = itertools.count()

    async def everything_dies() -> None:
        await on_kafka.strike(*BUSY, *ASIDE[next(gaps) % 2])

    people = People(on_kafka, on_kafka.caller())
    transcript, employee = await people.worked()
    roads = (transcripts_road(transcript), production_road(employee))
    packages: list[str] = []

    async def packs(road: Road) -> None:
        packages.append(await people.packs(road))

    steps: Sequence[Callable[[Road], Awaitable[None]]] = (
        people.asks, people.finds, people.decides, people.reviews, people.redeems, people.fetches, packs,
    )  # fmt: skip
    for step in steps:
        for road in roads:
            await step(road)
        await everything_dies()
    for package in packages:
        await people.sends(package)
    await everything_dies()
    for step in (people.corrects, people.informs):
        for road in roads:
            await step(road)
        await everything_dies()

    await every_accounting_has_its_outcome(people, roads)
    await every_recipient_was_told(people, roads)
    await nothing_is_twice_or_set_aside(people)
    await people.http.aclose()
    await people.caller.close()


async def every_accounting_has_its_outcome(people: People, roads: Sequence[Road]) -> None:
    await people.until("disclosure", "SELECT count(*) = 2 FROM release_outcome")
    rows = await people.platform.rows(
        "disclosure",
        "SELECT a.id, g.id AS grant_id, g.holder, o.outcome, o.copies FROM accounting a "
        "LEFT JOIN release_grant g ON g.accounting_id = a.id LEFT JOIN release_outcome o ON o.grant_id = g.id ORDER BY a.id",
    )
    assert [(str(row["id"]), row["holder"], row["outcome"]) for row in rows] == [
        (road.decided["accounting_id"], road.holder, "released") for road in roads
    ]
    for row, road in zip(rows, roads, strict=True):
        assert [copy["copy_hash"] for copy in json.loads(row["copies"])] == [road.copy["copy_hash"]]
        used = await people.platform.rows(road.holder, "SELECT grant_id, accounting_id FROM grant_use")
        assert [tuple(one) for one in used] == [(row["grant_id"], row["id"])]


async def every_recipient_was_told(people: People, roads: Sequence[Road]) -> None:
    for road, column in zip(roads, ("transcript_id", "record_id"), strict=True):
        sql = f"SELECT count(*) FROM notation WHERE {column} = $1"
        await people.until(road.holder, sql, UUID(road.record))
    notices = await people.platform.rows("disclosure", "SELECT * FROM outgoing_notice ORDER BY accounting_id")
    assert [(str(n["accounting_id"]), str(n["cause_id"]), n["state"]) for n in notices] == [
        (road.decided["accounting_id"], road.amendment, "received") for road in roads
    ]


async def nothing_is_twice_or_set_aside(people: People) -> None:
    for database in ("disclosure", "transcripts", "production", "retention", "chat_gateway"):
        async with asyncio.timeout(SETTLE_SECONDS):
            while (await people.platform.rows(database, "SELECT count(*) AS n FROM outbox"))[0]["n"]:
                await asyncio.sleep(0.1)
        aside = await people.platform.rows(database, "SELECT consumer_group, reason FROM dead_letter")
        assert [tuple(row) for row in aside] == []
    for database, table, number in (
        ("transcripts", "release_copy", 1),
        ("production", "release_copy", 1),
        ("disclosure", "accounting", 2),
        ("disclosure", "release_package", 2),
        ("disclosure", "shipment", 2),
    ):
        assert (await people.platform.rows(database, f"SELECT count(*) AS n FROM {table}"))[0]["n"] == number, table
