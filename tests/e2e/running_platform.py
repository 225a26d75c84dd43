"""The whole platform as an operator starts it, in a state folder of its own, for tests that break it."""

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import asyncpg
from pydantic import SecretStr

from common.settings import ServiceSettings
from muniment import daemon
from muniment.demo import Platform
from muniment.home import Home, passwords
from muniment.postgres import url
from tests.plugins.ports import free_block

RECOVERY_SECONDS = 120


class RunningPlatform:
    """Args:
    home: its state folder.
    """

    def __init__(self, home: Home) -> None:
        self.home = home

    @property
    def report(self) -> dict[str, Any]:
        found = daemon.status(self.home)
        assert found is not None, "the supervisor is gone"
        return found

    @property
    def names(self) -> list[str]:
        """Every process that the supervisor keeps: engines and services."""
        return [process["name"] for process in self.report["processes"]]

    def caller(self) -> Platform:
        return Platform(self.home, self.report["facts"]["ports"])

    async def kill(self, name: str) -> None:
        """End one process the hard way; return when the supervisor has another one ready."""
        victim = self._process(name)
        os.kill(victim["pid"], signal.SIGKILL)
        async with asyncio.timeout(RECOVERY_SECONDS):
            while True:
                await asyncio.sleep(0.2)
                now = self._process(name)
                if now["pid"] not in {None, victim["pid"]} and now["state"] == "ready":
                    return

    async def strike(self, *names: str) -> None:
        """End these processes the hard way and go on at once, while they are down; one that has not come back yet is struck
        when it has.
        """
        async with asyncio.timeout(RECOVERY_SECONDS):
            for name in names:
                while (pid := self._process(name)["pid"]) is None:
                    await asyncio.sleep(0.05)
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)

    async def until_ready(self) -> None:
        async with asyncio.timeout(RECOVERY_SECONDS):
            while not all(process["state"] == "ready" for process in self.report["processes"]):
                await asyncio.sleep(0.2)

    def _process(self, name: str) -> dict[str, Any]:
        return next(dict(process) for process in self.report["processes"] if process["name"] == name)

    def settings_of(self, principal: str) -> ServiceSettings:
        """How this principal reaches the event log."""
        engines, password = self.report["facts"]["engines"], passwords(self.home)[principal]
        if kafka := engines.get("kafka"):
            return ServiceSettings(
                broker="kafka",
                broker_url=SecretStr(kafka),
                kafka_security_protocol="SASL_PLAINTEXT",
                kafka_username=principal,
                kafka_password=SecretStr(password),
            )
        port = int(engines["postgres"].rpartition(":")[2])
        return ServiceSettings(broker="postgres", broker_url=SecretStr(url(principal, password, port, "event_log")))

    async def rows(self, database: str, sql: str, *values: object) -> list[asyncpg.Record]:
        """Ask a service's store as its administrator."""
        port = int(self.report["facts"]["engines"]["postgres"].rpartition(":")[2])
        connection = await asyncpg.connect(url("admin", passwords(self.home)["admin"], port, database))
        try:
            return list(await connection.fetch(sql, *values))
        finally:
            await connection.close()


@contextmanager
def running_platform(engines: str, fetched: Home | None = None, *, gateways: int = 1) -> Iterator[RunningPlatform]:
    """`muniment up` in a folder that is removed afterwards, on ports that are free now."""
    home = Home(Path(tempfile.mkdtemp(prefix="muniment-e2e-")))
    environment = {
        **os.environ,
        "MUNIMENT_HOME": str(home.path),
        "MUNIMENT_BASE_PORT": str(free_block()),
        "MUNIMENT_GATEWAYS": str(gateways),
    }
    home.prepare()
    if fetched is not None and fetched.engines.is_dir():  # what was fetched once need not be fetched again
        shutil.copytree(fetched.engines, home.engines, symlinks=True, dirs_exist_ok=True)
    try:
        done = _muniment("up", "--engines", engines, environment=environment)
        assert done.returncode == 0, done.stdout + done.stderr
        yield RunningPlatform(home)
    finally:
        _muniment("down", environment=environment)
        if os.environ.get("MUNIMENT_KEEP_E2E") != "1":
            shutil.rmtree(home.path, ignore_errors=True)


def _muniment(*words: str, environment: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "muniment", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=400)
