"""The command line that every service has: `python -m <package> api|worker|migrate|redrive`."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
import uvloop
from fastapi import FastAPI

from common import telemetry
from common.audit.heads import HeadKeyError
from common.clock import Clock, SystemClock
from common.contracts.envelope import UnusableEventError
from common.database import Database
from common.engines import make_broker
from common.errors import MunimentError
from common.messaging import dead_letters
from common.messaging.broker import ReceivedRecord
from common.messaging.consumer import Consumer, Subject
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
    """

    name: str
    settings: type[ServiceSettings]
    migrations: Path
    make_app: Callable[[ServiceSettings], FastAPI]
    make_subjects: Callable[[ServiceSettings, Clock], Sequence[Subject]]


def main(service: Service, arguments: Sequence[str] | None = None) -> int:
    """Run one of the service's processes. Returns the exit code."""
    options = _parser(service).parse_args(arguments)
    settings = service.settings()
    telemetry.set_up(settings, service.name)
    if options.command == "api":
        serve(service.make_app(settings), settings)
    elif options.command == "worker":
        try:
            uvloop.run(_work(service, settings))
        except HeadKeyError as error:
            print(f"{error}", file=sys.stderr)
            return 1
    elif options.command == "migrate":
        from common.migrations import NotTheOwnerError, upgrade  # noqa: PLC0415 - Alembic is for this command only

        try:
            upgrade(service.migrations, settings)
        except NotTheOwnerError as error:
            print(f"{error}", file=sys.stderr)
            return 1
    else:
        return asyncio.run(_redrive(service, settings, options))
    return 0


def _parser(service: Service) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m {service.name}")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("api", help="serve HTTP (and WebSockets)")
    commands.add_parser("worker", help="relay the outbox, consume events, keep house")
    commands.add_parser("migrate", help="bring the database to the newest version")
    redrive = commands.add_parser("redrive", help="list events that were set aside, or handle them again")
    redrive.add_argument("--id", type=UUID, help="only this one")
    redrive.add_argument("--all", action="store_true", help="handle again what is listed (without it: list only)")
    return parser


async def _work(service: Service, settings: ServiceSettings) -> None:
    database = Database(settings, application=f"{service.name} worker")
    broker = make_broker(settings, client_id=f"{service.name}-worker")
    clock = SystemClock()
    try:
        await Worker(
            service.name,
            settings,
            database=database,
            broker=broker,
            clock=clock,
            subjects=service.make_subjects(settings, clock),
        ).run()
    finally:
        await database.close()


async def _redrive(service: Service, settings: ServiceSettings, options: argparse.Namespace) -> int:
    clock = SystemClock()
    database = Database(settings, application=f"{service.name} redrive")
    broker = make_broker(settings, client_id=f"{service.name}-redrive")  # never opened: handling again needs no log
    consumers = {
        s.group: Consumer(s, database=database, broker=broker, clock=clock)
        for s in service.make_subjects(settings, clock)
    }
    failed = 0
    try:
        async with database.reading() as session:
            letters = await dead_letters.list_open(session, options.id)
        for letter in letters:
            place = f"{letter['topic']}/{letter['partition']}@{letter['offset']}"
            print(f"{letter['id']}  {letter['consumer_group']}  {place}  {letter['error_class']}: {letter['reason']}")
            if options.all or options.id:
                record = ReceivedRecord(
                    letter["topic"], letter["partition"], letter["offset"], letter["key"], letter["value"] or b"",
                    orjson.loads(letter["headers"]),
                )  # fmt: skip
                outcome = await _redrive_one(consumers.get(letter["consumer_group"]), record, letter["id"])
                failed += outcome != "handled"
                print(f"    {outcome}")
        print(
            f"{len(letters)} set aside"
            + (f", {len(letters) - failed} handled again" if options.all or options.id else "")
        )
    finally:
        await database.close()
    return 1 if failed else 0


async def _redrive_one(consumer: Consumer | None, record: ReceivedRecord, letter_id: UUID) -> str:
    if consumer is None:
        return "left: no consumer of this name any more"
    if not record.value:
        return "left: its content was withheld from this store; the sender has to send a corrected event"
    try:
        await consumer.redrive(record, letter_id)
    except (MunimentError, UnusableEventError) as error:
        return f"left: {error}"
    return "handled"


def run(service: Service) -> None:
    sys.exit(main(service))
