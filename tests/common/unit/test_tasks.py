"""Ending what runs in the background."""

import asyncio
import contextlib

from common.tasks import end


async def test_a_task_that_loses_a_cancellation_is_asked_again() -> None:
    lost = 0

    async def deaf_once() -> None:
        nonlocal lost
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if lost:
                    raise
                lost += 1

    task = asyncio.create_task(deaf_once())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(task)
    assert (task.cancelled(), lost) == (True, 1)


async def test_tasks_that_fail_or_are_done_already_are_no_trouble() -> None:
    async def fail() -> None:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(60)
        raise ValueError

    async def nothing() -> None:
        return

    failing, done = asyncio.create_task(fail()), asyncio.create_task(nothing())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await end(failing, done)
        await end()
    assert isinstance(failing.exception(), ValueError)
