"""Composition root: the only place of this service where things are created."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from common.auth import Principal, TokenVerifier
from common.cli import Service
from common.clock import Clock, SystemClock
from common.database import Database
from common.dpop import Proof
from common.errors import ForbiddenError
from common.jobs import Job
from common.messaging.consumer import Subject
from common.pii.ssn import holds_ssn
from common.protection.keyring import Keyring
from common.protection.making import make_keyring, make_service_keys
from common.releases import subjects
from common.releases.keys import GrantKeys
from common.settings import ServiceSettings
from common.web import audit_routes
from common.web.app import create_app
from production import consumers
from production.api import router
from production.holdings import make_holdings
from production.offices import load as load_offices
from production.releases import routes
from production.settings import ProductionSettings, zone

NAME = "production"


class NoSsnVerifier(TokenVerifier):
    """Knows nobody whom the issuer names by a social security number: not even a refusal could be recorded (S3 2.5)."""

    async def verify(self, token: str, proof: Proof | None = None) -> Principal:
        """Raises ForbiddenError as well: the token names its owner by one."""
        principal = await super().verify(token, proof)
        if any(holds_ssn(str(value)) for value in (principal.id, *map(principal.claims.get, ("pin", "office")))):
            raise ForbiddenError("the token names its owner by what this service neither uses nor stores (S3 2.5)")
        return principal


def make_app(settings: ServiceSettings, *, clock: Clock | None = None, keyring: Keyring | None = None) -> FastAPI:
    """The HTTP application. `clock` and `keyring` are given by tests only.

    Raises:
        ValueError: the settings do not say where the keys are, or the register of offices does not hold together.
        OSError: the register cannot be read.
    """
    keys = keyring or make_keyring(settings, application=NAME)
    chosen = cast("ProductionSettings", settings)
    chosen.check()
    clock = clock or SystemClock()
    answering = load_offices(chosen.offices_file)  # one that does not hold together stops the service
    service_keys = make_service_keys(settings, NAME, clock)
    database = Database(settings, application="production api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock, app.state.zone = database, clock, zone(chosen.report_time_zone)
        app.state.keyring, app.state.service_keys = keys, service_keys
        app.state.offices = answering
        app.state.grant_keys = GrantKeys(chosen.grant_keys, holder=NAME)
        app.state.release_copy_seconds = chosen.release_copy_seconds
        app.state.verifier = NoSsnVerifier(settings, clock)
        try:
            yield
        finally:
            await keys.close()
            await service_keys.close()
            await database.close()

    return create_app(
        service="production",
        title="Muniment production",
        description="The work of the employees who answer: ingest, reports by role, the organisation chart. No social "
        "security number is taken on any way.",
        routers=[router, routes.router, audit_routes.router],
        checks={"database": database.ping},
        settings=settings,
        lifespan=lifespan,
    )


def make_subjects(settings: ServiceSettings, clock: Clock, keyring: Keyring | None = None) -> list[Subject]:
    """What the worker hears."""
    keys = keyring or make_keyring(settings, application=f"{NAME} worker")
    own = consumers.subject(keys, make_service_keys(settings, NAME, clock))
    return [own, *subjects.make_subjects(NAME, screen=consumers.refuse_ssn)]


def make_jobs(_settings: ServiceSettings, clock: Clock, database: Database) -> Sequence[Job]:
    """What the worker does by the clock."""
    return subjects.make_jobs(NAME, clock, database)


SERVICE = Service(
    name="production",
    settings=ProductionSettings,
    migrations=Path(__file__).parent / "migrations",
    make_app=make_app,
    make_subjects=make_subjects,
    make_holdings=make_holdings,
    make_jobs=make_jobs,
)
