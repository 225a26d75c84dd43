"""Runs a command of a service on the platform that is up here, with the addresses and passwords of this machine."""

import subprocess
import sys
from collections.abc import Sequence
from typing import IO, Any

from muniment import daemon, postgres
from muniment.engines import Engines
from muniment.errors import PlainError
from muniment.home import SERVICES, Home, find_home, passwords
from muniment.platform import environment
from muniment.processes import inherited_environment
from muniment.tokens import Issuer

CHOICES = (*SERVICES, *(name.replace("_", "-") for name in SERVICES if "_" in name))
"""A service by its package, or as its process is called."""


def package(choice: str) -> str:
    return choice.replace("-", "_")


def run(service: str, words: Sequence[str], *, output: "IO[str] | None" = None) -> int:
    """Run `python -m <service> <words>`; returns its exit code.

    Raises:
        PlainError: the platform is not up.
    """
    home = find_home()
    report = daemon.status(home) if home.run.exists() else None
    if report is None or report["kind"] != "platform":
        raise PlainError("Muniment is not up, and this asks its databases: `make up` first.")
    given = environment(service, engines_of(home, report["facts"]), Issuer(home).jwks)
    argv = [sys.executable, "-P", "-m", service, *words]
    return subprocess.run(argv, check=False, env={**inherited_environment(), **given}, stdout=output).returncode


def engines_of(home: Home, facts: dict[str, Any]) -> Engines:
    """The engines that run now, as a client needs them."""
    secrets, found = passwords(home), facts["engines"]
    named = postgres.named_server()
    url = named[0] if named else f"postgresql://admin:{secrets['admin']}@{found['postgres']}/postgres"
    return Engines(facts["event_log"], (), url, found.get("kafka", ""), "memory://", secrets, home.keys)
