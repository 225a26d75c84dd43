"""Redis on this machine: from PATH, else Debian's package unpacked into the state folder. It keeps nothing.

Presence and fan-out only: losing it costs speed, never a record, so nothing is written to the disk.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from muniment.errors import PlainError
from muniment.home import Home
from muniment.processes import LOOPBACK, ProcessSpec, Ready, find_program

FETCH_SECONDS = 180


def fetch(home: Home) -> tuple[Path, dict[str, str]]:
    """The server's program, and the environment it needs.

    Raises:
        PlainError: none is installed and none can be fetched.
    """
    installed = find_program("redis-server")
    if installed is not None:
        return installed, {}
    root = home.engines / "redis"
    if not root.exists():
        if find_program("apt-get") is None or find_program("dpkg") is None:
            raise PlainError("There is no redis-server here: install it, so that it is found in PATH.")
        home.engines.mkdir(parents=True, exist_ok=True)
        beside = home.engines / f".redis-{os.getpid()}"
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir()
        try:
            _unpack(beside)
            beside.rename(root)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    libraries = sorted({str(library.parent) for library in root.rglob("*.so*")})
    return root / "usr" / "bin" / "redis-server", {"LD_LIBRARY_PATH": ":".join(libraries)}


def _unpack(folder: Path) -> None:
    # What an installation would add on this very machine: the server and the libraries it lacks.
    planned = _run(["apt-get", "--simulate", "--no-install-recommends", "install", "redis-server"], folder)
    packages = re.findall(r"^Inst (\S+)", planned, flags=re.MULTILINE)
    _run(["apt-get", "download", *packages], folder)
    for package in sorted(folder.glob("*.deb")):
        _run(["dpkg", "-x", str(package), str(folder)], folder)
        package.unlink()


def _run(argv: list[str], folder: Path) -> str:
    environment = {**os.environ, "LC_ALL": "C"}
    try:
        done = subprocess.run(
            argv,
            check=False,
            capture_output=True,
            text=True,
            timeout=FETCH_SECONDS,
            cwd=folder,
            env=environment,
        )
    except subprocess.TimeoutExpired:
        raise PlainError(f"Redis could not be fetched within {FETCH_SECONDS} s: install redis-server.") from None
    if done.returncode != 0:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise PlainError(f"There is no redis-server here, and Debian's package cannot be fetched: {reason}")
    return done.stdout


def spec(home: Home, port: int, password: str) -> ProcessSpec:
    """How to run the server. Its settings come by standard input, where no other user can read the password.

    Raises:
        PlainError: none is installed and none can be fetched.
    """
    program, environment = fetch(home)
    settings = (
        f'bind {LOOPBACK}\nport {port}\nrequirepass {password}\nsave ""\nappendonly no\nmaxmemory 128mb\n'
        "loglevel warning\n"
    )
    return ProcessSpec(
        name="redis",
        argv=(str(program), "-"),
        env=environment,
        stdin=settings,
        ready=Ready("tcp", port),
        stop_seconds=10,
    )


def url(port: int, password: str) -> str:
    return f"redis://:{password}@{LOOPBACK}:{port}/0"
