"""The supervisor seen from outside: is it there, start it, ask it, stop it."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from muniment.errors import PlainError
from muniment.home import Home, read_json
from muniment.plan import Plan
from muniment.processes import MARK, inherited_environment

STOP_SECONDS = 75
START_SECONDS = 300


def status(home: Home) -> dict[str, Any] | None:
    """What the supervisor reports, or None when none runs."""
    if not home.run.exists() or not _taken(home):
        return None
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:  # it holds the lock a moment before it first reports
        report = read_json(home.run / "status.json")
        if report and alive(int(report["pid"])):
            return report
        time.sleep(0.05)
    return {"state": "starting", "pid": 0, "processes": [], "facts": {}, "kind": "?", "reason": ""}


def start(home: Home, plan: Plan, *, progress: Callable[[dict[str, Any]], None] = lambda _: None) -> dict[str, Any]:
    """Start a supervisor with this plan and wait until all of it is ready. Returns its report.

    Raises:
        PlainError: another one runs, or something of the plan does not start.
    """
    with _lock(home, fcntl.LOCK_EX) as held:
        if held is None:
            raise PlainError("Another start or stop is under way for this state folder: wait for it.")
        end_strays(home)
        (home.run / "status.json").unlink(missing_ok=True)
        process = _launch(home, plan, held)
    return wait_until_ready(home, process, progress=progress)


def _launch(home: Home, plan: Plan, lock: int) -> "subprocess.Popen[str]":
    argv = [sys.executable, "-P", "-m", "muniment.supervisor", str(home.log), str(home.run / "status.json")]
    with (home.log.parent / "supervisor.out").open("w") as output:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
            cwd="/",
            env={**inherited_environment(), MARK: home.key},
            start_new_session=True,
            pass_fds=(lock,),  # it holds the lock as long as it lives
        )
    if process.stdin is not None:
        with suppress(BrokenPipeError), process.stdin:
            process.stdin.write(plan.dump())
    return process


def wait_until_ready(
    home: Home,
    process: "subprocess.Popen[str] | None" = None,
    *,
    progress: Callable[[dict[str, Any]], None] = lambda _: None,
) -> dict[str, Any]:
    """Follow a start to its end. Returns the last report.

    Raises:
        PlainError: it failed, with the supervisor's reason; or it takes too long.
    """
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        report = read_json(home.run / "status.json")
        if report.get("state") == "ready":
            return report
        if report:
            progress(report)
        ended = process.poll() is not None if process is not None else status(home) is None
        if ended or report.get("state") == "failed":
            report = read_json(home.run / "status.json")
            reason = report.get("reason") or f"the supervisor ended; see {home.log.parent}"
            raise PlainError(f"{reason.rstrip('.')}. The whole story is in {home.log}.")
        time.sleep(0.1)
    raise PlainError(f"The platform was not ready within {START_SECONDS} s: see {home.log}.")


def stop(home: Home) -> bool:
    """Stop the supervisor and everything under it. Returns whether one ran.

    Raises:
        PlainError: it cannot be stopped by this user.
    """
    report = status(home)
    if report is None:
        end_strays(home)
        return False
    pid = int(report["pid"])
    try:
        os.kill(pid, signal.SIGTERM)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise PlainError(f"The platform was started by another user (process {pid}): stop it as that user.") from None
    deadline = time.monotonic() + STOP_SECONDS
    while time.monotonic() < deadline:
        if not _taken(home):
            end_strays(home)
            return True
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    end_strays(home)
    return True


def end_strays(home: Home) -> None:
    """End what a supervisor that was killed may have left: a process that does not heed the kernel's signal."""
    for how, patience in ((signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0)):
        strays = list(_strays(home))
        for pid in strays:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, how)
        deadline = time.monotonic() + patience
        while any(alive(pid) for pid in strays) and time.monotonic() < deadline:
            time.sleep(0.05)


def _strays(home: Home) -> Iterator[int]:
    mark = f"{MARK}={home.key}".encode()
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            with suppress(OSError):
                if mark in (entry / "environ").read_bytes().split(b"\0"):
                    yield int(entry.name)


def alive(pid: int) -> bool:
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _taken(home: Home) -> bool:
    """Whether a supervisor holds the lock. Looking is shared: those who look do not disturb each other."""
    with _lock(home, fcntl.LOCK_SH) as held:
        return held is None


@contextmanager
def _lock(home: Home, kind: int) -> Iterator[int | None]:
    """The lock's descriptor while we hold it; None when somebody else does.

    The lock belongs to the open file: a supervisor that inherits the descriptor goes on holding it.
    """
    descriptor = os.open(home.run / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor if _locked(descriptor, kind) else None
    finally:
        os.close(descriptor)


def _locked(descriptor: int, kind: int) -> bool:
    for pause in (0.05, 0.2, 0.5, 0.0) if kind == fcntl.LOCK_EX else (0.0,):
        try:
            fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(pause)  # somebody may only be looking
        else:
            return True
    return False
