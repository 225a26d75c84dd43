"""What a look costs must not grow with everybody who waits each time that somebody comes."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import pytest

from chat_gateway import placements
from chat_gateway.floor import Floor
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.timekeeper import REFRESH_SECONDS, REST, Timekeeper
from common.ids import new_id
from common.testing import FixedClock


class _Database:
    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[None]:
        yield


class _Queue:
    def __init__(self) -> None:
        self.here: list[UUID] = []

    def present(self) -> list[UUID]:
        return list(self.here)


def _timekeeper(queue: _Queue, clock: FixedClock) -> Timekeeper:
    return Timekeeper(
        cast("Any", None),
        cast("Any", None),
        cast("Any", queue),
        database=cast("Any", _Database()),
        floor=Floor(),
        settings=ChatGatewaySettings(database_url="postgresql://x@127.0.0.1/x", routing_seconds=0.5),
        clock=clock,
    )


async def test_who_waits_is_written_once_and_only_newcomers_in_between(
    clock: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[list[UUID]] = []

    async def present(_session: object, ids: Sequence[UUID], _now: datetime) -> None:
        written.append(list(ids))

    monkeypatch.setattr(placements, "present", present)
    queue = _Queue()
    keeper = _timekeeper(queue, clock)
    now = clock.now()
    queue.here = [new_id() for _ in range(3)]
    await keeper._refresh(now)
    queue.here.append(new_id())
    await keeper._refresh(now + timedelta(seconds=1))
    await keeper._refresh(now + timedelta(seconds=2))
    assert written == [queue.here[:3], queue.here[3:]]
    await keeper._refresh(now + timedelta(seconds=REFRESH_SECONDS + 1))
    assert written[2] == queue.here


async def test_the_bell_does_not_make_it_look_all_the_time(clock: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A look rests for some times as long as it took, however often the bell rings meanwhile."""
    keeper = _timekeeper(_Queue(), clock)
    floor = keeper._floor
    loop = asyncio.get_running_loop()
    looks: list[tuple[float, float]] = []

    async def look() -> None:
        began = loop.time()
        await asyncio.sleep(0.02)
        looks.append((began, loop.time()))

    monkeypatch.setattr(keeper, "look", look)
    running = asyncio.create_task(keeper.run())
    try:
        while len(looks) < 4:
            floor.ring()
            await asyncio.sleep(0.001)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    rests = [after[0] - before[1] for before, after in pairwise(looks)]
    assert min(rests) >= 0.9 * REST * 0.02
