"""Starting programs so that they never outlive who started them, and never run as root where they must not."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from muniment.errors import PlainError
from muniment.logs import telling

LOOPBACK = "127.0.0.1"
MARK = "MUNIMENT_RUN"
"""In the environment of every process of a platform: which state folder it belongs to."""

PASSING_TROUBLES = ("pre-existing shared memory block", "Address already in use", "lock on .lock failed")
"""What a server says while the one that was killed before it has not quite left."""

_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class OsUser:
    """A user of the operating system that a program runs as."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Ready:
    """How to see that a program is ready: `kind` is tcp (accepts), postgres (asks for a password) or http (200)."""

    kind: str
    port: int
    path: str = ""

    def question(self) -> bytes:
        """What to send after connecting."""
        if self.kind == "http":
            return f"GET {self.path} HTTP/1.0\r\nHost: {LOOPBACK}\r\n\r\n".encode()
        names = b"user\0postgres\0database\0postgres\0\0"
        return struct.pack("!ii", 8 + len(names), 3 << 16) + names

    def answered(self, answer: bytes) -> bool:
        """Whether this beginning of an answer says ready.

        PostgreSQL accepts connections while it still recovers; only when it asks for a password is it ready.
        """
        if self.kind == "http":
            return answer.split(b" ")[1:2] == [b"200"]
        return answer.startswith(b"R")


@dataclass(frozen=True, slots=True)
class ProcessSpec:
    """A program to run: everything needed to start it, see it ready and stop it."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    user: OsUser | None = None
    stdin: str | None = None
    stop_signal: int = signal.SIGTERM
    stop_seconds: float = 25.0
    ready: Ready | None = None
    ready_seconds: float = 60.0
    forked: bool = False
    """Run a Python module (`python -m …`) in a process forked from one that has loaded its libraries already."""


def tie_to_parent(stop_signal: int) -> Callable[[], None]:
    """What a new process does before its program starts: ask the kernel for this signal when its parent dies.

    The kernel watches the thread that forked, so programs are started from the main thread only.
    """
    parent = os.getpid()

    def tie() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, stop_signal, 0, 0, 0)
        if os.getppid() != parent:  # the parent died before the kernel was asked
            os._exit(1)

    return tie


def name_process(name: str) -> None:
    """What `top` and `ps` call this process; the kernel keeps 15 characters."""
    _libc.prctl(_PR_SET_NAME, ctypes.c_char_p(name.encode()[:15]), 0, 0, 0)


def spawn_options(spec: ProcessSpec) -> dict[str, Any]:
    """Keyword arguments for subprocess that hold for every program of the platform."""
    options: dict[str, Any] = {
        "cwd": spec.cwd,
        "env": child_environment(spec),
        "preexec_fn": tie_to_parent(spec.stop_signal),
        # Ctrl-C at the terminal is for the one who started the platform; the programs are stopped in order.
        "process_group": 0,
    }
    if spec.user is not None:
        options |= {"user": spec.user.uid, "group": spec.user.gid, "extra_groups": []}
    return options


def child_environment(spec: ProcessSpec) -> dict[str, str]:
    return {**inherited_environment(), **spec.env}


def inherited_environment() -> dict[str, str]:
    """The environment less what would change how our programs or their libraries behave."""
    dropped = ("MUNIMENT_", "PG", "PYTHONPATH", "PYTHONHOME", "DATABASE_URL", "KAFKA_", "JAVA_TOOL_OPTIONS")
    return {name: value for name, value in os.environ.items() if name == MARK or not name.startswith(dropped)}


def as_other_user() -> OsUser | None:
    """Whom a server runs as: nobody else when we are not root; `postgres` or `nobody` when we are.

    Raises:
        PlainError: root, and neither user exists.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        if entry.pw_uid != 0:
            return OsUser(name, entry.pw_uid, entry.pw_gid)
    raise PlainError(
        "No server may run as root, and this machine has no user `nobody`: add one, or work as another user."
    )


def reachable_by(path: Path, user: OsUser | None) -> bool:
    """Whether that user may enter the folder (or run the file) at this path."""
    if user is None:
        return os.access(path, os.X_OK)
    probe = ["/bin/sh", "-c", 'test -x "$0"', str(path)]
    done = subprocess.run(probe, check=False, cwd="/", user=user.uid, group=user.gid, extra_groups=[])
    return done.returncode == 0


def free_port() -> int:
    """A port of the loopback interface that nobody listens on now."""
    with closing(socket.socket()) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def port_is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def holder_of(port: int) -> str | None:
    """Who listens on this port, as far as this user may see: `nginx (process 812)`."""
    wanted = f":{port:04X} "
    inodes = {
        line.split()[9]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in _lines(Path(table))[1:]
        if wanted in f"{line.split()[1]} " and line.split()[3] == "0A"
    }
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _holds_socket(entry, inodes):
            return f"{(entry / 'comm').read_text().strip()} (process {entry.name})"
    return None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []


def _holds_socket(process: Path, inodes: set[str]) -> bool:
    try:
        return any(str(link.readlink())[8:-1] in inodes for link in (process / "fd").iterdir())
    except OSError:
        return False


def is_ready(ready: Ready, *, timeout_seconds: float = 2.0) -> bool:
    """Look once."""
    try:
        with closing(socket.create_connection((LOOPBACK, ready.port), timeout_seconds)) as link:
            if ready.kind == "tcp":
                return True
            link.sendall(ready.question())
            return ready.answered(link.recv(1024))
    except OSError:
        return False


class Running:
    """One started program, for callers without an event loop (tests, `muniment engines`)."""

    def __init__(self, spec: ProcessSpec, log: Path) -> None:
        self.spec = spec
        self.log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """Raises: PlainError: it does not run."""
        if self._process is None or self._process.poll() is not None:
            raise PlainError(f"{self.spec.name} does not run; its log is {self.log}.")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            PlainError: it ended before it was ready, or was not ready in time.
        """
        deadline = time.monotonic() + self.spec.ready_seconds
        while True:
            with self.log.open("ab") as output:
                self._process = self._spawn(output)
            if self._wait_ready(deadline):
                return
            if self._process.poll() is None:
                self.kill()
                raise PlainError(f"{self.spec.name} was not ready in {self.spec.ready_seconds:g} s; see {self.log}.")
            words = last_words(self.log)
            if not any(passing in words for passing in PASSING_TROUBLES) or time.monotonic() > deadline:
                raise PlainError(f"{self.spec.name} does not start: {words}")
            time.sleep(0.2)

    def _spawn(self, output: IO[bytes]) -> "subprocess.Popen[bytes]":
        options = spawn_options(self.spec)
        text = self.spec.stdin
        source = subprocess.DEVNULL if text is None else subprocess.PIPE
        process = subprocess.Popen(self.spec.argv, stdin=source, stdout=output, stderr=subprocess.STDOUT, **options)
        if text is not None and process.stdin is not None:
            process.stdin.write(text.encode())
            process.stdin.close()
        return process

    def _wait_ready(self, deadline: float) -> bool:
        ready = self.spec.ready
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            if ready is None or is_ready(ready):
                return True
            time.sleep(0.05)
        return False

    def stop(self) -> None:
        """Ask it to end, wait, and end it by force when it takes too long."""
        self._end(self.spec.stop_signal)

    def kill(self) -> None:
        """End it the hard way, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, how: int) -> None:
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(self.spec.stop_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def last_words(log: Path) -> str:
    """The line of a log that most likely says why the program ended."""
    try:
        return telling(log.read_text(errors="replace").splitlines()[-40:]) or f"it left no word in {log}"
    except OSError:
        return f"it left no word in {log}"


def find_program(name: str) -> Path | None:
    found = shutil.which(name)
    return Path(found) if found else None
