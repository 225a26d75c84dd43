"""The measure by which two requests are told apart sees a difference, and none where there is none."""

import asyncio
import time

import pytest

from tests.plugins.likeness import by_chance, told_apart


async def work(seconds: float) -> None:
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass
    await asyncio.sleep(0)


async def test_a_little_more_work_is_told_apart_and_the_same_work_is_not() -> None:
    assert await told_apart(lambda: work(0.0015), lambda: work(0.001), rounds=80)
    assert not await told_apart(lambda: work(0.001), lambda: work(0.001), rounds=80)


async def test_a_machine_that_is_busy_now_and_then_makes_nobody_different() -> None:
    """Stretches in which everything takes three times as long, as another program's work makes them."""
    asked = 0

    async def ask() -> None:
        nonlocal asked
        asked += 1
        await work(0.0015 if asked // 7 % 3 else 0.0005)

    async def again() -> None:
        await ask()

    assert not await told_apart(ask, again, rounds=80)


@pytest.mark.parametrize(("slower", "throws", "often"), [(5, 10, 1.0), (0, 10, 2 / 1024), (9, 10, 22 / 1024)])
def test_how_often_a_fair_coin_falls_so_unevenly(slower: int, throws: int, often: float) -> None:
    assert by_chance(slower, throws) == often
