"""One process under the supervisor: started, watched, started again when it dies, stopped when told."""

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress

from muniment.logs import LineSplitter, LogFile
from muniment.processes import LOOPBACK, PASSING_TROUBLES, ProcessSpec, Ready, spawn_options

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 30.0
"""Who lived this long before dying is started again at once, with a new count."""

STARTS_BEFORE_GIVING_UP = 3


class DoesNotStartError(Exception):
    """A process ends again and again before it was ever ready; its text says what it said last."""


class _Output(asyncio.Protocol):
    """What a process writes goes to the log; the last lines are kept, to say why it ended."""

    def __init__(self, splitter: LineSplitter) -> None:
        self._splitter = splitter

    def data_received(self, data: bytes) -> None:
        self._splitter.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        self._splitter.finish()


class Child:
    """Args:
    spec: what to run.
    log: where its output goes.
    changed: called whenever what `report` says has changed.
    """

    def __init__(self, spec: ProcessSpec, log: LogFile, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.state = "waiting"
        self.restarts = 0
        self._log = log
        self._changed = changed
        self._process: subprocess.Popen[bytes] | None = None
        self._ended: asyncio.Future[int] | None = None
        self._splitter = LineSplitter(spec.name, log)
        self._was_ready = asyncio.Event()
        self._stopping = False

    def report(self) -> dict[str, object]:
        """What the status file says of it."""
        pid = self._process.pid if self._process is not None else None
        port = self.spec.ready.port if self.spec.ready else None
        return {"name": self.spec.name, "state": self.state, "pid": pid, "restarts": self.restarts, "port": port}

    def reap(self) -> None:
        """Look whether it ended; the supervisor calls this when the kernel says that some child did."""
        if self._process is None or self._ended is None or self._ended.done():
            return
        code = self._process.poll()
        if code is not None:
            self._process = None
            self._ended.set_result(code)

    async def run_to_end(self) -> None:
        """Run it once.

        Raises:
            DoesNotStartError: it ended with another code than 0.
        """
        await self._start()
        code = await self._end()
        self._turn("done" if code == 0 else "failed")
        if code != 0 and not self._stopping:
            raise DoesNotStartError(f"{self.spec.name} failed: {self._splitter.last_words()}")

    async def keep_alive(self) -> None:
        """Run it until told to stop.

        Raises:
            DoesNotStartError: it never became ready in several starts.
        """
        pause, failures = FIRST_PAUSE, 0
        while not self._stopping:
            began = time.monotonic()
            await self._start()
            watching = asyncio.create_task(self._watch())
            code = await self._end()
            watching.cancel()
            if self._stopping:
                break
            lived = time.monotonic() - began
            words = self._splitter.last_words()
            self._log.write("supervisor", f"{self.spec.name} ended with code {code} after {lived:.1f} s")
            if not self._was_ready.is_set():
                failures += not any(passing in words for passing in PASSING_TROUBLES)
                if failures >= STARTS_BEFORE_GIVING_UP:
                    self._turn("failed")
                    raise DoesNotStartError(f"{self.spec.name} does not start: {words}")
            pause = FIRST_PAUSE if lived > STEADY_SECONDS else min(pause * 2, LONGEST_PAUSE)
            self.restarts += 1
            self._turn("pausing")
            await asyncio.sleep(pause)
        self._turn("stopped")

    async def until_ready(self) -> None:
        """Wait until it was ready for the first time.

        Raises:
            DoesNotStartError: it took too long.
        """
        try:
            await asyncio.wait_for(self._was_ready.wait(), self.spec.ready_seconds)
        except TimeoutError:
            raise DoesNotStartError(
                f"{self.spec.name} was not ready within {self.spec.ready_seconds:g} s: {self._splitter.last_words()}"
            ) from None

    async def stop(self) -> None:
        """Ask it to end, wait, and end it by force when it takes too long."""
        self._stopping = True
        process, ended = self._process, self._ended
        if process is None or ended is None:
            return
        self._turn("stopping")
        process.send_signal(self.spec.stop_signal)
        done, _ = await asyncio.wait({ended}, timeout=self.spec.stop_seconds)
        if not done:
            self._log.write("supervisor", f"{self.spec.name} did not end in {self.spec.stop_seconds:g} s; killed")
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.wait({ended}, timeout=5)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._ended = loop.create_future()
        self._splitter = LineSplitter(self.spec.name, self._log)
        text = self.spec.stdin
        try:
            process = subprocess.Popen(  # noqa: ASYNC220 - a start is a matter of a millisecond
                self.spec.argv,
                stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                **spawn_options(self.spec),
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise DoesNotStartError(f"{self.spec.name} does not start: {error}") from None
        self._process = process
        if process.stdin is not None and text is not None:
            with suppress(BrokenPipeError):
                process.stdin.write(text.encode())
                process.stdin.close()
        splitter = self._splitter
        await loop.connect_read_pipe(lambda: _Output(splitter), process.stdout)
        self._turn("starting")
        self.reap()  # it may have ended before anyone listened

    async def _end(self) -> int:
        if self._ended is None:
            return 0
        code = await asyncio.shield(self._ended)
        await asyncio.sleep(0.02)  # let its last words arrive
        return code

    async def _watch(self) -> None:
        if self.spec.ready is not None:
            while not await looks_ready(self.spec.ready):  # noqa: ASYNC110 - no event crosses from that process
                await asyncio.sleep(0.1)
        self._turn("ready")
        self._was_ready.set()

    def _turn(self, state: str) -> None:
        self.state = state
        self._changed()


async def looks_ready(ready: Ready) -> bool:
    """Look once."""
    try:
        async with asyncio.timeout(2):
            reader, writer = await asyncio.open_connection(LOOPBACK, ready.port)
            try:
                if ready.kind == "tcp":
                    return True
                writer.write(ready.question())
                return ready.answered(await reader.read(1024))
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
