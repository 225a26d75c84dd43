"""The command line that every service has: `python -m <package> api|worker|migrate|redrive|audit|reseal`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvloop
from fastapi import FastAPI

from common import telemetry
from common.audit import command as audit_command
from common.clock import Clock, SystemClock
from common.database import Database
from common.engines import make_broker
from common.errors import OperatorError
from common.jobs import MakeJobs, no_jobs
from common.messaging import redriving
from common.messaging.consumer import Subject
from common.protection import reseal_command
from common.protection.reseal_command import Holdings, nothing_kept
from common.settings import ServiceSettings
from common.web.app import serve
from common.worker import Worker


@dataclass(frozen=True, slots=True)
class Service:
    """What a service is made of, named once in its composition root.

    Args:
        name: package name.
        migrations: folder with Alembic's `env.py`.
        make_app: settings → FastAPI application.
        make_subjects: settings and clock → what its worker hears.
        make_holdings: settings → what it keeps under its own key; nothing unless said.
        make_jobs: settings, clock and store → what its worker does by the clock; nothing unless said.
    """

    name: str
    settings: type[ServiceSettings]
    migrations: Path
    make_app: Callable[[ServiceSettings], FastAPI]
    make_subjects: Callable[[ServiceSettings, Clock], Sequence[Subject]]
    make_holdings: Callable[[ServiceSettings], Holdings] = nothing_kept
    make_jobs: MakeJobs = no_jobs


def main(service: Service, arguments: Sequence[str] | None = None) -> int:
    """Run one of the service's processes. Returns the exit code."""
    options = _parser(service).parse_args(arguments)
    settings = service.settings()
    telemetry.set_up(settings, service.name)
    try:
        return _run(service, settings, options)
    except OperatorError as error:
        print(f"{error}", file=sys.stderr)
        return 1


def _run(service: Service, settings: ServiceSettings, options: argparse.Namespace) -> int:
    if options.command == "api":
        serve(service.make_app(settings), settings)
    elif options.command == "worker":
        uvloop.run(_work(service, settings))
    elif options.command == "migrate":
        from common.migrations import upgrade  # noqa: PLC0415 - Alembic is for this command only

        upgrade(service.migrations, settings)
    elif options.command == "audit":
        return uvloop.run(audit_command.run(service.name, settings, options))
    elif options.command == "reseal":
        return uvloop.run(reseal_command.run(service.name, settings, service.make_holdings(settings), options))
    else:
        subjects = service.make_subjects(settings, SystemClock())
        return asyncio.run(redriving.run(service.name, settings, subjects, options))
    return 0


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {service.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("api", help="serve HTTP (and WebSockets)")
    commands.add_parser("worker", help="relay the outbox, consume events, keep house")
    commands.add_parser("migrate", help="bring the database to the newest version")
    redriving.add_parser(commands)
    audit_command.add_parser(commands)
    reseal_command.add_parser(commands)
    return parser


async def _work(service: Service, settings: ServiceSettings) -> None:
    database = Database(settings, application=f"{service.name} worker")
    broker = make_broker(settings, client_id=f"{service.name}-worker")
    clock = SystemClock()
    subjects = service.make_subjects(settings, clock)
    try:
        await Worker(
            service.name,
            settings,
            database=database,
            broker=broker,
            clock=clock,
            subjects=subjects,
            jobs=service.make_jobs(settings, clock, database),
        ).run()
    finally:
        await _close(subjects)
        await database.close()


async def _close(subjects: Sequence[Subject]) -> None:
    for subject in subjects:
        if subject.opens is not None:
            await subject.opens.close()


def run(service: Service) -> None:
    sys.exit(main(service))
