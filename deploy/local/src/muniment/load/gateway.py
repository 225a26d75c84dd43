"""Gateways to be loaded: the real ones, each a process of its own, on a database of their own."""

import asyncio
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from muniment.bench.environment import Environment, running
from muniment.processes import child_environment, free_port
from muniment.tokens import Issuer


class Gateway:
    """A process of the gateway that runs.

    Attributes:
        port, pid: of its `api`.
    """

    def __init__(self, port: int, pid: int) -> None:
        self.port, self.pid = port, pid


async def database(env: Environment) -> str:
    """The URL of a new database of the gateway, migrated."""
    url = await env.database("chat_gateway")
    spec = env.service("chat_gateway", url, port=free_port(), command="migrate")
    done = await asyncio.to_thread(
        subprocess.run, spec.argv, check=False, env=child_environment(spec), cwd="/", capture_output=True
    )
    if done.returncode:
        raise RuntimeError(f"the gateway's database was not migrated: {done.stderr.decode()[-400:]}")
    return url


@contextmanager
def gateway(env: Environment, url: str) -> Iterator[Gateway]:
    """A gateway on that database for as long as the block lasts."""
    port = free_port()
    with running(env.service("chat_gateway", url, port=port), log_of(env)) as process:
        yield Gateway(port, process.pid)


def log_of(env: Environment) -> Path:
    return env.home.path / "load.log"


def customers(issuer: Issuer, number: int, *, name: str = "customer") -> list[str]:
    """Tokens of so many accounts."""
    return [issuer.mint("customer", sub=f"{name}-{n}") for n in range(number)]


def agents(issuer: Issuer, number: int) -> list[str]:
    """Tokens of so many employees."""
    return [issuer.mint("agent", sub=f"agent-{n}") for n in range(number)]
