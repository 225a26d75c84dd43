"""The command `redrive`: list events that were set aside, handle them again, or dismiss one that can never be handled.

Dismissing is an act of a person: it asks for a coded reason and leaves an entry in the audit trail.
"""

import argparse
import getpass
import re
import socket
from collections.abc import Mapping, Sequence
from uuid import UUID

import asyncpg
import orjson

from common import audit
from common.auth import Principal
from common.clock import Clock, SystemClock
from common.contracts.envelope import UnusableEventError
from common.database import Database
from common.engines import make_broker
from common.errors import MunimentError, OperatorError
from common.messaging import dead_letters
from common.messaging.broker import ReceivedRecord
from common.messaging.consumer import Consumer, Subject
from common.settings import ServiceSettings

REASON = re.compile(r"[a-z][a-z0-9-]{2,39}")
ACTION = "dead_letter.drop"


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("redrive", help="list events that were set aside, handle them again, or dismiss one")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--id", type=UUID, help="handle this one again")
    what.add_argument("--all", action="store_true", help="handle all of them again (without either: list only)")
    what.add_argument("--drop", type=UUID, metavar="ID", help="dismiss this one: it can never be handled")
    parser.add_argument("--reason", metavar="CODE", help="why it is dismissed, as a code: sent-in-error, superseded, …")


async def run(service: str, settings: ServiceSettings, subjects: Sequence[Subject], options: argparse.Namespace) -> int:
    """Do what was asked for. Returns the exit code: 1 when an event was left.

    Raises:
        OperatorError: what is to be dismissed is not there, or no reason is given.
    """
    clock, database = SystemClock(), Database(settings, application=f"{service} redrive")
    try:
        if options.drop:
            await drop(database, options.drop, options.reason or "", clock=clock)
            print(f"{options.drop} is dismissed")
            return 0
        consumers = _consumers(service, settings, subjects, database, clock)
        return await _redrive(database, consumers, letter_id=options.id, handle=bool(options.all or options.id))
    finally:
        await database.close()


async def drop(database: Database, letter_id: UUID, reason: str, *, clock: Clock) -> None:
    """Dismiss a dead letter for good: it is no longer listed and no longer counts against the ceiling.

    Raises:
        OperatorError: the reason is no code, or no such letter is open.
    """
    if not REASON.fullmatch(reason):
        raise OperatorError("Say why with --reason and a code of small letters, digits and hyphens: sent-in-error.")
    operator = Principal(f"operator:{getpass.getuser()}", frozenset())
    event = audit.AuditEvent(
        operator, f"console:{socket.gethostname()}", ACTION, "done", [str(letter_id)], [f"dropped_for:{reason}"]
    )
    async with database.unit_of_work() as session:
        if not await dead_letters.drop(session, letter_id, reason, clock.now()):
            raise OperatorError(f"No event with the id {letter_id} is set aside here.")
        await audit.record(session, event, now=clock.now())


def _consumers(
    service: str, settings: ServiceSettings, subjects: Sequence[Subject], database: Database, clock: Clock
) -> dict[str, Consumer]:
    broker = make_broker(settings, client_id=f"{service}-redrive")  # never opened: handling again needs no log
    return {s.group: Consumer(s, database=database, broker=broker, clock=clock) for s in subjects}


async def _redrive(
    database: Database, consumers: Mapping[str, Consumer], *, letter_id: UUID | None, handle: bool
) -> int:
    async with database.reading() as session:
        letters = await dead_letters.list_open(session, letter_id)
    failed = 0
    for letter in letters:
        place = f"{letter['topic']}/{letter['partition']}@{letter['offset']}"
        print(f"{letter['id']}  {letter['consumer_group']}  {place}  {letter['error_class']}: {letter['reason']}")
        if handle:
            outcome = await _again(consumers.get(letter["consumer_group"]), letter)
            failed += outcome != "handled"
            print(f"    {outcome}")
    print(f"{len(letters)} set aside" + (f", {len(letters) - failed} handled again" if handle else ""))
    return 1 if failed else 0


async def _again(consumer: Consumer | None, letter: asyncpg.Record) -> str:
    if consumer is None:
        return "left: no consumer of this name any more"
    if not letter["value"]:
        return "left: its content was withheld from this store; the sender has to send a corrected event"
    record = ReceivedRecord(
        letter["topic"], letter["partition"], letter["offset"], letter["key"], letter["value"],
        orjson.loads(letter["headers"]),
    )  # fmt: skip
    try:
        await consumer.redrive(record, letter["id"])
    except (MunimentError, UnusableEventError) as error:
        return f"left: {error}"
    return "handled"
