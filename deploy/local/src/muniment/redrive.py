"""`muniment redrive SERVICE`: what a service of the running platform set aside, and another try at it.

The same as the service's own `redrive`, with the addresses and passwords of this machine's platform.
"""

import argparse
import subprocess
import sys
from typing import Any
from uuid import UUID

from muniment import daemon, postgres
from muniment.engines import Engines
from muniment.errors import PlainError
from muniment.home import SERVICES, Home, find_home, passwords
from muniment.platform import environment
from muniment.processes import inherited_environment
from muniment.tokens import Issuer


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser("redrive", help="list events that a service set aside, or handle them again")
    parser.add_argument("service", choices=[*SERVICES, *(name.replace("_", "-") for name in SERVICES if "_" in name)])
    parser.add_argument("--id", type=UUID, help="handle this one again")
    parser.add_argument("--all", action="store_true", help="handle all of them again (without either: list only)")
    parser.set_defaults(func=_redrive)


def _redrive(options: argparse.Namespace) -> int:
    """Raises: PlainError: the platform is not up."""
    home = find_home()
    report = daemon.status(home) if home.run.exists() else None
    if report is None or report["kind"] != "platform":
        raise PlainError("Muniment is not up, and what was set aside stands in its databases: `make up` first.")
    service = options.service.replace("-", "_")
    words = [*(["--all"] if options.all else []), *(["--id", str(options.id)] if options.id else [])]
    given = environment(service, _engines(home, report["facts"]), Issuer(home).jwks)
    argv = [sys.executable, "-P", "-m", service, "redrive", *words]
    return subprocess.run(argv, check=False, env={**inherited_environment(), **given}).returncode


def _engines(home: Home, facts: dict[str, Any]) -> Engines:
    """The engines that run now, as a client needs them."""
    secrets, found = passwords(home), facts["engines"]
    named = postgres.named_server()
    url = named[0] if named else f"postgresql://admin:{secrets['admin']}@{found['postgres']}/postgres"
    return Engines(facts["event_log"], (), url, found.get("kafka", ""), "memory://", secrets, home.keys)
