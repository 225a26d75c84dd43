"""What a look costs for being checked and recorded: one route behind the door, and the same route with no door at all.

Both do the same work in a transaction. Behind the door the token is checked, the table is asked, and the entry is written, which
also makes the transaction one that waits for the disk.
"""

import asyncio
import json
import statistics
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import uvicorn
from fastapi import APIRouter, FastAPI, Request

from common.audit import tree
from common.auth import TokenVerifier
from common.clock import SystemClock
from common.database import Database
from common.settings import ServiceSettings
from common.web.app import create_app, server_options
from common.web.door import AtDoor, Guarded
from muniment.bench.environment import Environment
from muniment.processes import free_port, inherited_environment

ROUNDS = 1500
WARM_UP = 200

guarded = APIRouter(route_class=Guarded)
bare = APIRouter()


@dataclass(frozen=True, slots=True)
class LookFigures:
    """Medians and 99th percentiles in milliseconds, of the same run."""

    guarded_ms: float
    bare_ms: float
    guarded_p99_ms: float
    bare_p99_ms: float

    @property
    def cost_ms(self) -> float:
        return self.guarded_ms - self.bare_ms


@guarded.get("/guarded", operation_id="audit.head")
async def behind_the_door(door: AtDoor) -> dict[str, bool]:
    async with door.open("audit.head", fields=["audit_head"]) as look:
        return {"found": await tree.last_head(look.session) is not None}


@bare.get("/bare")
async def without_a_door(request: Request) -> dict[str, bool]:
    async with request.app.state.database.unit_of_work() as session:
        return {"found": await tree.last_head(session) is not None}


async def run(environment: Environment, *, rounds: int = ROUNDS) -> LookFigures:
    """Ask both routes by turns over one connection."""
    url = await environment.database("retention")
    migrate = environment.service("retention", url, port=free_port(), command="migrate")
    await asyncio.to_thread(
        subprocess.run, migrate.argv, check=True, env={**inherited_environment(), **migrate.env}, cwd="/"
    )
    given = environment.settings(url, free_port())
    names: dict[str, Any] = {name.removeprefix("MUNIMENT_").lower(): value for name, value in given.items()}
    names["rate_limits"] = json.loads(names["rate_limits"])
    settings = ServiceSettings.model_validate(names)
    headers = {"Authorization": f"Bearer {environment.issuer.mint('auditor')}"}
    took: dict[str, list[float]] = {"guarded": [], "bare": []}
    async with _served(settings), httpx.AsyncClient(headers=headers) as client:
        for number in range(WARM_UP + rounds):
            for path, times in took.items():
                began = time.perf_counter()
                answer = await client.get(f"http://127.0.0.1:{settings.port}/{path}")
                if number >= WARM_UP:
                    times.append((time.perf_counter() - began) * 1000)
                answer.raise_for_status()
    p99 = {path: statistics.quantiles(times, n=100)[98] for path, times in took.items()}
    return LookFigures(statistics.median(took["guarded"]), statistics.median(took["bare"]), p99["guarded"], p99["bare"])


@asynccontextmanager
async def _served(settings: ServiceSettings) -> AsyncIterator[None]:
    server = uvicorn.Server(uvicorn.Config(_application(settings), **server_options(settings)))
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started and not serving.done():  # noqa: ASYNC110 - the server has no event for it
            await asyncio.sleep(0.01)
        yield
    finally:
        server.should_exit = True
        await serving


def _application(settings: ServiceSettings) -> FastAPI:
    clock, database = SystemClock(), Database(settings, application="bench looks")

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock, app.state.verifier = database, clock, TokenVerifier(settings, clock)
        yield
        await database.close()

    return create_app(
        title="bench", description="", routers=[guarded, bare], checks={}, settings=settings, lifespan=lifespan
    )
