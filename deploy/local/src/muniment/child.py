"""One process under the supervisor: started, watched, started again when it dies, stopped when told."""

import asyncio
import time
from collections.abc import Callable

from muniment.launching import DoesNotStartError, NurseryClient, Started, start_program
from muniment.logs import LineSplitter, LogFile
from muniment.processes import LOOPBACK, PASSING_TROUBLES, ProcessSpec, Ready

FIRST_PAUSE = 0.25
LONGEST_PAUSE = 10.0
STEADY_SECONDS = 30.0
"""Who lived this long before dying is started again at once, with a new count."""

STARTS_BEFORE_GIVING_UP = 3


class Child:
    """Args:
    spec: what to run.
    log: where its output goes.
    nursery: forks it, where the spec says so.
    changed: called whenever what `report` says has changed.
    """

    def __init__(self, spec: ProcessSpec, log: LogFile, nursery: NurseryClient, changed: Callable[[], None]) -> None:
        self.spec = spec
        self.state = "waiting"
        self.restarts = 0
        self._log = log
        self._changed = changed
        self._nursery = nursery
        self._started: Started | None = None
        self._splitter = LineSplitter(spec.name, log)
        self._was_ready = asyncio.Event()
        self._stopping = False

    def report(self) -> dict[str, object]:
        """What the status file says of it."""
        alive = self._started is not None and not self._started.ended.done()
        pid = self._started.pid if self._started is not None and alive else None
        port = self.spec.ready.port if self.spec.ready else None
        return {"name": self.spec.name, "state": self.state, "pid": pid, "restarts": self.restarts, "port": port}

    def poll(self) -> None:
        """Look whether it ended, after the kernel said that some child did."""
        if self._started is not None:
            self._started.poll()

    async def run_to_end(self) -> None:
        """Run it once.

        Raises:
            DoesNotStartError: it ended with another code than 0.
        """
        code = await self._end(await self._start())
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
            end = await self._live_once()
            if self._stopping:
                break
            lived = time.monotonic() - began
            words = self._splitter.last_words()
            self._log.write("supervisor", f"{self.spec.name} {end} after {lived:.1f} s")
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

    async def _live_once(self) -> str:
        """From start to end. Returns how it ended."""
        try:
            started = await self._start()
        except DoesNotStartError as error:
            if not self._was_ready.is_set():
                raise
            return f"could not be started again ({error})"  # what worked before may work again
        watching = asyncio.create_task(self._watch())
        code = await self._end(started)
        watching.cancel()
        return f"ended with code {code}"

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
        started = self._started
        if started is None or started.ended.done():
            return
        self._turn("stopping")
        started.send(self.spec.stop_signal)
        done, _ = await asyncio.wait({started.ended}, timeout=self.spec.stop_seconds)
        if not done:
            self._log.write("supervisor", f"{self.spec.name} did not end in {self.spec.stop_seconds:g} s; killed")
            started.kill_group()
            await asyncio.wait({started.ended}, timeout=5)

    async def _start(self) -> Started:
        self._splitter = LineSplitter(self.spec.name, self._log)
        start = self._nursery.start if self.spec.forked else start_program
        self._started = await start(self.spec, self._splitter)
        self._turn("starting")
        if self._stopping:  # told to stop while it was being started
            self._started.send(self.spec.stop_signal)
        return self._started

    async def _end(self, started: Started) -> int:
        code = await asyncio.shield(started.ended)
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
