"""Throw-away engines with the durability of production, and the platform's own workers on them."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import asyncpg

from common.engines import make_broker
from common.messaging.broker import Broker
from common.protection.data_key import DataKey
from common.protection.making import make_keyring
from common.settings import ServiceSettings
from muniment.engines import Engines, make_ready
from muniment.home import Home, find_home
from muniment.platform import key_settings
from muniment.preparation import prepare
from muniment.processes import ProcessSpec, Ready, Running, free_port, inherited_environment

WORKER_SECONDS = 60


@dataclass
class Stage:
    """Engines that run. Databases are made for each measurement, so that none begins with another's rows."""

    engines: Engines
    home: Home
    _databases: dict[str, str] = field(default_factory=dict)

    @property
    def log(self) -> Path:
        return self.home.path / "workers.log"

    def database(self, package: str) -> str:
        """The URL of the service's present database."""
        return self.engines.database_url(package, self._databases[package])

    async def fresh(self, *packages: str) -> None:
        """New, migrated databases for these services, and an event log without records."""
        await self._prepare()
        for package in packages:
            self._databases[package] = await self._create(package)
            self._migrate(package)

    async def empty_copy(self, package: str) -> str:
        """The URL of a database like the service's, without rows."""
        name, kept = await self._create(package), self._databases[package]
        self._databases[package] = name
        try:
            self._migrate(package)
            return self.database(package)
        finally:
            self._databases[package] = kept

    def broker(self, package: str) -> Broker:
        """The event log, as this service sees it."""
        names = {name.removeprefix("MUNIMENT_").lower(): v for name, v in self.engines.broker_settings(package).items()}
        return make_broker(ServiceSettings.model_validate(names), client_id=f"bench {package}")

    async def keys(self, number: int) -> list[DataKey]:
        """New keys of the keyring, one for each session that is to be told."""
        settings = {
            n.removeprefix("MUNIMENT_").lower(): v for n, v in key_settings("chat_gateway", self.engines).items()
        }
        keyring = make_keyring(ServiceSettings.model_validate(settings), application="bench")
        try:
            return [await keyring.take() for _ in range(number)]
        finally:
            await keyring.close()

    @contextmanager
    def worker(self, package: str) -> Iterator[None]:
        """The service's worker, from being ready until the block ends."""
        port = free_port()
        spec = ProcessSpec(
            name=f"{package}-worker",
            argv=(sys.executable, "-P", "-m", package, "worker"),
            env=self.settings(package) | {"MUNIMENT_PORT": str(port)},
            ready=Ready("http", port, "/readyz"),
            ready_seconds=WORKER_SECONDS,
        )
        process = Running(spec, self.log)
        process.start()
        try:
            yield
        finally:
            process.stop()

    def _migrate(self, package: str) -> None:
        argv = [sys.executable, "-P", "-m", package, "migrate"]
        owned = self.engines.database_url(f"{package}_owner", self._databases[package])
        environment = {**inherited_environment(), **self.settings(package), "MUNIMENT_DATABASE_URL": owned}
        subprocess.run(argv, check=True, env=environment, cwd="/", stdout=subprocess.DEVNULL)

    def settings(self, package: str) -> dict[str, str]:
        """The environment variables of a process of this service."""
        return {
            **self.engines.broker_settings(package),
            **self.engines.audit_settings(package),
            **key_settings(package, self.engines),
            "MUNIMENT_PROFILE": "embedded",
            "MUNIMENT_DATABASE_URL": self.database(package),
            "MUNIMENT_LOG_LEVEL": "warning",
        }

    async def _create(self, package: str) -> str:
        name = f"{package}_{uuid4().hex[:8]}"
        connection = await asyncpg.connect(self.engines.admin_url)
        try:
            await connection.execute(f"CREATE DATABASE {name} OWNER {package}_owner TEMPLATE template0")
        finally:
            await connection.close()
        return name

    async def _prepare(self) -> None:
        """Roles, grants and topics; the embedded log begins anew, Kafka's topics go on (groups have positions)."""
        connection = await asyncpg.connect(self.engines.admin_url)
        try:
            await connection.execute("DROP DATABASE IF EXISTS event_log WITH (FORCE)")
        finally:
            await connection.close()
        await prepare(
            {
                "admin_url": self.engines.admin_url,
                "event_log_url": self.engines.database_url("event_log", "event_log"),
                "keyring_url": self.engines.database_url("keyring", "keyring"),
                "kafka_bootstrap": self.engines.kafka_bootstrap,
                "passwords": self.engines.passwords,
            }
        )


@contextmanager
def throwaway_stage(event_log: str) -> Iterator[Stage]:
    """Start the engines on a temporary folder that goes with them.

    Raises:
        PlainError: an engine cannot be had here.
        ValueError: there is no such event log.
    """
    if event_log not in {"postgres", "kafka"}:
        raise ValueError(f"the event log is postgres or kafka, not {event_log}")
    home = Home(Path(tempfile.mkdtemp(prefix="muniment-bench-")))
    home.prepare()
    # Programs that were fetched once need not be fetched again.
    home.engines.symlink_to(find_home().engines)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home.path, ignore_errors=True)
        engines = make_ready(home, "kafka" if event_log == "kafka" else "postgres")
        for unit in engines.units:
            for spec in unit.processes:
                process = Running(spec, home.path / f"{spec.name}.log")
                stack.callback(process.stop)
                process.start()
        yield Stage(engines, home)
