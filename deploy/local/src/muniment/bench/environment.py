"""What a benchmark runs on: a throw-away PostgreSQL with the durability of production, and an issuer of tokens."""

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit
from uuid import uuid4

import asyncpg

from common.protection.keyring_store import create_keyring
from common.web.rates import DEFAULTS
from muniment import postgres
from muniment.engines import make_key_files
from muniment.home import Home, passwords
from muniment.processes import ProcessSpec, Ready, Running, free_port
from muniment.tokens import Issuer

NO_LIMITS = {
    # The load is not a hurried customer's, nor a thief's: one caller asks what thousands would.
    "MUNIMENT_OPENS_PER_MINUTE": "100000",
    "MUNIMENT_FRAMES_PER_SECOND": "100000",
    **dict.fromkeys(
        (
            "MUNIMENT_CONNECTIONS_PER_ACCOUNT",
            "MUNIMENT_CONNECTIONS_PER_EMPLOYEE",
            "MUNIMENT_CONNECTIONS_PER_TERMINAL",
        ),
        "0",
    ),
    "MUNIMENT_RATE_LIMITS": json.dumps(dict.fromkeys(DEFAULTS, "100000/1")),
    "MUNIMENT_BULK_LOOKS_SOFT": "999999",
    "MUNIMENT_BULK_LOOKS_HARD": "999999",
}


@dataclass(frozen=True, slots=True)
class Environment:
    """Engines and identity for one run of benchmarks."""

    home: Home
    admin_url: str
    issuer: Issuer
    postgres_pid: int

    async def database(self, role: str) -> str:
        """The URL of a new, empty database under this role."""
        name, password = f"{role}_{uuid4().hex[:8]}", uuid4().hex
        connection = await asyncpg.connect(self.admin_url)
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = 'keyring'"):
                await connection.execute("CREATE DATABASE keyring")
                await create_keyring(self._keyring_url, ())
            for one in (name, f"{name}_owner"):
                await connection.execute(f"CREATE ROLE {one} LOGIN PASSWORD '{password}'")
            await connection.execute(f"CREATE DATABASE {name} OWNER {name}_owner TEMPLATE template0")
        finally:
            await connection.close()
        parts = urlsplit(self.admin_url)
        place = parts.netloc.rpartition("@")[2]
        return urlunsplit(parts._replace(netloc=f"{name}:{password}@{place}", path=f"/{name}"))

    @property
    def _keyring_url(self) -> str:
        return urlunsplit(urlsplit(self.admin_url)._replace(path="/keyring"))

    def service(self, package: str, url: str, *, port: int, command: str = "api") -> ProcessSpec:
        """A process of a service on that database."""
        return ProcessSpec(
            name=f"{package} {command}",
            argv=(sys.executable, "-P", "-m", package, command),
            env=self.settings(as_owner(url) if command == "migrate" else url, port),
            ready=Ready("http", port, "/readyz") if command != "migrate" else None,
        )

    def settings(self, url: str, port: int) -> Mapping[str, str]:
        """The environment variables of a service."""
        return {
            "MUNIMENT_PROFILE": "embedded",
            "MUNIMENT_PORT": str(port),
            "MUNIMENT_DATABASE_URL": url,
            "MUNIMENT_KEY_FOLDER": str(self.home.keys),
            "MUNIMENT_KEYRING_URL": self._keyring_url,
            "MUNIMENT_BROKER": "postgres",
            "MUNIMENT_BROKER_URL": url,
            "MUNIMENT_REDIS_URL": "memory://",
            "MUNIMENT_ISSUER": "https://issuer.muniment.localhost",
            "MUNIMENT_AUDIENCE": "muniment",
            "MUNIMENT_JWKS": str(self.issuer.jwks),
            "MUNIMENT_LOG_LEVEL": "warning",
            **NO_LIMITS,
        }


def as_owner(url: str) -> str:
    """The same database, under the role that owns its schema."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.replace(":", "_owner:", 1)))


@contextmanager
def throwaway() -> Iterator[Environment]:
    """A PostgreSQL that waits for its disk as in production, on a temporary folder that goes with it."""
    home = Home(Path(tempfile.mkdtemp(prefix="muniment-bench-")))
    home.prepare()
    secrets = passwords(home)
    cluster = postgres.cluster_of(home)
    cluster.create(secrets["admin"])
    port = free_port()
    server = Running(cluster.spec(port), home.path / "postgres.log")
    try:
        server.start()
        make_key_files(home)
        yield Environment(home, postgres.url("admin", secrets["admin"], port, "postgres"), Issuer(home), server.pid)
    finally:
        server.stop()
        shutil.rmtree(home.path, ignore_errors=True)


@contextmanager
def running(spec: ProcessSpec, log: Path) -> Iterator[Running]:
    """A process for as long as the block lasts."""
    process = Running(spec, log)
    process.start()
    try:
        yield process
    finally:
        process.stop()
