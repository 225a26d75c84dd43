"""Two ways to start a process under the supervisor: as a program of its own, or forked from the nursery."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from muniment.logs import LineSplitter, LogFile
from muniment.nursery import LARGEST_MESSAGE
from muniment.processes import ProcessSpec, child_environment, spawn_options


class DoesNotStartError(Exception):
    """A process cannot be started, or ends again and again before it was ever ready; the text says why."""


@dataclass(slots=True)
class Started:
    """A process that was started. `ended` gets its exit code; `program` is None where the nursery waits for it."""

    pid: int
    ended: "asyncio.Future[int]"
    program: "subprocess.Popen[bytes] | None" = None

    def poll(self) -> None:
        """Look whether it ended, after the kernel said that some child did."""
        if self.program is not None and not self.ended.done():
            code = self.program.poll()
            if code is not None:
                self.ended.set_result(code)

    def send(self, how: int) -> None:
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.kill(self.pid, how)

    def kill_group(self) -> None:
        """End it and what it started, the hard way."""
        if not self.ended.done():
            with suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


class _Output(asyncio.Protocol):
    def __init__(self, splitter: LineSplitter) -> None:
        self._splitter = splitter

    def data_received(self, data: bytes) -> None:
        self._splitter.feed(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        self._splitter.finish()


async def start_program(spec: ProcessSpec, splitter: LineSplitter, *, pass_fds: tuple[int, ...] = ()) -> Started:
    """Start a program of its own.

    Raises:
        DoesNotStartError: it cannot be executed.
    """
    text = spec.stdin
    try:
        program = subprocess.Popen(  # noqa: ASYNC220 - a start is a matter of a millisecond
            spec.argv,
            stdin=subprocess.DEVNULL if text is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=pass_fds,
            **spawn_options(spec),
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise DoesNotStartError(f"{spec.name} does not start: {error}") from None
    if program.stdin is not None and text is not None:
        with suppress(BrokenPipeError):
            program.stdin.write(text.encode())
            program.stdin.close()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: _Output(splitter), program.stdout)
    started = Started(program.pid, loop.create_future(), program)
    started.poll()  # it may have ended before anyone listened
    return started


class NurseryClient:
    """The supervisor's side of the nursery: starts it when it is first needed, and again when it died.

    Args:
        log: where the nursery's own output goes.
        changed: called when the nursery itself starts or ends.
    """

    def __init__(self, log: LogFile, changed: Callable[[], None]) -> None:
        self._log = log
        self._changed = changed
        self._channel: socket.socket | None = None
        self._nursery: Started | None = None
        self._splitter = LineSplitter("nursery", log)
        self._ready: asyncio.Future[None] | None = None
        self._number = 0
        self._starting: dict[int, asyncio.Future[int]] = {}
        self._forked: dict[int, asyncio.Future[int]] = {}
        self._opening = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        return self._nursery.pid if self._nursery is not None and not self._nursery.ended.done() else None

    def poll(self) -> None:
        if self._nursery is not None:
            self._nursery.poll()

    async def open(self) -> None:
        """Start the nursery, unless it runs, and wait until its libraries are loaded.

        Raises:
            DoesNotStartError: it ended before that.
        """
        async with self._opening:
            if self._channel is None:
                await self._launch()
        if self._ready is not None:
            await asyncio.shield(self._ready)

    async def _launch(self) -> None:
        loop = asyncio.get_running_loop()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        argv = (sys.executable, "-P", "-m", "muniment.nursery", str(theirs.fileno()))
        spec = ProcessSpec("nursery", argv, env={"PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"})
        self._splitter = LineSplitter("nursery", self._log)
        with theirs:
            self._nursery = await start_program(spec, self._splitter, pass_fds=(theirs.fileno(),))
        self._channel, self._ready = ours, loop.create_future()
        loop.add_reader(ours, self._hear)
        self._changed()

    async def start(self, spec: ProcessSpec, splitter: LineSplitter) -> Started:
        """Fork a process that runs a module: `argv` is Python, its options, `-m`, the module and its arguments.

        Raises:
            DoesNotStartError: the nursery cannot be had, or died meanwhile.
        """
        await self.open()
        loop = asyncio.get_running_loop()
        reading, writing = os.pipe()
        await loop.connect_read_pipe(lambda: _Output(splitter), os.fdopen(reading, "rb", buffering=0))
        self._number += 1
        number, answer = self._number, loop.create_future()
        self._starting[number] = answer
        place = spec.argv.index("-m") + 1
        job = {
            "number": number,
            "name": spec.name,
            "module": spec.argv[place],
            "arguments": spec.argv[place + 1 :],
            "env": child_environment(spec),
            "cwd": spec.cwd,
            "stop_signal": int(spec.stop_signal),
        }
        try:
            if self._channel is None:
                raise DoesNotStartError(f"{spec.name} does not start: {self._splitter.last_words()}")
            socket.send_fds(self._channel, [json.dumps(job).encode()], [writing])
        except OSError as error:
            self._starting.pop(number, None)
            raise DoesNotStartError(f"{spec.name} does not start: {error}") from None
        finally:
            os.close(writing)
        pid = await answer
        return Started(pid, self._forked[pid])

    def _hear(self) -> None:
        if self._channel is None:
            return
        with suppress(BlockingIOError):
            while message := self._channel.recv(LARGEST_MESSAGE):
                self._take(json.loads(message))
            self._lost()

    def _take(self, message: dict[str, Any]) -> None:
        if "started" in message:
            pid = int(message["pid"])
            self._forked[pid] = asyncio.get_running_loop().create_future()
            self._starting.pop(message["started"]).set_result(pid)
        elif "ended" in message:
            self._forked.pop(int(message["ended"])).set_result(int(message["code"]))
        elif self._ready is not None and not self._ready.done():
            self._ready.set_result(None)

    def _lost(self) -> None:
        """The nursery is gone, and the kernel has told what it forked to end."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        error = DoesNotStartError(f"the nursery ended: {self._splitter.last_words()}")
        for waiting in (self._ready, *self._starting.values()):
            if waiting is not None and not waiting.done():
                waiting.set_exception(error)
        for ended in self._forked.values():
            ended.set_result(-signal.SIGTERM)
        self._starting.clear()
        self._forked.clear()
        self._changed()

    async def close(self) -> None:
        """End it, after everything it forked has ended."""
        if self._channel is not None:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        if self._nursery is not None:
            done, _ = await asyncio.wait({self._nursery.ended}, timeout=5)
            if not done:
                self._nursery.kill_group()
