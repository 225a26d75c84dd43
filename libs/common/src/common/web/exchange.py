"""The outermost layer of every application: one request and its answer, and the bounds that both have to keep.

Plain ASGI, so that streams and sockets pass untouched. Nothing passes it unanswered: a server would log a failure with
its text, which may quote what was sent.
"""

import asyncio
import re
from collections.abc import Mapping
from time import perf_counter
from typing import Any

import structlog
from prometheus_client import Histogram
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from common.errors import InvalidError, MunimentError, TooLargeError
from common.ids import new_id
from common.telemetry import request_span
from common.web import problems
from common.web.callers import terminal_of
from common.web.rates import Charge, Limits

MAX_BODY_BYTES = 1_000_000
SMALL_BODY_BYTES = 16_384
MAX_DEPTH = 64
BODY_SECONDS = 20.0
"""Within this a request's body has to be here."""

UNAUTHENTICATED = 401
_UNLIMITED = frozenset({"/livez", "/readyz", "/metrics"})
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_CORRELATION = re.compile(r"^[A-Za-z0-9._-]{1,64}$")

DURATION = Histogram(
    "muniment_http_seconds",
    "Time to answer, by route template",
    ["method", "route", "status"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
)


class Correlation:
    """Correlation id, trace, limits by terminal, bounds of size and time, duration."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        headers = {k.decode("latin-1"): v.decode("latin-1") for k, v in scope["headers"]}
        given = headers.get("x-request-id", "")
        correlation_id = given if _CORRELATION.match(given) else str(new_id())
        # A server may hand the same state to all requests (it is the application's): what is this one's stays its own.
        scope["state"] = {**scope.get("state", {}), "correlation_id": correlation_id}
        with structlog.contextvars.bound_contextvars(correlation_id=correlation_id):
            if scope["type"] == "websocket":
                await self._app(scope, receive, send)
            else:
                await self._http(scope, receive, send, headers)

    async def _http(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        began, exchange = perf_counter(), _Exchange(scope, receive, send, headers)
        with request_span(scope["method"], headers) as span:
            try:
                await admit(scope)
                if b"%00" in scope.get("raw_path", b"") or b"%00" in scope.get("query_string", b""):
                    exchange.refusal = NulError()
                elif exchange.announced > exchange.limit:
                    exchange.refusal = BodyTooLargeError(exchange.limit)
                else:
                    await self._app(scope, exchange.receive, exchange.send)
                if exchange.refusal is not None:
                    await _answer(scope, exchange, exchange.refusal)
            except Exception as error:  # noqa: BLE001 - nothing passes this layer
                await _answer(scope, exchange, exchange.refusal or error)
            finally:
                if exchange.status == UNAUTHENTICATED:
                    await count_failure(scope)
                route = getattr(scope.get("route"), "path", "unmatched")
                span.update_name(f"{scope['method']} {route}")
                span.set_attributes({"http.route": route, "http.response.status_code": exchange.status})
                DURATION.labels(scope["method"], route, exchange.status).observe(perf_counter() - began)


async def admit(scope: Scope) -> None:
    """Count a request or a handshake towards the limit of its terminal, and look whether too many failed from there.

    Raises:
        TooManyError: one limit or the other is reached.
    """
    limits: Limits | None = getattr(scope["app"].state, "limits", None)
    if limits is not None and scope["path"] not in _UNLIMITED:
        where = terminal_of(scope)
        await limits.require(Charge("terminal", where), Charge("failures", where, cost=0))


async def count_failure(scope: Scope) -> None:
    """Somebody at this terminal did not prove who they are."""
    limits: Limits | None = getattr(scope["app"].state, "limits", None)
    if limits is not None:
        await limits.charge(Charge("failures", terminal_of(scope)))


async def _answer(scope: Scope, exchange: "_Exchange", error: Exception) -> None:
    response = problems.unforeseen(Request(scope), error)
    exchange.refusal = None
    if exchange.status == 0:
        await response(scope, exchange.receive, exchange.send)


class _Exchange:
    """One request and its answer as they pass."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, headers: Mapping[str, str]) -> None:
        self._state: dict[str, Any] = scope["state"]
        self._receive = receive
        self._send = send
        self._size = 0
        self._complete = False
        self._depth = _Depth() if "json" in headers.get("content-type", "json") else None
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        length = headers.get("content-length", "")
        self.announced = int(length) if length.isascii() and length.isdigit() else 0
        self.limit = body_limit(scope["method"], scope["path"])
        self.status = 0
        self.refusal: MunimentError | None = None

    async def receive(self) -> Message:
        try:
            async with asyncio.timeout_at(None if self._complete else self._deadline):
                message = await self._receive()
        except TimeoutError:
            return self._end(BodyTooSlowError())
        body = message.get("body", b"")
        self._size += len(body)
        self._complete = not message.get("more_body", False)
        if self._size > self.limit:
            return self._end(BodyTooLargeError(self.limit))
        if self._depth is not None and body:
            if self._depth.goes_beyond(body, MAX_DEPTH):
                return self._end(NestedTooDeepError())
            if _NUL.search(body):
                return self._end(NulError())
        return message

    def _end(self, refusal: MunimentError) -> Message:
        """What the route makes of half a body does not matter: the answer is the refusal."""
        self._complete, self.refusal = True, refusal
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        if self.refusal is not None:
            return
        if message["type"] == "http.response.start":
            self.status = message["status"]
            more = {"x-request-id": self._state["correlation_id"], **self._state.get("rate_headers", {})}
            present = {name.lower() for name, _ in message.get("headers", [])}
            fresh = [(k.lower().encode(), v.encode()) for k, v in more.items() if k.lower().encode() not in present]
            message["headers"] = [*message.get("headers", []), *fresh]
        await self._send(message)


class _Depth:
    """How deep the JSON read so far is nested; strings count for nothing, wherever a message was cut in two."""

    _TOKEN = re.compile(rb'[\[\]{}"\\]')

    def __init__(self) -> None:
        self._depth = 0
        self._quoted = self._escaped = False

    def goes_beyond(self, body: bytes, most: int) -> bool:
        if not self._quoted and self._depth + body.count(b"[") + body.count(b"{") <= most and b'"' not in body:
            self._depth += body.count(b"[") + body.count(b"{") - body.count(b"]") - body.count(b"}")
            return False
        escaped_at = 0 if self._escaped else -1
        for found in self._TOKEN.finditer(body):
            token, at = found[0], found.start()
            if self._quoted:
                if token == b"\\" and at != escaped_at:
                    escaped_at = at + 1
                elif token == b'"' and at != escaped_at:
                    self._quoted = False
            elif token == b'"':
                self._quoted = True
            elif token in b"[{":
                self._depth += 1
                if self._depth > most:
                    return True
            elif token in b"]}":
                self._depth -= 1
        self._escaped = escaped_at == len(body)
        return False


def body_limit(method: str, path: str) -> int:
    """Most bytes of a body, by class: who only asks has little to say."""
    return MAX_BODY_BYTES if method in {"POST", "PUT", "PATCH"} and not path.endswith("/search") else SMALL_BODY_BYTES


class BodyTooLargeError(TooLargeError):
    def __init__(self, most: int) -> None:
        super().__init__(f"this request may carry {most} bytes at most")


class BodyTooSlowError(MunimentError):
    status, kind, title, retryable = 408, "too-slow", "The request took too long to arrive", True

    def __init__(self) -> None:
        super().__init__(f"the body has to be here within {BODY_SECONDS:.0f} s")
        self.headers = {"Connection": "close"}


class NulError(InvalidError):
    """PostgreSQL keeps no U+0000 in text, so no field of any service can hold one."""

    def __init__(self) -> None:
        super().__init__("the character U+0000 can stand in no text: leave it out")


class NestedTooDeepError(InvalidError):
    def __init__(self) -> None:
        super().__init__(f"the JSON is nested deeper than {MAX_DEPTH} levels")
