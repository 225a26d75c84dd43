"""What a worker does by the clock goes on while an engine is away, and ends the worker when waiting does not mend it."""

import asyncio

import pytest

from common.jobs import Job, repeat


async def test_a_job_is_repeated_over_an_outage_until_told_to_stop() -> None:
    stop, runs = asyncio.Event(), 0

    async def act() -> None:
        nonlocal runs
        runs += 1
        if runs == 2:
            raise ConnectionRefusedError
        if runs == 4:
            stop.set()

    await asyncio.wait_for(repeat(Job("test", 0.001, act), stop), 30)
    assert runs == 4


async def test_a_pause_ends_when_the_worker_does() -> None:
    stop, ran = asyncio.Event(), asyncio.Event()

    async def act() -> None:
        ran.set()

    running = asyncio.create_task(repeat(Job("test", 3600, act), stop))
    await ran.wait()
    stop.set()
    await asyncio.wait_for(running, 30)


async def test_what_waiting_does_not_mend_ends_it() -> None:
    async def act() -> None:
        raise ValueError("a fault of the program")

    with pytest.raises(ValueError, match="a fault"):
        await repeat(Job("test", 0.001, act), asyncio.Event())
