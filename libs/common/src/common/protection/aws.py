"""The key service of AWS: KMS by its HTTP API, requests signed here (Signature Version 4).

The role of a service needs `kms:Encrypt` and `kms:Decrypt` on the key, best with the condition that the encryption
context holds `muniment`. KMS keeps its versions to itself and rotates every year when that is switched on; retiring what
old ones wrapped means another key. Credentials come from the environment (`AWS_ACCESS_KEY_ID` and the like) or from the
container credentials endpoint that ECS and EKS Pod Identity offer.
"""

import asyncio
import base64
import hashlib
import hmac
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from common.clock import Clock
from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError
from common.protection.key_service import Plain, Wrapped

SECONDS = 5.0
AT_ONCE = 16
BEFORE_EXPIRY = timedelta(minutes=5)
_PASSING = frozenset(
    {"ThrottlingException", "KMSInternalException", "DependencyTimeoutException", "KeyUnavailableException"}
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """Whom requests are signed as. `until`: when they run out; None: never."""

    key_id: str
    secret: str = field(repr=False)
    session: str = field(default="", repr=False)
    until: datetime | None = None


def signing_key(secret: str, day: str, region: str, service: str) -> bytes:
    """The key of one day, region and service, derived from the secret."""
    key = f"AWS4{secret}".encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), hashlib.sha256)
    return key


def signed_headers(
    credentials: Credentials, *, url: str, target: str, body: bytes, region: str, now: datetime, service: str = "kms"
) -> dict[str, str]:
    """The headers of a signed POST (AWS Signature Version 4).

    Args:
        target: KMS's operation, `TrentService.Encrypt`.
    """
    moment, day = now.strftime("%Y%m%dT%H%M%SZ"), now.strftime("%Y%m%d")
    parts = urlsplit(url)
    headers = {
        "content-type": "application/x-amz-json-1.1",
        "host": parts.netloc,
        "x-amz-date": moment,
        "x-amz-target": target,
    }
    if credentials.session:
        headers["x-amz-security-token"] = credentials.session
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = f"POST\n{parts.path or '/'}\n\n{lines}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    scope = f"{day}/{region}/{service}/aws4_request"
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    key = signing_key(credentials.secret, day, region, service)
    signature = hmac.digest(key, text.encode(), hashlib.sha256).hex()
    headers["authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
    )
    return headers


class AwsKeyService:
    """Args:
    key: id, ARN or alias of the key (`alias/muniment-events`).
    region: `us-gov-west-1` and the like.
    endpoint: another address than the region's own, such as a VPC endpoint's.
    """

    def __init__(
        self,
        key: str,
        *,
        region: str,
        clock: Clock,
        endpoint: str = "",
        environment: Mapping[str, str] = os.environ,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._key, self._region, self._clock = key, region, clock
        self._url = (endpoint or f"https://kms.{region}.amazonaws.com").rstrip("/") + "/"
        self._environment = environment
        self._client = httpx.AsyncClient(timeout=SECONDS, transport=transport)
        self._credentials: Credentials | None = None
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def wrap(self, keys: Sequence[Plain]) -> list[Wrapped]:
        work = [{"Plaintext": base64.b64encode(k.secret).decode(), **self._said(k.context)} for k in keys]
        found = await asyncio.gather(*(self._ask("Encrypt", one) for one in work))
        return [Wrapped(f"aws:{one['CiphertextBlob']}", k.context) for one, k in zip(found, keys, strict=True)]

    async def unwrap(self, keys: Sequence[Wrapped]) -> list[bytes]:
        work = [{"CiphertextBlob": k.text.removeprefix("aws:"), **self._said(k.context)} for k in keys]
        found = await asyncio.gather(*(self._ask("Decrypt", one) for one in work))
        return [base64.b64decode(one["Plaintext"]) for one in found]

    async def newest(self) -> int:
        return 0

    def version_of(self, wrapped: str) -> int:  # noqa: ARG002 - KMS does not show it
        return 0

    async def rotate(self) -> int:
        await self._ask("RotateKeyOnDemand", {"KeyId": self._key})
        return 0

    async def retire(self, below: int) -> None:
        raise KeyServiceDeniedError(
            f"KMS keeps every version of a key (below {below} too): to end what old ones wrapped, wrap under another key and "
            "schedule the deletion of this one"
        )

    async def close(self) -> None:
        await self._client.aclose()

    def _said(self, context: str) -> dict[str, Any]:
        return {"KeyId": self._key, "EncryptionContext": {"muniment": context}}

    async def _ask(self, operation: str, content: Mapping[str, Any]) -> dict[str, Any]:
        target, body = f"TrentService.{operation}", orjson.dumps(content)
        async with self._turns:
            try:
                credentials = await self._current()
                headers = signed_headers(
                    credentials, url=self._url, target=target, body=body, region=self._region, now=self._clock.now()
                )
                answer = await self._client.post(self._url, content=body, headers=headers)
            except (httpx.HTTPError, OSError) as error:
                raise KeyServiceUnavailableError(f"KMS is out of reach: {type(error).__name__}") from None
        if answer.is_success:
            return dict(orjson.loads(answer.content)) if answer.content else {}
        kind = _kind(answer)
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or kind in _PASSING:
            raise KeyServiceUnavailableError(f"KMS answers {answer.status_code} {kind}")
        raise KeyServiceDeniedError(f"KMS answers {answer.status_code} {kind} to {operation}")

    async def _current(self) -> Credentials:
        known = self._credentials
        if known is None or (known.until is not None and known.until - BEFORE_EXPIRY <= self._clock.now()):
            self._credentials = known = await self._fetched()
        return known

    async def _fetched(self) -> Credentials:
        found = self._environment
        if found.get("AWS_ACCESS_KEY_ID") and found.get("AWS_SECRET_ACCESS_KEY"):
            session = found.get("AWS_SESSION_TOKEN", "")
            return Credentials(found["AWS_ACCESS_KEY_ID"], found["AWS_SECRET_ACCESS_KEY"], session)
        place = found.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        if not place:
            raise KeyServiceDeniedError("no AWS credentials: neither in the environment nor from a container endpoint")
        token = _container_token(found)
        answer = await self._client.get(place, headers={"Authorization": token} if token else {})
        if answer.is_error:
            raise KeyServiceUnavailableError(f"the credentials endpoint answers {answer.status_code}")
        given = answer.json()
        until = datetime.fromisoformat(given["Expiration"]) if given.get("Expiration") else None
        return Credentials(given["AccessKeyId"], given["SecretAccessKey"], given.get("Token", ""), until)


def _container_token(environment: Mapping[str, str]) -> str:
    if file := environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"):
        return Path(file).read_text().strip()
    return environment.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")


def _kind(answer: httpx.Response) -> str:
    try:
        return str(answer.json().get("__type", "")).rpartition("#")[2]
    except ValueError:
        return ""
