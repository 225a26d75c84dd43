"""Tasks in the background, and how they are brought to an end."""

import asyncio

ASK_AGAIN_SECONDS = 0.5


async def end(*tasks: "asyncio.Task[None]") -> None:
    """Cancel these tasks and wait until all have ended, whatever they end with.

    Asking once is not enough: `asyncio.wait_for` of Python 3.11, which drivers are built on, loses a cancellation that comes
    in the moment in which what it waits for is done. A loop then goes on as if nobody had asked, and who waits for it
    waits for ever.
    """
    left = set(tasks)
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=ASK_AGAIN_SECONDS)
    await asyncio.gather(
        *tasks, return_exceptions=True
    )  # seen: nobody is told of an exception that was never looked at
