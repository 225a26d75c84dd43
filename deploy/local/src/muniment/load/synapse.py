"""The same work on another server of chats: Matrix Synapse with PostgreSQL, in the same run and on the same machine.

Synapse is under the AGPL and no part of Muniment: it is installed into an environment under the temporary folder, talked to
over HTTP only, and removed again. It does more for each message than Muniment: it signs an event of a graph that other
homeservers may join, and works out the state of the room there.
"""

import asyncio
import json
import secrets
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg

from muniment.bench.chat import finish
from muniment.bench.environment import Environment, running
from muniment.errors import PlainError
from muniment.load.active import seat
from muniment.load.driving import driver, need_files
from muniment.load.gateway import database, gateway
from muniment.processes import LOOPBACK, ProcessSpec, Ready, free_port, inherited_environment

ROOMS = 50
SECONDS = 5.0
RATE = 10.0
"""Messages a second over all rooms at which Synapse is at ease."""

PACED_SECONDS = 20.0
PACKAGE = "matrix-synapse[postgres]"
INSTALL_SECONDS = 400
_MANY = {"per_second": 1e6, "burst_count": 1e6}


@dataclass(frozen=True, slots=True)
class Side:
    """Attributes:
    messages: a second, sent and received, each sender going on when the last message was acknowledged.
    delivery_ms: from sending to being received, at `RATE` over all rooms.
    """

    messages: float
    saturated_ms: dict[str, float]
    delivery_ms: dict[str, float]

    @classmethod
    def of(cls, saturated: dict[str, Any], comfortable: dict[str, Any]) -> "Side":
        """Raises: RuntimeError: nothing came through."""
        if not saturated["delivery_ms"] or not comfortable["delivery_ms"]:
            raise RuntimeError("no message came through: the time of measuring is too short for this machine")
        messages = min(saturated["answers_per_second"], saturated["deliveries_per_second"])
        return cls(messages, saturated["delivery_ms"], comfortable["delivery_ms"])


@dataclass(frozen=True, slots=True)
class Compared:
    rooms: int
    rate: float
    version: str
    ours: Side
    theirs: Side

    @property
    def times_messages(self) -> float:
        """How many times Synapse's messages a second."""
        return self.ours.messages / self.theirs.messages

    @property
    def part_of_p99(self) -> float:
        """Which part of Synapse's p99."""
        return self.ours.delivery_ms["p99"] / self.theirs.delivery_ms["p99"]


async def run(
    env: Environment, *, rooms: int = ROOMS, seconds: float = SECONDS, paced_seconds: float = PACED_SECONDS
) -> Compared:
    """Measure both, one after the other, on the same PostgreSQL.

    Raises:
        PlainError: Synapse cannot be installed here.
    """
    python = await asyncio.to_thread(install, env.home.path / "peer")
    version = _version(python)
    ours = await measure_ours(env, rooms=rooms, seconds=seconds, paced_seconds=paced_seconds)
    theirs = await _theirs(env, python, rooms, seconds, paced_seconds)
    return Compared(rooms, RATE, version, ours, theirs)


async def measure_ours(env: Environment, *, rooms: int, seconds: float, paced_seconds: float) -> Side:
    """Customers talk, employees hear, as in the rooms of the other."""
    need_files(2 * rooms)
    url = await database(env)
    async with driver() as load:
        with gateway(env, url) as on:
            await seat(env.issuer, load, [on], rooms)
            saturated = await load.do("talk", seconds=seconds, per_second=0, one_side=True)
            comfortable = await load.do("talk", seconds=paced_seconds, per_second=RATE, one_side=True)
    return Side.of(saturated, comfortable)


async def _theirs(env: Environment, python: Path, rooms: int, seconds: float, paced_seconds: float) -> Side:
    secret, port = secrets.token_hex(16), free_port()
    await _make_database(env)
    with _homeserver(env, python, port, secret):
        work = {
            "port": port, "secret": secret, "rooms": rooms, "seconds": seconds, "rate": RATE, "paced_seconds": paced_seconds,
        }  # fmt: skip
        found = await finish(ProcessSpec("peer", (sys.executable, "-P", "-m", "muniment.load.peer")), work)
    return Side.of(found["saturated"], found["comfortable"])


def install(folder: Path) -> Path:
    """Make an environment with Synapse from whatever index pip uses here. Returns its Python.

    Raises:
        PlainError: it cannot be had here.
    """
    python = folder / "bin" / "python"
    environment = dict(inherited_environment())
    for argv in (
        [sys.executable, "-m", "venv", str(folder)],
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", PACKAGE],
    ):
        try:
            subprocess.run(argv, check=True, capture_output=True, env=environment, timeout=INSTALL_SECONDS, cwd="/")
        except (subprocess.SubprocessError, OSError) as error:
            said = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip().splitlines()
            why = said[-1] if said else type(error).__name__
            raise PlainError(f"Synapse cannot be installed here, so nothing is compared: {why}") from None
    return python


def _version(python: Path) -> str:
    question = "import importlib.metadata as m; print(m.version('matrix-synapse'))"
    return subprocess.run([str(python), "-c", question], check=True, capture_output=True, text=True).stdout.strip()


async def _make_database(env: Environment) -> None:
    connection = await asyncpg.connect(env.admin_url)
    try:
        await connection.execute(
            "CREATE DATABASE synapse ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0"
        )
    finally:
        await connection.close()


@contextmanager
def _homeserver(env: Environment, python: Path, port: int, secret: str) -> Iterator[None]:
    """Synapse on the PostgreSQL of this environment: one process, rate limits lifted, federation and presence off."""
    folder = env.home.path / "homeserver"
    folder.mkdir()
    config = folder / "homeserver.yaml"
    run = (str(python), "-m", "synapse.app.homeserver", "--config-path", str(config))
    config.write_text(json.dumps(_config(env, folder, port, secret)))  # JSON is YAML too
    (folder / "log.yaml").write_text(json.dumps({"version": 1, "root": {"level": "ERROR"}}))
    subprocess.run([*run, "--generate-keys"], check=True, capture_output=True, cwd=folder)
    ready = Ready("http", port, "/_matrix/client/versions")
    spec = ProcessSpec("synapse", run, cwd=str(folder), ready=ready, ready_seconds=120)
    with running(spec, folder / "out.log"):
        yield


def _config(env: Environment, folder: Path, port: int, secret: str) -> dict[str, Any]:
    engine = urlsplit(env.admin_url)
    place = {"user": engine.username, "password": engine.password, "host": engine.hostname, "port": engine.port}
    listener = {"port": port, "bind_addresses": [LOOPBACK], "type": "http", "tls": False, "x_forwarded": False}
    listener["resources"] = [{"names": ["client"], "compress": False}]
    return {
        "server_name": "localhost",
        "listeners": [listener],
        "database": {"name": "psycopg2", "args": place | {"dbname": "synapse", "cp_min": 5, "cp_max": 10}},
        "signing_key_path": str(folder / "signing.key"),
        "media_store_path": str(folder / "media"),
        "pid_file": str(folder / "pid"),
        "log_config": str(folder / "log.yaml"),
        "registration_shared_secret": secret,
        "macaroon_secret_key": secret,
        "form_secret": secret,
        "trusted_key_servers": [],
        "suppress_key_server_warning": True,
        "federation_domain_whitelist": [],
        "presence": {"enabled": False},
        "push": {"enabled": False},
        "enable_media_repo": False,
        "url_preview_enabled": False,
        "report_stats": False,
        "bcrypt_rounds": 4,
        "rc_message": _MANY,
        "rc_registration": _MANY,
        "rc_room_creation": _MANY,
        "rc_login": dict.fromkeys(("address", "account", "failed_attempts"), _MANY),
        "rc_joins": dict.fromkeys(("local", "remote"), _MANY),
        "rc_joins_per_room": _MANY,
        "rc_invites": dict.fromkeys(("per_room", "per_user", "per_issuer"), _MANY),
    }
