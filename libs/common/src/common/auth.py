"""Who is calling: a bearer token (JWT) checked against the issuer's keys. Nothing a client says besides it counts."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from common.clock import Clock
from common.errors import ForbiddenError, UnauthenticatedError, UnavailableError
from common.settings import ServiceSettings

if TYPE_CHECKING:
    import httpx

ALGORITHMS = ["ES256", "EdDSA", "Ed25519", "RS256"]
MAX_TOKEN_BYTES = 8192
LEEWAY_SECONDS = 30
REFRESH_SECONDS = 300.0
DEVELOPMENT_ISSUER = "https://issuer.muniment.localhost"

EMPLOYEES = frozenset(
    {
        "agent", "supervisor", "quality_reviewer", "analyst", "office_admin", "regional_admin", "hq_admin",
        "privacy_officer", "records_officer", "auditor",
    }
)  # fmt: skip
"""Roles of the agency's own people."""

PROGRAMS = frozenset({"portal", "case_system"})
"""Roles of service clients, which come by client credentials: they have no PIN, no training and no card."""

ROLES = frozenset({"customer"}) | EMPLOYEES | PROGRAMS


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller who proved who they are.

    Attributes:
        id: the token's subject.
        claims: what else the issuer says (pin, office, region, ial, aal, auth_time …).
        expires_at: seconds since the epoch.
    """

    id: str
    roles: frozenset[str]
    claims: Mapping[str, Any] = field(default_factory=dict, repr=False)
    expires_at: int = 0

    def claim(self, name: str) -> str:
        """A text claim that must be there.

        Raises:
            ForbiddenError: the token lacks it.
        """
        value = self.claims.get(name)
        if not isinstance(value, str) or not value:
            raise ForbiddenError(f"the token carries no {name}", missing=[f"token.{name}"])
        return value

    def require(self, *roles: str) -> None:
        """Refuse a caller who has none of these roles.

        Raises:
            ForbiddenError: with the roles that would do.
        """
        if self.roles.isdisjoint(roles):
            raise ForbiddenError(f"this needs one of the roles {', '.join(sorted(roles))}")


class TokenVerifier:
    """Checks tokens against the issuer's key set, which is cached and fetched anew for an unknown key id.

    A failed fetch neither opens the door nor stops holders of tokens whose key is cached.
    """

    def __init__(self, settings: ServiceSettings, clock: Clock, *, client: "httpx.AsyncClient | None" = None) -> None:
        if settings.issuer == DEVELOPMENT_ISSUER and settings.profile != "embedded":
            raise ValueError("the development issuer is admitted in the embedded profile only: set MUNIMENT_ISSUER")
        self._issuer = settings.issuer
        self._audience = settings.audience
        self._source = settings.jwks
        self._clock = clock
        self._client = client
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._lock = asyncio.Lock()

    async def verify(self, token: str) -> Principal:
        """Check a token.

        Raises:
            UnauthenticatedError: it proves nothing; the text says what is wrong with it.
            UnavailableError: there are no keys yet to check it with.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise UnauthenticatedError("the token is larger than 8 KiB")
        try:
            decoded = jwt.decode(token, await self._key_set(), algorithms=ALGORITHMS)
        except (JoseError, ValueError):
            try:
                decoded = jwt.decode(token, await self._key_set(anew=True), algorithms=ALGORITHMS)
            except (JoseError, ValueError):
                raise UnauthenticatedError("the token's signature does not hold") from None
        return self._principal(decoded.claims)

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        now = self._clock.now().timestamp()
        audience = claims.get("aud")
        if claims.get("iss") != self._issuer:
            raise UnauthenticatedError("the token comes from another issuer")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise UnauthenticatedError("the token is meant for somebody else")
        expires, begins = claims.get("exp"), claims.get("nbf", 0)
        if not isinstance(expires, int | float) or expires + LEEWAY_SECONDS < now:
            raise UnauthenticatedError("the token has expired")
        if not isinstance(begins, int | float) or begins - LEEWAY_SECONDS > now:
            raise UnauthenticatedError("the token is not valid yet")
        subject, roles = claims.get("sub"), claims.get("roles", [])
        if not isinstance(subject, str) or not subject or not isinstance(roles, list):
            raise UnauthenticatedError("the token names no subject or its roles are malformed")
        return Principal(
            subject, ROLES.intersection(r for r in roles if isinstance(r, str)), dict(claims), int(expires)
        )

    async def _key_set(self, *, anew: bool = False) -> KeySet:
        # Monotonic: how long ago keys were fetched is a duration, not a date.
        age = time.monotonic() - self._fetched_at
        if self._keys is not None and age < (5.0 if anew else REFRESH_SECONDS):
            return self._keys
        async with self._lock:
            try:
                self._keys = KeySet.import_key_set(await self._fetch())
            except (OSError, ValueError, JoseError):
                if self._keys is None:
                    raise UnavailableError("the issuer's keys cannot be had for now") from None
            self._fetched_at = time.monotonic()
            return self._keys

    async def _fetch(self) -> Any:
        if not self._source.startswith(("https://", "http://127.0.0.1")):
            return json.loads(await asyncio.to_thread(Path(self._source).read_text))
        import httpx  # noqa: PLC0415 - keys in a file need no client

        if self._client is None:
            self._client = httpx.AsyncClient(timeout=5)
        try:
            return (await self._client.get(self._source)).raise_for_status().json()
        except httpx.HTTPError as error:
            raise OSError("the issuer does not answer") from error


def bearer(header: str | None) -> str:
    """The token of an `Authorization` header.

    Raises:
        UnauthenticatedError: there is none.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise UnauthenticatedError("a bearer token is needed in the Authorization header")
    return token.strip()


def sorted_roles(principal: Principal) -> Sequence[str]:
    return sorted(principal.roles)
