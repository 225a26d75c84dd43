"""Composition root: the only place of this service where things are created."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

from fastapi import FastAPI

from common.auth import TokenVerifier
from common.cli import Service
from common.clock import Clock, SystemClock
from common.database import Database
from common.messaging.consumer import Subject
from common.settings import ServiceSettings
from common.web.app import create_app
from production import consumers
from production.api import router
from production.settings import ProductionSettings, zone


def make_app(settings: ServiceSettings, *, clock: Clock | None = None) -> FastAPI:
    """The HTTP application. `clock` is given by tests only."""
    chosen = cast("ProductionSettings", settings)
    clock = clock or SystemClock()
    database = Database(settings, application="production api")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock, app.state.zone = database, clock, zone(chosen.report_time_zone)
        app.state.verifier = TokenVerifier(settings, clock)
        try:
            yield
        finally:
            await database.close()

    return create_app(
        title="Muniment production",
        description="The work of the employees who answer: ingest, reports by role, the organisation chart. No social "
        "security number is taken on any way.",
        routers=[router],
        checks={"database": database.ping},
        settings=settings,
        lifespan=lifespan,
    )


def make_subjects(_settings: ServiceSettings, _clock: Clock) -> list[Subject]:
    """What the worker hears."""
    return [consumers.subject()]


SERVICE = Service(
    name="production",
    settings=ProductionSettings,
    migrations=Path(__file__).parent / "migrations",
    make_app=make_app,
    make_subjects=make_subjects,
)
