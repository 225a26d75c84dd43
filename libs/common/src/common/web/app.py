"""The skeleton of a service's HTTP application, and how it is served and stopped."""

import asyncio
import gc
import resource
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext, suppress
from functools import partial
from typing import Any

import uvicorn
from fastapi import APIRouter, FastAPI, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from common.access import PERMISSIONS, Table
from common.auth import DEVELOPMENT_ISSUER
from common.bulk import BulkLimits
from common.settings import ServiceSettings
from common.telemetry import get_logger
from common.web import problems
from common.web.agreement import agree
from common.web.exchange import Correlation
from common.web.openapi import describe
from common.web.rates import Limits
from common.web.terminals import TrustedProxies
from common.web.wire import BoundedHttp

PROVES_NOTHING = "the development issuer signs the tokens: it proves nobody's identity, and whoever reads the state folder can be anybody"
Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

CHECK_SECONDS = 3.0
MOST_FILES = 65_536
log = get_logger("web")


def create_app(
    *,
    title: str,
    description: str,
    routers: Sequence[APIRouter],
    checks: Mapping[str, Check],
    settings: ServiceSettings,
    lifespan: Lifespan | None = None,
    service: str | None = None,
    permissions: Table = PERMISSIONS,
    frames: Collection[str] = (),
) -> FastAPI:
    """Put an application together.

    Args:
        service: whose operations are offered; every route must have its row in the table, and every row its route.
        frames: types of the frames that a socket of this service takes; each has a row too.
        settings: how callers reach it (trusted proxies, public address), and the limits that they have to keep.
        checks: engine name → coroutine that raises when the engine is out of reach; `/readyz` runs them all.
        lifespan: opens and closes what the routes use; it may fill `app.state`.

    Raises:
        ValueError: routes and table do not agree (S1-093); the text says where.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app) if lifespan is not None else nullcontext():
            yield
        with suppress(Exception):  # Redis may be gone; nothing depends on a polite farewell
            await limits.close()

    responses: dict[int | str, dict[str, Any]] = {
        "4XX": problems.described("Refused: the answer names the field or the missing fact"),
        "503": problems.described("An engine is out of reach; nothing was done"),
    }
    app = FastAPI(title=title, description=description, version="1", lifespan=life, responses=responses)
    app.state.proxies, app.state.public_url = TrustedProxies.of(settings), settings.public_url
    app.state.limits = limits = Limits(settings)
    app.state.bulk = BulkLimits(settings, permissions.of_service(service) if service else ())
    app.state.export_destinations = frozenset(settings.export_destinations)
    problems.install(app)
    warnings = [PROVES_NOTHING] if settings.issuer == DEVELOPMENT_ISSUER else []
    for warning in warnings if service else []:
        log.warning("identity.development_issuer", warning=warning, service=service)
    app.include_router(health_router(checks, warnings))
    for router in routers:
        app.include_router(router)
    app.state.permissions = permissions
    if service is not None:
        agree(app, permissions.of_service(service), frames)
        describe(app, permissions.of_service(service), settings)
    app.add_middleware(Correlation)
    _settle(app, routers)
    return app


def _settle(app: FastAPI, routers: Sequence[APIRouter]) -> None:
    """From now on no route is added. The framework would count them all anew, to find that out, for each request."""
    for router in (app.router, *routers):
        count = router._get_routes_version()  # noqa: SLF001 - it knows no other way
        router._get_routes_version = partial(_counted, count)  # type: ignore[method-assign] # noqa: SLF001


def _counted(count: int, seen: set[int] | None = None) -> int:
    del seen
    return count


def health_router(checks: Mapping[str, Check], warnings: Sequence[str] = ()) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", operation_id="health.alive", summary="Is this process alive")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz", operation_id="health.ready", summary="Can it serve, engines included")
    async def readyz() -> JSONResponse:
        results = dict(zip(checks, await asyncio.gather(*(_probe(c) for c in checks.values())), strict=True))
        ready = all(r == "ok" for r in results.values())
        told: dict[str, Any] = {"status": "ready" if ready else "not ready", "checks": results}
        return JSONResponse(told | ({"warnings": list(warnings)} if warnings else {}), 200 if ready else 503)

    @router.get("/metrics", operation_id="health.metrics", summary="Prometheus metrics", include_in_schema=False)
    async def metrics() -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    return router


async def _probe(check: Check) -> str:
    try:
        await asyncio.wait_for(check(), CHECK_SECONDS)
    except NotReadyError as reason:
        return str(reason)
    except Exception as error:  # noqa: BLE001 - whatever it is, the answer is: not ready
        return type(error).__name__
    return "ok"


class NotReadyError(Exception):
    """Raised by a check whose text may be shown."""


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT; then take no new connection and finish what is in hand."""
    # What was loaded stays: looking through it for cycles again and again takes time from those who wait for an answer.
    gc.collect()
    gc.freeze()
    allow_files()
    uvicorn.run(app, **server_options(settings))


def allow_files(wanted: int = MOST_FILES) -> None:
    """Have this process open as many descriptors as it may, up to `wanted`: many systems begin with 1,024, a connection each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))


def server_options(settings: ServiceSettings) -> dict[str, Any]:
    """How uvicorn is run, measured best for chat: sans-I/O WebSockets, uvloop, httptools (bounded), no compression."""
    return {
        "host": settings.host,
        "port": settings.port,
        "ws": "websockets-sansio",
        "loop": "uvloop",
        "http": BoundedHttp,
        "ws_per_message_deflate": False,
        # Beyond this the server ends the connection (1009); the chat refuses less than this with an error frame.
        "ws_max_size": 262_144,
        "backlog": 4096,
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,
        "timeout_graceful_shutdown": int(settings.stop_after_seconds),
    }
