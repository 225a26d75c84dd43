"""The command line of a service's own key: `python -m <service> reseal [--new-version | --status | --retire]`.

Without an option everything is written anew that is of an older version. What is done is an act of a person, and leaves an
entry in the audit trail with the versions and the columns.
"""

import argparse
import getpass
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

import asyncpg

from common import audit
from common.auth import Principal
from common.clock import Clock, SystemClock
from common.database import Database
from common.errors import OperatorError
from common.protection import resealing
from common.protection.keyring import Keyring
from common.protection.making import make_service_keys
from common.protection.resealing import Kept, Progress, Rewriter
from common.protection.service_keys import TAKES_EFFECT, ServiceKeys
from common.settings import ServiceSettings

TOLD_EVERY = 2.0
"""Seconds between two lines about the progress."""


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a service keeps under its own key.

    Attributes:
        keyring: what opens the values behind blind indexes, if anything; it is closed in the end.
    """

    tables: Sequence[Kept] = ()
    keyring: Keyring | None = None


def nothing_kept(_: ServiceSettings) -> Holdings:
    """Of a service without a key of its own."""
    return Holdings()


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("reseal", help="write what is under the service's own key anew, under its new version")
    add_options(parser)


def add_options(parser: argparse.ArgumentParser) -> None:
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--new-version",
        action="store_true",
        help=f"make a new version; it is written with {TAKES_EFFECT.total_seconds():.0f} seconds later",
    )
    what.add_argument("--status", action="store_true", help="the versions, and how many rows are of an older one")
    what.add_argument("--retire", action="store_true", help="remove older versions; refused while a row is of one")


async def run(service: str, settings: ServiceSettings, holdings: Holdings, options: argparse.Namespace) -> int:
    """Do what was asked for. Returns the exit code: 1 when rows are left.

    Raises:
        HeldError: a version that is to be retired is still needed.
        OperatorError: the database was not migrated to this program's version.
        ValueError: the settings do not say where the keys are.
    """
    if not holdings.tables:
        print(f"{service} keeps nothing under a key of its own.")
        return 0
    clock, database = SystemClock(), Database(settings, application=f"{service} reseal")
    keys = make_service_keys(settings, service, clock)
    work = _Work(database, keys, holdings.tables, clock)
    try:
        await keys.ready()
        if options.new_version:
            return await work.add_version()
        if options.retire:
            return await work.retire()
        return await (work.status() if options.status else work.reseal())
    except (asyncpg.UndefinedTableError, asyncpg.UndefinedColumnError):
        raise OperatorError(
            f"The database of {service} is of an older version than this program: migrate first."
        ) from None
    finally:
        await keys.close()
        await database.close()
        if holdings.keyring is not None:
            await holdings.keyring.close()


@dataclass(frozen=True, slots=True)
class _Work:
    database: Database
    keys: ServiceKeys
    tables: Sequence[Kept]
    clock: Clock

    async def status(self) -> int:
        versions = await self.keys.versions()
        for version in versions:
            print(f"version {version.number}, written with from {version.used_from:%Y-%m-%d %H:%M:%S} UTC")
        async with self.database.reading() as session:
            found = await resealing.of_older_versions(session, self.tables, versions[-1].number)
        for table, number in found.items():
            print(f"  {table}: {number} rows of an older version than {versions[-1].number}")
        return 0

    async def add_version(self) -> int:
        number = await self.keys.add_version()
        await self._record("service_key.add", number)
        used_from = {v.number: v.used_from for v in await self.keys.versions()}[number]
        print(f"Version {number} is written with from {used_from:%H:%M:%S} UTC on: reseal then.")
        return 0

    async def reseal(self) -> int:
        keys = await self.keys.ready()
        newest = (await self.keys.versions())[-1]
        if newest.number > keys.newest:
            print(f"Version {newest.number} is written with from {newest.used_from:%H:%M:%S} UTC on: reseal then.")
            return 1
        async with self.database.reading() as session:
            found = await resealing.of_older_versions(session, self.tables, keys.newest)
        concerned = [kept for kept in self.tables if found[kept.table]]
        if concerned:  # before the first row: what is rewritten has its entry, also when this is killed
            await self._record("service_key.reseal", keys.newest, concerned)
        left = 0
        for kept in self.tables:
            progress = await Rewriter(self.database, keys, told=_Teller()).reseal(kept)
            left += progress.left
            print(_said(progress))
        if left:
            print("Rows are left whose value is not known now, or that others hold: run this again later.")
        return 1 if left else 0

    async def retire(self) -> int:
        number = await resealing.retire(self.database, self.keys, self.tables, now=self.clock.now())
        await self._record("service_key.retire", number)
        print(f"Only version {number} is left.")
        return 0

    async def _record(self, action: str, version: int, concerned: Sequence[Kept] = ()) -> None:
        operator = Principal(f"operator:{getpass.getuser()}", frozenset())
        fields = [f"{kept.table}.{column}" for kept in concerned for column in kept.columns]
        event = audit.AuditEvent(
            operator, f"console:{socket.gethostname()}", action, "done", [f"version:{version}"], fields
        )
        async with self.database.unit_of_work() as session:
            await audit.record(session, event, now=self.clock.now())


class _Teller:
    """Prints the progress now and then."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def __call__(self, progress: Progress) -> None:
        if time.monotonic() - self._told_at >= TOLD_EVERY:
            self._told_at = time.monotonic()
            print(_said(progress), flush=True)


def _said(progress: Progress) -> str:
    left = f", {progress.left} left" if progress.left else ""
    return f"{progress.table}: {progress.done} of {progress.found} rows rewritten{left}"
