"""Composition root: the one place where this service's parts are made and joined."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from common.audit import witness
from common.auth import TokenVerifier
from common.cli import Service
from common.clock import Clock, SystemClock
from common.database import Database
from common.federal_calendar import FederalCalendar, load_closures
from common.jobs import Job
from common.messaging.consumer import Subject
from common.pii import taxonomy
from common.protection.making import make_service_keys
from common.settings import ServiceSettings
from common.web import audit_routes
from common.web.app import create_app
from disclosure import (
    accounting_routes,
    grants,
    informing_routes,
    notice_routes,
    outbound,
    register_routes,
    registers,
    repository,
    rulebook,
)
from disclosure.api import public, router
from disclosure.auditing import report_routes
from disclosure.auditing import routes as auditing_routes
from disclosure.consumers import SUBJECTS, releases, silence
from disclosure.holdings import make_holdings
from disclosure.incidents import alarm, recapture_routes
from disclosure.incidents import law_files as incident_law
from disclosure.incidents import routes as incident_routes
from disclosure.individuals import own_routes
from disclosure.individuals import routes as individual_routes
from disclosure.individuals.doors import aims
from disclosure.individuals.identity import table
from disclosure.individuals.states import machine
from disclosure.packages import media_routes
from disclosure.packages import routes as package_routes
from disclosure.packages.law_files import machines_of_packages, marking, sending
from disclosure.settings import DisclosureSettings
from disclosure.tables import SigningKey

DESCRIPTION = """
May these records leave? Under which published routine use, and what is missing? What left, when, why and to whom?

Ask (`POST /v1/requests`), have somebody else decide (`POST /v1/requests/{id}/decision`), read why
(`GET /v1/decisions/{id}`). Undecided names the facts that are missing and never acts as allow.
"""


def make_app(settings: ServiceSettings, clock: Clock | None = None) -> FastAPI:
    """The HTTP application.

    Raises:
        ValueError: the settings name no usable key for grants, do not say where the service's keys are, or the rules or the taxonomy do not hold together.
        OSError: the agency's file of the taxonomy cannot be read.
    """
    own = cast("DisclosureSettings", settings)
    own.check()
    for system in rulebook.SYSTEMS:
        rulebook.current(system)
    kinds = taxonomy.load(own.pii_taxonomy_file)
    _read_the_law()
    clock = clock or SystemClock()
    database = Database(own, application="disclosure api")
    signers = SignerSource(own, database, clock)
    column_keys = make_service_keys(own, "disclosure", clock)
    term_key = own.term_key()  # missing, the service must not start

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        app.state.database = database
        app.state.clock = clock
        app.state.taxonomy = kinds
        app.state.agency = own.agency()
        app.state.verifier = TokenVerifier(own, clock)
        app.state.signer = signers.get
        app.state.grant_seconds = own.grant_seconds
        registers.watch(clock)
        app.state.column_keys = column_keys
        app.state.term_key = term_key
        app.state.calendar = FederalCalendar(load_closures())
        app.state.incident_district_minutes = own.incident_district_minutes
        yield
        await column_keys.close()
        await database.close()

    return create_app(
        service="disclosure",
        title="Muniment disclosure",
        description=DESCRIPTION,
        routers=[
            router,
            accounting_routes.router,
            register_routes.router,
            notice_routes.router,
            own_routes.router,
            individual_routes.router,
            package_routes.router,
            media_routes.router,
            informing_routes.router,
            auditing_routes.router,
            incident_routes.router,
            recapture_routes.router,
            report_routes.router,
            public,
            registers.router,
            outbound.router,
            audit_routes.router,
        ],
        checks={"database": database.ping},
        settings=settings,
        lifespan=life,
    )


def _read_the_law() -> None:
    """Who has to prove what, what may become of a request or a package, where it belongs, and how it may go: a file that
    does not hold together stops the service.

    Raises:
        ValueError: the text says where.
    """
    table()
    machine()
    aims()
    machines_of_packages()
    sending()
    marking()
    incident_law.triggers()
    incident_law.limits()
    incident_law.risk()


class SignerSource:
    """Gives the signer of release grants: from the named file at once, else from the store when first asked.

    Raises:
        ValueError: the named file holds no usable key.
    """

    def __init__(self, settings: DisclosureSettings, database: Database, clock: Clock) -> None:
        file = settings.grant_key_file
        self._signer = grants.Signer(grants.read_keys(file)) if file else None
        self._database = database
        self._clock = clock
        self._lock = asyncio.Lock()

    async def get(self) -> grants.Signer:
        async with self._lock:
            if self._signer is None:
                self._signer = await self._kept()
            return self._signer

    async def _kept(self) -> grants.Signer:
        key = grants.new_key()
        made = SigningKey(id=str(key.kid), private=grants.written(key), made_at=self._clock.now())
        async with self._database.unit_of_work() as session:
            rows = await repository.signing_keys(session, made)
            return grants.Signer([key for row in rows for key in grants.keys_in(row.private)])


def make_subjects(settings: ServiceSettings, clock: Clock) -> Sequence[Subject]:
    """What the worker hears; disclosure is also a witness of the other services' audit heads."""
    return (*SUBJECTS, releases(clock), witness.subject("disclosure", settings.audit_keys, clock))


def make_jobs(_settings: ServiceSettings, clock: Clock, database: Database) -> Sequence[Job]:
    """What the worker does by the clock."""
    return (silence(clock, database), alarm.job(clock, database))


SERVICE = Service(
    name="disclosure",
    settings=DisclosureSettings,
    migrations=Path(__file__).parent / "migrations",
    make_app=make_app,
    make_subjects=make_subjects,
    make_holdings=make_holdings,
    make_jobs=make_jobs,
)
