"""Composition root: the only place of this service where things are created."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import cast

from fastapi import FastAPI
from prometheus_client import Gauge

from common import tasks
from common.auth import TokenVerifier
from common.cli import Service
from common.clock import Clock, SystemClock
from common.database import Database
from common.jobs import Job
from common.messaging.consumer import Subject, is_outage
from common.pii import taxonomy
from common.protection.keyring import Keyring
from common.protection.making import make_keyring, make_service_keys
from common.releases import subjects
from common.releases.keys import GrantKeys
from common.settings import ServiceSettings
from common.web import audit_routes
from common.web.app import create_app
from transcripts import consumers
from transcripts.api import own_transcripts, router
from transcripts.holdings import make_holdings
from transcripts.releases import routes
from transcripts.repository.capture import waiting
from transcripts.repository.reading import HIDDEN
from transcripts.settings import TranscriptsSettings

NAME = "transcripts"
WATCH_SECONDS = 15.0


def make_app(settings: ServiceSettings, *, clock: Clock | None = None, keyring: Keyring | None = None) -> FastAPI:
    """The HTTP application. `clock` and `keyring` are given by tests only.

    Raises:
        ValueError: the settings do not say where the keys are, or the taxonomy does not hold together.
        OSError: the agency's file of the taxonomy cannot be read.
    """
    own = cast("TranscriptsSettings", settings)
    own.check()
    term_key = settings.term_key()  # missing, the service must not start
    kinds = taxonomy.load(own.pii_taxonomy_file)
    clock = clock or SystemClock()
    keys = keyring or make_keyring(settings, application=NAME)
    service_keys = make_service_keys(settings, NAME, clock)
    database = Database(settings, application="transcripts api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock = database, clock
        app.state.keyring, app.state.service_keys = keys, service_keys
        app.state.verifier, app.state.term_key = TokenVerifier(settings, clock), term_key
        app.state.grant_keys, app.state.taxonomy = GrantKeys(own.grant_keys, holder=NAME), kinds
        app.state.release_copy_seconds = own.release_copy_seconds
        watch = asyncio.create_task(_watch(database, clock))
        try:
            yield
        finally:
            await tasks.end(watch)
            await keys.close()
            await service_keys.close()
            await database.close()

    return create_app(
        service="transcripts",
        title="Muniment transcripts",
        description="Sealed transcripts of conversations: search and read for a stated purpose, verify, see who looked.",
        routers=[
            router,
            routes.router,
            audit_routes.router,
            audit_routes.own_accesses("transcript.accesses-own", own_transcripts, hidden=HIDDEN),
        ],
        checks={"database": database.ping},
        settings=settings,
        lifespan=lifespan,
    )


def make_subjects(settings: ServiceSettings, clock: Clock, keyring: Keyring | None = None) -> list[Subject]:
    """What the worker hears."""
    keys = keyring or make_keyring(settings, application=f"{NAME} worker")
    return [
        *consumers.make_subjects(clock, keys, make_service_keys(settings, NAME, clock)),
        *subjects.make_subjects(NAME),
    ]


def make_jobs(_settings: ServiceSettings, clock: Clock, database: Database) -> Sequence[Job]:
    """What the worker does by the clock."""
    return subjects.make_jobs(NAME, clock, database)


async def _watch(database: Database, clock: Clock) -> None:
    """Keep the gauges fresh also while nothing arrives: that is when they matter."""
    while True:
        try:
            await watch_once(database, clock)
        except Exception as error:
            if not is_outage(error):
                raise
        await asyncio.sleep(WATCH_SECONDS)


async def watch_once(database: Database, clock: Clock) -> None:
    """Set both gauges to what the store says now."""
    async with database.reading() as session:
        open_sessions, oldest = await waiting(session, now=clock.now())
    open_gauge, unsealed_gauge = gauges()
    open_gauge.set(open_sessions)
    unsealed_gauge.set(oldest)


@cache
def gauges() -> tuple[Gauge, Gauge]:
    """Open sessions, and the age of the oldest closed one without a seal; in the process that watches, and no other."""
    return (
        Gauge("muniment_transcripts_assemblies_open", "Sessions whose transcript is not sealed"),
        Gauge("muniment_transcripts_unsealed_oldest_seconds", "Age of the oldest closed session without a seal"),
    )


SERVICE = Service(
    name="transcripts",
    settings=TranscriptsSettings,
    migrations=Path(__file__).parent / "migrations",
    make_app=make_app,
    make_subjects=make_subjects,
    make_holdings=make_holdings,
    make_jobs=make_jobs,
)
