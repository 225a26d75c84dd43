"""One process that has loaded the libraries of all services, and forks each service's processes from itself.

Loading them takes seconds and tens of megabytes a process; forked, ten processes load once and share those pages. What
is forked runs exactly what `python -m <package> …` would run, with its own environment, and ends when the nursery does.

The supervisor speaks to it over a socket pair: a message a process to start, with the descriptor for its output; a
message back when it was started and when it ended.
"""

import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from muniment.processes import name_process, tie_to_parent

LARGEST_MESSAGE = 1 << 18
BESIDE_COMMON = (
    "fakeredis",
    "sqlmodel",
    "fastapi.responses",
    "fastapi.middleware",
    "uvloop",
    "uvicorn.protocols.http.httptools_impl",
    "uvicorn.protocols.websockets.websockets_sansio_impl",
    "uvicorn.lifespan.on",
    "uvicorn.loops.uvloop",
)
"""What services load besides `common`, as far as it is worth loading once."""


class Nursery:
    """Args:
    channel: the nursery's end of the socket pair.
    """

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._children: set[int] = set()
        self._woken, waker = socket.socketpair()
        self._waker = waker
        for end in (self._woken, waker):
            end.setblocking(False)

    def serve(self) -> dict[str, Any] | None:
        """Fork what the supervisor asks for. Returns None at the end, and in each forked process what it is to run."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        waiting = selectors.DefaultSelector()
        waiting.register(self._channel, selectors.EVENT_READ)
        waiting.register(self._woken, selectors.EVENT_READ)
        self._tell({"ready": True})
        while True:
            for key, _ in waiting.select():
                if key.fileobj is self._woken:
                    self._reap()
                    continue
                message, descriptors, _, _ = socket.recv_fds(self._channel, LARGEST_MESSAGE, 1)
                if not message:
                    return None
                job = json.loads(message)
                if self._fork(job, descriptors[0]):
                    waiting.close()
                    return dict(job)

    def _fork(self, job: Mapping[str, Any], output: int) -> bool:
        """Returns True in the new process."""
        tie = tie_to_parent(job["stop_signal"])
        pid = os.fork()
        if pid == 0:
            tie()
            self._leave()
            _become(job, output)
            return True
        os.close(output)
        self._children.add(pid)
        self._tell({"started": job["number"], "pid": pid})
        return False

    def _leave(self) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in (self._channel, self._woken, self._waker):
            end.close()

    def _reap(self) -> None:
        with suppress(BlockingIOError):
            while self._woken.recv(4096):
                pass
        for pid in tuple(self._children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self._children.discard(pid)
                self._tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})

    def _tell(self, message: Mapping[str, Any]) -> None:
        with suppress(BrokenPipeError):  # the supervisor is gone, and the kernel is about to end us
            self._channel.send(json.dumps(message).encode())


def _modules_of_common() -> Iterator[str]:
    """All of it but the kit for tests. Never a service: each is alone in its processes."""
    common = importlib.import_module("common")
    for module in pkgutil.walk_packages(common.__path__, "common."):
        if not module.name.startswith("common.testing"):
            yield module.name


def _become(job: Mapping[str, Any], output: int) -> None:
    os.setpgid(0, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)
    os.chdir(job["cwd"])
    os.environ.clear()
    os.environ.update(job["env"])
    name_process(job["name"])


def main(descriptor: int) -> int:
    """Load the libraries, then fork until the supervisor closes the channel."""
    channel = socket.socket(fileno=descriptor)
    for name in (*_modules_of_common(), *BESIDE_COMMON):
        importlib.import_module(name)
    # What is here stays: the collector need not look at it again, nor write to its pages in every process.
    gc.collect()
    gc.freeze()
    job = Nursery(channel).serve()
    if job is not None:
        sys.argv = [job["module"], *job["arguments"]]
        runpy.run_module(job["module"], run_name="__main__", alter_sys=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
