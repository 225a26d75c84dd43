"""The driver's other side: starts it, gives it tasks, and stops it."""

import asyncio
import json
import resource
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from muniment.errors import PlainError
from muniment.processes import inherited_environment

LINE_BYTES = 2**26
SPARE_FILES = 200


class Driver:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        return self._process.pid

    async def do(self, what: str, **more: Any) -> dict[str, Any]:
        """Have it do this, and read what it found.

        Raises:
            RuntimeError: it failed; its words are on stderr.
        """
        told, heard = self._process.stdin, self._process.stdout
        if told is None or heard is None:
            raise RuntimeError("the load has no pipes")
        told.write(json.dumps({"do": what, **more}).encode() + b"\n")
        await told.drain()
        line = await heard.readline()
        if not line:
            raise RuntimeError(f"the load failed at {what!r}")
        return dict(json.loads(line))


@asynccontextmanager
async def driver() -> AsyncIterator[Driver]:
    """A driver for as long as the block lasts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "muniment.load.driver",
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, limit=LINE_BYTES, env=dict(inherited_environment()),
    )  # fmt: skip
    try:
        yield Driver(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), 10)
        except TimeoutError:
            process.kill()
            await process.wait()


def need_files(number: int) -> None:
    """Have each process that is started from now on open so many files and sockets.

    Raises:
        PlainError: the machine does not allow it.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = number + SPARE_FILES
    if hard not in (-1, resource.RLIM_INFINITY) and hard < wanted:
        raise PlainError(
            f"A process may open {hard} files here, and {wanted} are needed: raise the limit (ulimit -Hn), or ask for "
            "fewer connections."
        )
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
