"""The measure by which two requests are told apart sees a difference, and none where there is none."""

import asyncio
import time

from tests.plugins.likeness import told_apart


async def work(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
    await asyncio.sleep(0)


async def test_a_little_more_work_is_told_apart_and_the_same_work_is_not() -> None:
    assert await told_apart(lambda: work(0.0015), lambda: work(0.001), rounds=25)
    assert not await told_apart(lambda: work(0.001), lambda: work(0.001), rounds=25)
