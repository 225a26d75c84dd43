"""Composition root: the only place of this service where things are created."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from common.audit import witness
from common.auth import TokenVerifier
from common.cli import Service
from common.clock import Clock, SystemClock
from common.database import Database
from common.messaging.consumer import Subject
from common.settings import ServiceSettings
from common.web import audit_routes
from common.web.app import create_app
from retention import consumers
from retention.api import router
from retention.series import load_series
from retention.settings import RetentionSettings


def make_app(settings: ServiceSettings, *, clock: Clock | None = None) -> FastAPI:
    """The HTTP application. `clock` is given by tests only."""
    clock = clock or SystemClock()
    series = load_series()  # malformed, the service must not start
    database = Database(settings, application="retention api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock, app.state.series = database, clock, series
        app.state.verifier = TokenVerifier(settings, clock)
        try:
            yield
        finally:
            await database.close()

    return create_app(
        service="retention",
        title="Muniment retention",
        description="The register of every record, and whether one may be disposed of: with every reason why not yet.",
        routers=[router, audit_routes.router],
        checks={"database": database.ping},
        settings=settings,
        lifespan=lifespan,
    )


def make_subjects(settings: ServiceSettings, clock: Clock) -> list[Subject]:
    """What the worker hears; retention is also a witness of the other services' audit heads."""
    return [
        consumers.subject(load_series(), clock),
        witness.subject("retention", settings.audit_keys, clock),
    ]


SERVICE = Service(
    name="retention",
    settings=RetentionSettings,
    migrations=Path(__file__).parent / "migrations",
    make_app=make_app,
    make_subjects=make_subjects,
)
