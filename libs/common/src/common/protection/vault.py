"""The key service of HashiCorp Vault: the secrets engine Transit, by its HTTP API.

The policy of a service's token needs `update` on `<mount>/encrypt/<key>` and `<mount>/decrypt/<key>` and `read` on
`<mount>/keys/<key>`; rotating and retiring, which are the operator's, also `update` on `<mount>/keys/<key>/rotate`,
`/config` and `/trim`. The key is made with `derived=true`, so that a wrapped key opens with its context only.
"""

import base64
from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from common.protection.errors import KeyServiceDeniedError, KeyServiceUnavailableError
from common.protection.key_service import Plain, Wrapped

SECONDS = 5.0
MOST = 200
"""Keys in one request."""


class VaultKeyService:
    """Args:
    url: of Vault, `https://vault.agency.example:8200`.
    key: name of the key in Transit.
    token: the token itself, or nothing where `token_file` is read.
    token_file: where an agent keeps a token fresh; read anew for each request.
    ca_file: authority that signed Vault's certificate; empty: those of the system.
    """

    def __init__(
        self,
        url: str,
        key: str,
        *,
        token: str = "",
        token_file: str = "",
        mount: str = "transit",
        ca_file: str = "",
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._key, self._mount = key, mount
        self._token, self._token_file = token, token_file
        self._client = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=SECONDS, verify=ca_file or True, transport=transport
        )

    async def wrap(self, keys: Sequence[Plain]) -> list[Wrapped]:
        items = [{"plaintext": _coded(k.secret), "context": _coded(k.context.encode())} for k in keys]
        found = await self._batch("encrypt", items)
        return [Wrapped(str(one["ciphertext"]), k.context) for one, k in zip(found, keys, strict=True)]

    async def unwrap(self, keys: Sequence[Wrapped]) -> list[bytes]:
        items = [{"ciphertext": k.text, "context": _coded(k.context.encode())} for k in keys]
        return [base64.b64decode(one["plaintext"]) for one in await self._batch("decrypt", items)]

    async def newest(self) -> int:
        return int((await self._ask("GET", f"keys/{self._key}"))["latest_version"])

    def version_of(self, wrapped: str) -> int:
        number = wrapped.removeprefix("vault:v").partition(":")[0]
        return int(number) if wrapped.startswith("vault:v") and number.isdecimal() else 0

    async def rotate(self) -> int:
        await self._ask("POST", f"keys/{self._key}/rotate")
        return await self.newest()

    async def retire(self, below: int) -> None:
        await self._ask(
            "POST", f"keys/{self._key}/config", {"min_decryption_version": below, "min_encryption_version": 0}
        )
        await self._ask("POST", f"keys/{self._key}/trim", {"min_available_version": below})

    async def close(self) -> None:
        await self._client.aclose()

    async def _batch(self, what: str, items: Sequence[dict[str, str]]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for start in range(0, len(items), MOST):
            data = await self._ask("POST", f"{what}/{self._key}", {"batch_input": items[start : start + MOST]})
            found += data["batch_results"]
        if any(one.get("error") for one in found):
            raise KeyServiceDeniedError(f"Vault does not {what} one of these keys")
        return found

    async def _ask(self, method: str, path: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
        try:
            answer = await self._client.request(
                method, f"/v1/{self._mount}/{path}", json=content, headers={"X-Vault-Token": self._current_token()}
            )
        except (httpx.HTTPError, OSError) as error:
            raise KeyServiceUnavailableError(f"Vault is out of reach: {type(error).__name__}") from None
        if answer.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status_code == HTTPStatus.TOO_MANY_REQUESTS:
            raise KeyServiceUnavailableError(f"Vault answers {answer.status_code}")  # sealed, standby, or busy
        if answer.is_error:
            raise KeyServiceDeniedError(f"Vault answers {answer.status_code} to {path.partition('/')[0]}")
        return dict(answer.json().get("data") or {}) if answer.content else {}

    def _current_token(self) -> str:
        return Path(self._token_file).read_text().strip() if self._token_file else self._token


def _coded(content: bytes) -> str:
    return base64.b64encode(content).decode()
