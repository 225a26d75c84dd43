"""The skeleton of a service's HTTP application, and how it is served and stopped."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import structlog
import uvicorn
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.access import PERMISSIONS, Table
from common.errors import TooLargeError
from common.ids import new_id
from common.settings import ServiceSettings
from common.telemetry import get_logger, request_span
from common.web import problems
from common.web.agreement import agree
from common.web.terminals import TrustedProxies

Check = Callable[[], Awaitable[None]]
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]

MAX_BODY_BYTES = 1_000_000
CHECK_SECONDS = 3.0
_CORRELATION = re.compile(r"^[A-Za-z0-9._-]{1,64}$")

DURATION = Histogram(
    "muniment_http_seconds",
    "Time to answer, by route template",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)
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
        settings: how callers reach it: trusted proxies, public address.
        checks: engine name → coroutine that raises when the engine is out of reach; `/readyz` runs them all.
        lifespan: opens and closes what the routes use; it may fill `app.state`.

    Raises:
        ValueError: routes and table do not agree (S1-093); the text says where.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        if lifespan is None:
            yield
            return
        async with lifespan(app):
            yield

    responses: dict[int | str, dict[str, Any]] = {
        "4XX": {
            "model": problems.Problem,
            "description": "Refused: the answer names the field or the missing fact",
        },
        "503": {"model": problems.Problem, "description": "An engine is out of reach; nothing was done"},
    }
    app = FastAPI(title=title, description=description, version="1", lifespan=life, responses=responses)
    app.state.proxies, app.state.public_url = TrustedProxies.of(settings), settings.public_url
    problems.install(app)
    app.include_router(health_router(checks))
    for router in routers:
        app.include_router(router)
    app.state.permissions = permissions
    if service is not None:
        agree(app, permissions.of_service(service), frames)
    app.add_middleware(Correlation)
    return app


def health_router(checks: Mapping[str, Check]) -> APIRouter:
    router = APIRouter(tags=["health"])

    @router.get("/livez", operation_id="health.alive", summary="Is this process alive")
    async def livez() -> dict[str, str]:
        return {"status": "alive"}

    @router.get("/readyz", operation_id="health.ready", summary="Can it serve, engines included")
    async def readyz() -> JSONResponse:
        results = dict(zip(checks, await asyncio.gather(*(_probe(c) for c in checks.values())), strict=True))
        ready = all(r == "ok" for r in results.values())
        return JSONResponse({"status": "ready" if ready else "not ready", "checks": results}, 200 if ready else 503)

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


class Correlation:
    """Outermost layer: correlation id, trace, size limit, duration. Plain ASGI, so that streams and sockets pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        given = headers.get("x-request-id", "")
        correlation_id = given if _CORRELATION.match(given) else str(new_id())
        scope.setdefault("state", {})["correlation_id"] = correlation_id
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._http(scope, receive, send, headers, correlation_id)

    async def _http(
        self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str], correlation_id: str
    ) -> None:
        began, exchange = time.perf_counter(), _Exchange(receive, send, correlation_id)
        with request_span(scope["method"], headers) as span:
            try:
                if int(headers.get("content-length", "0") or 0) > MAX_BODY_BYTES:
                    exchange.too_large = True
                else:
                    await self._app(scope, exchange.receive, exchange.send)
                if exchange.too_large:
                    await self._answer(scope, exchange, BodyTooLargeError())
            except Exception as error:  # noqa: BLE001 - nothing passes this layer: a server would log it with its text
                await self._answer(scope, exchange, error)
            finally:
                route = getattr(scope.get("route"), "path", "unmatched")
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": exchange.status})
                DURATION.labels(scope["method"], route, exchange.status).observe(time.perf_counter() - began)

    async def _answer(self, scope: Scope, exchange: "_Exchange", error: Exception) -> None:
        response = problems.unforeseen(Request(scope), error)
        exchange.too_large = False
        if exchange.status == 0:
            await response(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer as they pass: counts the body, adds the correlation id, knows whether it began."""

    def __init__(self, receive: Receive, send: Send, correlation_id: str) -> None:
        self._receive = receive
        self._send = send
        self._correlation_id = correlation_id.encode()
        self._size = 0
        self.status = 0
        self.too_large = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._size += len(message.get("body", b""))
        if self._size > MAX_BODY_BYTES:
            self.too_large = True
            return {"type": "http.disconnect"}
        return message

    async def send(self, message: Message) -> None:
        if self.too_large:
            return  # whatever the route makes of half a body, the answer is another
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message["headers"] = [*message.get("headers", []), (b"x-request-id", self._correlation_id)]
        await self._send(message)


class BodyTooLargeError(TooLargeError):
    def __init__(self) -> None:
        super().__init__(f"a request may carry {MAX_BODY_BYTES} bytes at most")


def serve(app: FastAPI, settings: ServiceSettings) -> None:
    """Serve until SIGTERM or SIGINT; then take no new connection and finish what is in hand."""
    uvicorn.run(app, **server_options(settings))


def server_options(settings: ServiceSettings) -> dict[str, Any]:
    """How uvicorn is run, measured best for chat: sans-I/O WebSockets, uvloop, httptools, no compression."""
    return {
        "host": settings.host,
        "port": settings.port,
        "ws": "websockets-sansio",
        "loop": "uvloop",
        "http": "httptools",
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
