"""The operator's commands: up, down, status, engines."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from muniment import daemon, postgres
from muniment.engines import SAID, make_ready, remember_event_log, wanted_event_log
from muniment.errors import PlainError
from muniment.home import SERVICES, Home
from muniment.memory import memory_of
from muniment.platform import (
    check_ports,
    display,
    engines_plan,
    first_port,
    gateways,
    migration_plan,
    platform_plan,
    ports_of,
)
from muniment.processes import LOOPBACK
from muniment.tokens import WARNING, Issuer

LEAST_FREE_BYTES = 300 * 2**20
MIB = 2**20


def up(home: Home, engines: str | None, *, brief: bool = False) -> None:
    """Bring the platform up, or say that it is. Returns when every process is ready.

    With `brief`, tokens and addresses are not printed: somebody else is about to say more.

    Raises:
        PlainError: something is in the way.
    """
    began = time.monotonic()
    home.prepare()
    event_log = wanted_event_log(home, engines)
    report = daemon.status(home)
    if report is not None and report["kind"] == "engines":
        print("The engines run alone; they are started anew with the platform.")
    if report is not None and (report["kind"] == "engines" or report["state"] not in ("starting", "ready")):
        daemon.stop(home)
        report = None
    if report is not None:
        report = daemon.wait_until_ready(home, progress=_progress())
        print(f"Muniment is up already. Event log: {SAID[event_log]}. State: {home.path}")
        _say_more(home, report, Issuer(home).write_tokens(home.tokens), brief=brief)
        return
    daemon.end_strays(home)
    check_disk(home.path)
    ports = ports_of(first_port(), gateways())
    check_ports(ports)
    if not home.choices.exists():
        print("First start: making keys, passwords and databases.", flush=True)
    prepared = make_ready(home, event_log)
    named = postgres.named_server()
    if named is not None:
        print(f"PostgreSQL is the server that {named[1]} names: {prepared.addresses()['postgres']}", flush=True)
    issuer = Issuer(home)
    files = issuer.write_tokens(home.tokens)
    remember_event_log(home, event_log)
    report = daemon.start(home, platform_plan(prepared, issuer.jwks, ports), progress=_progress())
    print(f"Muniment is up after {time.monotonic() - began:.1f} s. Event log: {SAID[event_log]}. State: {home.path}")
    _say_more(home, report, files, brief=brief)


def down(home: Home) -> None:
    """Stop everything that runs for this state folder."""
    if home.run.exists() and daemon.stop(home):
        print("Muniment is down; its data stay.")
    else:
        print("Muniment was not up.")


def reset(home: Home, *, sure: bool) -> None:
    """Stop everything and forget all data; what was fetched (Kafka's jars) stays.

    Raises:
        PlainError: the caller has not said that this is meant.
    """
    if not sure:
        raise PlainError(f"This deletes all data of {home.path} for good: say `--yes` if that is meant.")
    if home.run.exists():
        daemon.stop(home)
    shutil.rmtree(postgres.SHARED / home.key, ignore_errors=True)
    for path in (home.postgres, home.kafka, home.issuer, home.tokens, home.log.parent, home.run):
        if path.exists():
            shutil.rmtree(path)
    for path in (home.secrets, home.choices):
        path.unlink(missing_ok=True)
    print(f"All data of {home.path} are deleted.")


def migrate(home: Home) -> None:
    """Bring the five databases to their newest version; where nothing runs, PostgreSQL is started for it.

    Raises:
        PlainError: the platform is up (it migrated when it started), or a migration fails.
    """
    home.prepare()
    if daemon.status(home) is not None:
        raise PlainError("The platform is up, and migrates when it starts: `make down`, then `make up`.")
    check_disk(home.path)
    prepared = make_ready(home, wanted_event_log(home, None))
    daemon.start(home, migration_plan(prepared, Issuer(home).jwks))
    daemon.stop(home)
    print("The five databases are at their newest version.")


def start_engines(home: Home) -> None:
    """Start PostgreSQL, Kafka and Redis alone, with roles, databases and topics.

    Raises:
        PlainError: something is in the way.
    """
    home.prepare()
    report = daemon.status(home)
    if report is None:
        check_disk(home.path)
        report = daemon.start(home, engines_plan(make_ready(home, "kafka")), progress=_progress())
    else:
        report = daemon.wait_until_ready(home)
    for engine, address in report["facts"]["engines"].items():
        print(f"{engine:<10} {address}")
    print(f"Users and passwords are in {_short(home.secrets)}; `make down` stops the engines.")


def print_status(home: Home) -> bool:
    """Print what runs and how much memory it takes. Returns whether all of it is ready."""
    report = daemon.status(home) if home.run.exists() else None
    if report is None:
        print("Muniment is not up.")
        return False
    print(f"{report['kind']}: {report['state']}. Event log: {SAID.get(report['facts'].get('event_log', ''), '?')}")
    own = [_own("supervisor", report["pid"]), *([_own("nursery", report["nursery"])] if report.get("nursery") else [])]
    processes = [*own, *report["processes"]]
    memory = memory_of(report["pid"], {one["pid"] for one in processes if one["pid"]})
    print(f"  {'process':<21} {'state':<9} {'pid':>8} {'port':>6} {'restarts':>8} {'memory':>9}")
    for one in processes:
        used = memory.get(one["pid"], 0) / MIB
        print(
            f"  {one['name']:<21} {one['state']:<9} {one['pid'] or '-':>8} {one['port'] or '-':>6} "
            f"{one['restarts']:>8} {used:>5.0f} MiB"
        )
    print(f"  {'together':<48} {sum(memory.values()) / MIB:>13.0f} MiB")
    return bool(report["state"] == "ready") and all(one["state"] == "ready" for one in report["processes"])


def _own(name: str, pid: int) -> dict[str, Any]:
    return {"name": name, "state": "ready", "pid": pid, "restarts": 0, "port": None}


def check_disk(folder: Path) -> None:
    """Refuse to start on a disk that is about to be full.

    Raises:
        PlainError: says how much is free and how much is needed.
    """
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE_BYTES:
        raise PlainError(
            f"The disk of {folder} is full ({free // MIB} MiB free, {LEAST_FREE_BYTES // MIB} are needed): "
            "make room, or name a folder on another disk with MUNIMENT_HOME."
        )


def _progress() -> Callable[[dict[str, Any]], None]:
    """Says once for each stage what is waited for."""
    said: set[str] = set()

    def tell(report: dict[str, Any]) -> None:
        names = [one["name"] for one in report["processes"]]
        for sign, text in (
            ("postgres", "Starting PostgreSQL."),
            ("kafka", "Starting Apache Kafka and Redis."),
            ("preparation", "Making roles, databases and topics."),
            ("transcripts-migrate", "Migrating the five databases."),
            ("transcripts-api", "Starting the services."),
        ):
            if sign in names and sign not in said:
                said.add(sign)
                print(text, flush=True)

    return tell


def _say_more(home: Home, report: dict[str, Any], files: dict[str, Path], *, brief: bool) -> None:
    if not brief:
        _print_tokens(files)
        _print_addresses(home, report)


def _print_tokens(files: dict[str, Path]) -> None:
    print("\nTokens, one for each role, good for 12 hours")
    for role, file in files.items():
        print(f"  {role:<17} {_short(file)}")
    print(f"{WARNING}")


def _print_addresses(home: Home, report: dict[str, Any]) -> None:
    ports = report["facts"]["ports"]
    print("\nAddresses")
    for service in SERVICES:
        address = f"http://{LOOPBACK}:{ports[f'{display(service)}-api']}"
        print(f"  {display(service):<17} {address}   (documentation: {address}/docs)")
    token = _short(home.tokens / "supervisor.jwt")
    print("\nNext")
    print("  make demo                     a real conversation through all five services")
    print(f'  curl -H "Authorization: Bearer $(cat {token})" http://{LOOPBACK}:{ports["transcripts-api"]}/readyz')
    print("  .venv/bin/muniment status     what runs, and its memory; `muniment logs -f` what it says")
    print("  make down                     stop everything; the data stay")


def _short(path: Path) -> str:
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)
