"""Another system over HTTPS: client credentials (RFC 6749 4.4), a certificate of our own where it asks for one (mutual TLS).

What is agreed: `POST url` with `{"look_up_id", "file_id", "fields", "reason", "requested_by"}`, and for an answer
`200 {"fields": {name: text, whole number, true, false or null}}`, or 404 where there is no such file. The file's id stands in
the body, since addresses are logged on the way.
"""

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import orjson

from chat_gateway.lookups.adapter import Question, Value
from chat_gateway.lookups.circuit import Circuit
from chat_gateway.lookups.errors import NoSuchFileError, OtherSystemGarbledError, OtherSystemUnavailableError
from common.clock import Clock
from common.telemetry import get_logger

MOST_BYTES = 65_536
MOST_TEXT = 2_000
RENEW_BEFORE = timedelta(seconds=30)
_OK, _UNAUTHORISED, _MISSING, _BUSY, _SERVER = 200, 401, 404, 429, 500

log = get_logger("lookups")


@dataclass(frozen=True, slots=True)
class Access:
    """How the system is reached.

    Attributes:
        token_url: None where the certificate alone says who asks.
        seconds: longest wait for one look, the token included.
    """

    url: str
    seconds: float
    token_url: str | None = None
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    scope: str = ""


class HttpSystem:
    """Args:
    name: the system's code, for the log.
    tls: whom to believe, and with which certificate to prove oneself; None: whom this machine believes.
    """

    def __init__(self, name: str, access: Access, clock: Clock, tls: ssl.SSLContext | None = None) -> None:
        self._name = name
        self._access = access
        self._clock = clock
        self._circuit = Circuit()
        self._token: tuple[str, datetime] | None = None
        self._renewing = asyncio.Lock()
        self._client = httpx.AsyncClient(
            verify=tls or True, timeout=access.seconds, follow_redirects=False, trust_env=False
        )

    async def ask(self, question: Question) -> Mapping[str, Value]:
        if not self._circuit.admits(self._clock.now()):
            raise OtherSystemUnavailableError("it failed several times in a row and is left alone for half a minute")
        try:
            async with asyncio.timeout(self._access.seconds):
                found = await self._asked(question)
        except (httpx.HTTPError, TimeoutError, OtherSystemUnavailableError, OtherSystemGarbledError) as error:
            self._circuit.failed(self._clock.now())
            log.warning(
                "lookup.failed", system=self._name, error=type(error).__name__, circuit=self._circuit.state.value
            )
            if isinstance(error, TimeoutError | httpx.TimeoutException):
                raise OtherSystemUnavailableError("no answer came in time") from None
            if isinstance(error, httpx.HTTPError):
                raise OtherSystemUnavailableError("it cannot be reached") from None
            raise
        except NoSuchFileError:
            self._circuit.succeeded()
            raise
        except BaseException:
            self._circuit.gave_up()
            raise
        self._circuit.succeeded()
        return found

    async def close(self) -> None:
        await self._client.aclose()

    async def _asked(self, question: Question) -> Mapping[str, Value]:
        body = {
            "look_up_id": str(question.look_up_id),
            "file_id": question.file_id,
            "fields": sorted(question.fields),
            "reason": question.reason,
            "requested_by": question.agent,
        }
        status, content = await self._sent(body, await self._authorisation())
        if status == _UNAUTHORISED and self._access.token_url:
            self._token = None  # withdrawn before its time; a new one is tried once
            status, content = await self._sent(body, await self._authorisation())
        if status == _MISSING:
            raise NoSuchFileError
        if status != _OK:
            busy = status >= _SERVER or status == _BUSY
            raise OtherSystemUnavailableError(f"it answered {status}") if busy else OtherSystemGarbledError(f"{status}")
        return _read(content, question.fields)

    async def _sent(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> tuple[int, bytes]:
        async with self._client.stream("POST", self._access.url, json=body, headers=headers) as answer:
            return answer.status_code, await _bounded(answer)

    async def _authorisation(self) -> Mapping[str, str]:
        if self._access.token_url is None:
            return {}
        async with self._renewing:
            if self._token is None or self._token[1] <= self._clock.now():
                self._token = await self._new_token(self._access.token_url)
            return {"Authorization": f"Bearer {self._token[0]}"}

    async def _new_token(self, url: str) -> tuple[str, datetime]:
        form = {"grant_type": "client_credentials"} | ({"scope": self._access.scope} if self._access.scope else {})
        basic = httpx.BasicAuth(self._access.client_id, self._access.client_secret)
        async with self._client.stream("POST", url, data=form, auth=basic) as answer:
            content = await _bounded(answer)
            if answer.status_code != _OK:
                raise OtherSystemUnavailableError(f"no token was issued to the gateway ({answer.status_code})")
        said = _object(content)
        token, lasts = said.get("access_token"), said.get("expires_in", 60)
        if not isinstance(token, str) or not token.isprintable() or type(lasts) is not int:
            raise OtherSystemGarbledError("the token's form")
        return token, self._clock.now() + timedelta(seconds=lasts) - RENEW_BEFORE


async def _bounded(answer: httpx.Response) -> bytes:
    """Raises OtherSystemGarbledError: it is longer than an answer can be."""
    content = b""
    async for piece in answer.aiter_bytes():
        content += piece
        if len(content) > MOST_BYTES:
            raise OtherSystemGarbledError("it is too long")
    return content


def _read(content: bytes, wanted: frozenset[str]) -> Mapping[str, Value]:
    """Those of the fields that were asked for; whatever else came is dropped unread."""
    fields = _object(content).get("fields")
    if not isinstance(fields, dict):
        raise OtherSystemGarbledError("it has no fields")
    found = {name: value for name, value in fields.items() if name in wanted}
    for name, value in found.items():
        if not (value is None or isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= MOST_TEXT)):
            raise OtherSystemGarbledError(f"the form of {name}")
    return found


def _object(content: bytes) -> dict[str, Any]:
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        raise OtherSystemGarbledError("it is no JSON") from None
    if not isinstance(document, dict):
        raise OtherSystemGarbledError("it is no object")
    return document
