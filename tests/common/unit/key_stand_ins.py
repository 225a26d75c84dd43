"""Stand-ins that speak the HTTP APIs of Vault's Transit and of AWS KMS, with outages and refusals on demand."""

import base64
import hashlib
import hmac
import os
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route


class StandIn:
    """Attributes:
    down: answers as a server that is sealed or broken.
    asked: the paths or operations that were asked for.
    """

    def __init__(self) -> None:
        self.down = False
        self.asked: list[str] = []
        self.versions: dict[int, bytes] = {1: os.urandom(32)}

    @property
    def newest(self) -> int:
        return max(self.versions)

    def seal(self, plain: bytes, context: bytes) -> tuple[int, str]:
        nonce = os.urandom(12)
        sealed = nonce + AESGCM(self.versions[self.newest]).encrypt(nonce, plain, context)
        return self.newest, base64.b64encode(sealed).decode()

    def open(self, version: int, text: str, context: bytes) -> bytes:
        """Raises: ValueError: wrong version, context or content."""
        sealed = base64.b64decode(text)
        try:
            return AESGCM(self.versions[version]).decrypt(sealed[:12], sealed[12:], context)
        except (InvalidTag, KeyError):
            raise ValueError("cannot be opened") from None


class Vault(StandIn):
    """Transit with one key `muniment-events`, derived, under the token `good`."""

    @property
    def transport(self) -> httpx.ASGITransport:
        return httpx.ASGITransport(
            Starlette(routes=[Route("/v1/transit/{path:path}", self._serve, methods=["GET", "POST"])])
        )

    async def _serve(self, request: Request) -> Response:  # noqa: PLR0911 - a line for each answer of the API
        what = request.path_params["path"].split("/")
        self.asked.append("/".join(what))
        if self.down:
            return JSONResponse({"errors": ["Vault is sealed"]}, 503)
        if request.headers.get("x-vault-token") != "good":
            return JSONResponse({"errors": ["permission denied"]}, 403)
        content: dict[str, Any] = await request.json() if await request.body() else {}
        if what[-1] == "rotate":
            self.versions[self.newest + 1] = os.urandom(32)
            return Response(status_code=204)
        if what[-1] == "trim":
            self.versions = {n: k for n, k in self.versions.items() if n >= content["min_available_version"]}
            return Response(status_code=204)
        if what[-1] == "config":
            return Response(status_code=204)
        if what == ["keys", "muniment-events"]:
            return JSONResponse({"data": {"latest_version": self.newest}})
        if what[-1] != "muniment-events":
            return JSONResponse({"errors": ["encryption key not found"]}, 400)
        results = [self._one(what[0], item) for item in content["batch_input"]]
        # As Vault does: one that fails says so in its own place, and the whole is a 400.
        return JSONResponse({"data": {"batch_results": results}}, 400 if any("error" in r for r in results) else 200)

    def _one(self, what: str, item: dict[str, str]) -> dict[str, str]:
        context = base64.b64decode(item["context"])
        if what == "encrypt":
            version, sealed = self.seal(base64.b64decode(item["plaintext"]), context)
            return {"ciphertext": f"vault:v{version}:{sealed}"}
        _, version_text, sealed = item["ciphertext"].split(":")
        try:
            return {"plaintext": base64.b64encode(self.open(int(version_text[1:]), sealed, context)).decode()}
        except ValueError:
            return {"error": "invalid ciphertext: unable to decrypt"}


class Kms(StandIn):
    """KMS with one key, and the endpoint that gives containers their credentials; checks signatures as AWS describes it."""

    SECRETS = {"AKIDEXAMPLE": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "ASIATEMP": "temporary"}  # noqa: RUF012

    def __init__(self, now: datetime) -> None:
        super().__init__()
        self.now = now
        self.allowed = {"Encrypt", "Decrypt"}
        self.throttled = False

    @property
    def transport(self) -> httpx.ASGITransport:
        routes = [Route("/", self._serve, methods=["POST"]), Route("/credentials", self._credentials)]
        return httpx.ASGITransport(Starlette(routes=routes))

    async def _credentials(self, request: Request) -> Response:
        self.asked.append("credentials")
        if request.headers.get("authorization") != "pod-token":
            return Response(status_code=401)
        until = (self.now + timedelta(hours=1)).astimezone(UTC).isoformat().replace("+00:00", "Z")
        found = {"AccessKeyId": "ASIATEMP", "SecretAccessKey": "temporary", "Token": "session", "Expiration": until}
        return JSONResponse(found)

    async def _serve(self, request: Request) -> Response:  # noqa: PLR0911 - a line for each answer of the API
        operation = request.headers["x-amz-target"].removeprefix("TrentService.")
        self.asked.append(operation)
        if self.down:
            return JSONResponse({"__type": "KMSInternalException"}, 500)
        if self.throttled:
            return JSONResponse({"__type": "ThrottlingException"}, 400)
        body = await request.body()
        if not self._signed(request, body):
            return JSONResponse({"__type": "InvalidSignatureException"}, 400)
        if operation not in self.allowed:
            return JSONResponse({"__type": "com.amazonaws.kms#AccessDeniedException"}, 400)
        content = await request.json()
        if content["KeyId"] != "alias/muniment-events":
            return JSONResponse({"__type": "NotFoundException"}, 400)
        context = repr(sorted(content.get("EncryptionContext", {}).items())).encode()
        if operation == "Encrypt":
            _, sealed = self.seal(base64.b64decode(content["Plaintext"]), context)
            return JSONResponse({"CiphertextBlob": sealed})
        if operation == "Decrypt":
            try:
                plain = self.open(1, content["CiphertextBlob"], context)
            except ValueError:
                return JSONResponse({"__type": "InvalidCiphertextException"}, 400)
            return JSONResponse({"Plaintext": base64.b64encode(plain).decode()})
        return JSONResponse({})

    def _signed(self, request: Request, body: bytes) -> bool:
        kind, _, rest = request.headers["authorization"].partition(" ")
        said = dict(part.strip().split("=", 1) for part in rest.split(","))
        key_id, day, region, service, end = said["Credential"].split("/")
        moment = datetime.strptime(request.headers["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if (kind, end, service) != ("AWS4-HMAC-SHA256", "aws4_request", "kms") or abs(moment - self.now) > timedelta(
            minutes=5
        ):
            return False
        names = said["SignedHeaders"].split(";")
        if not {"host", "x-amz-date", "x-amz-target"} <= set(names):
            return False
        canonical = "\n".join(
            [
                "POST",
                "/",
                "",
                *(f"{n}:{request.headers[n].strip()}" for n in names),
                "",
                ";".join(names),
                hashlib.sha256(body).hexdigest(),
            ]
        )
        key = ("AWS4" + self.SECRETS[key_id]).encode()
        for part in (day, region, service, end):
            key = hmac.new(key, part.encode(), "sha256").digest()
        text = "\n".join(
            [
                "AWS4-HMAC-SHA256",
                request.headers["x-amz-date"],
                f"{day}/{region}/{service}/{end}",
                hashlib.sha256(canonical.encode()).hexdigest(),
            ]
        )
        return hmac.compare_digest(hmac.new(key, text.encode(), "sha256").hexdigest(), said["Signature"])
