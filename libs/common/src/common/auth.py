"""Who is calling: a bearer token (JWT) checked against the issuer's keys. Nothing a client says besides it counts."""

import hashlib
import json
from base64 import urlsafe_b64decode
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from joserfc import jws, jwt
from joserfc.errors import JoseError

from common.clock import Clock
from common.dpop import Proof, ProofError, Proofs, bound_to
from common.engines import make_redis
from common.errors import ForbiddenError, UnauthenticatedError
from common.issuer_keys import ALGORITHMS, IssuerKeys
from common.roles import EMPLOYEES, PROGRAMS, ROLES, roles_of
from common.settings import ServiceSettings

if TYPE_CHECKING:
    import httpx

MAX_TOKEN_BYTES = 8192
LEEWAY_SECONDS = 30
KEPT_TOKENS = 4096
LAST_MOMENT = 253_402_300_800
"""The year 10000: what lies beyond is no date."""

TOKEN_TYPES = frozenset({"jwt", "at+jwt"})
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_header_length = MAX_TOKEN_BYTES
DEVELOPMENT_ISSUER = "https://issuer.muniment.localhost"

__all__ = ["EMPLOYEES", "PROGRAMS", "ROLES", "Principal", "TokenVerifier", "bearer", "sorted_roles"]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller who proved who they are.

    Attributes:
        id: the token's subject.
        roles: those that count, of those the token names (`common.roles`).
        claims: what else the issuer says (pin, office, region, position, ial, aal, auth_time …).
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
    """Checks tokens against the issuer's keys, and proofs of possession against tokens that are bound to a key.

    A token's signature is checked once: what it said is kept until it expires or the issuer's keys change.
    """

    def __init__(self, settings: ServiceSettings, clock: Clock, *, client: "httpx.AsyncClient | None" = None) -> None:
        if settings.issuer == DEVELOPMENT_ISSUER and settings.profile != "embedded":
            raise ValueError("the development issuer is admitted in the embedded profile only: set MUNIMENT_ISSUER")
        self._issuer = settings.issuer
        self._audience = settings.audience
        self._clock = clock
        self._keys = IssuerKeys(settings.jwks, ca_file=settings.issuer_ca_file, client=client)
        self._verified: OrderedDict[bytes, _Verified] = OrderedDict()
        redis = None if settings.redis_url == "memory://" else make_redis(settings)
        self._proofs = Proofs(clock, redis=redis, nonce_key=settings.dpop_nonce_key.get_secret_value())
        self._must_be_bound = frozenset(settings.dpop_required)
        if unknown := self._must_be_bound - ROLES - {"everybody"}:
            raise ValueError(f"MUNIMENT_DPOP_REQUIRED names what is no role: {', '.join(sorted(unknown))}")
        if self._must_be_bound and not settings.public_url:
            raise ValueError("MUNIMENT_DPOP_REQUIRED needs MUNIMENT_PUBLIC_URL: proofs are made for an address")

    @property
    def nonce(self) -> str:
        """The nonce that the next proof has to carry; empty where none is asked for."""
        return self._proofs.nonce()

    async def verify(self, token: str, proof: Proof | None = None) -> Principal:
        """Check a token, and the proof if the token is bound to a key.

        Args:
            proof: what the request showed; None where nothing can be shown, so that bound tokens are refused.

        Raises:
            UnauthenticatedError: it proves nothing; the text says what is wrong with it.
            ProofError: it is bound to a key that was not shown, or its role's tokens must be and it is not.
            UnavailableError: there are no keys to check it with.
        """
        if len(token) > MAX_TOKEN_BYTES:
            raise UnauthenticatedError("the token is larger than 8 KiB")
        await self._keys.current()
        digest = hashlib.sha256(token.encode(errors="replace")).digest()
        known = self._verified.get(digest)
        if known is None or known.generation != self._keys.generation:
            claims = await self._claims(token)
            known = _Verified(self._principal(claims), bound_to(claims), self._keys.generation)
            self._keep(digest, known)
        elif known.principal.expires_at + LEEWAY_SECONDS < self._clock.now().timestamp():
            del self._verified[digest]
            raise UnauthenticatedError("the token has expired")
        await self._check_possession(token, known, proof)
        return known.principal

    async def _check_possession(self, token: str, known: "_Verified", proof: Proof | None) -> None:
        if known.thumbprint is not None:
            await self._proofs.check(proof or Proof("", "", ""), token=token, thumbprint=known.thumbprint)
        elif proof is not None and proof.text:
            raise ProofError("a proof came with a token that is bound to no key", code="invalid_token")
        elif self._must_be_bound and not self._must_be_bound.isdisjoint({"everybody", *known.principal.roles}):
            raise ProofError("this role's tokens must be bound to a key (DPoP)", code="invalid_token")

    def _keep(self, digest: bytes, verified: "_Verified") -> None:
        self._verified[digest] = verified
        while len(self._verified) > KEPT_TOKENS:
            self._verified.popitem(last=False)

    async def _claims(self, token: str) -> Mapping[str, Any]:
        algorithm, kid = _header(token)
        for source in (self._keys.of, self._keys.anew):
            for key in await source(kid, algorithm):
                try:
                    return jwt.decode(token, key, registry=_REGISTRY).claims
                except (JoseError, ValueError, TypeError, RecursionError):
                    continue
        raise UnauthenticatedError("the token's signature does not hold")

    def _principal(self, claims: Mapping[str, Any]) -> Principal:
        now = self._clock.now().timestamp()
        audience = claims.get("aud")
        if not self._issuer or claims.get("iss") != self._issuer:
            raise UnauthenticatedError("the token comes from another issuer")
        if self._audience not in (audience if isinstance(audience, list) else [audience]):
            raise UnauthenticatedError("the token is meant for somebody else")
        expires, begins, issued = (_moment(claims.get(name)) for name in ("exp", "nbf", "iat"))
        if expires is None or expires + LEEWAY_SECONDS < now:
            raise UnauthenticatedError("the token has expired")
        for moment, name in ((begins, "nbf"), (issued, "iat")):
            if (moment is None and name in claims) or (moment or 0) - LEEWAY_SECONDS > now:
                raise UnauthenticatedError("the token is not valid yet")
        subject, roles = claims.get("sub"), claims.get("roles", [])
        if not isinstance(subject, str) or not subject or not isinstance(roles, list):
            raise UnauthenticatedError("the token names no subject or its roles are malformed")
        return Principal(subject, roles_of(claims), dict(claims), int(expires))


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token proved, the key it is bound to, and the set of the issuer's keys that said so."""

    principal: Principal
    thumbprint: str | None
    generation: int


def _header(token: str) -> tuple[str, str | None]:
    """A token's algorithm and key id. Where else it says that its key is to be found (jku, jwk, x5u, x5c) is not asked.

    Raises:
        UnauthenticatedError: the header is none, or asks for what is not done here.
    """
    try:
        header = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    except (ValueError, RecursionError):
        header = None
    if not isinstance(header, dict):
        raise UnauthenticatedError("the token is no JWT")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "JWT")
    if not isinstance(algorithm, str) or algorithm not in ALGORITHMS:
        raise UnauthenticatedError("the token's algorithm is not one of " + ", ".join(ALGORITHMS))
    if "crit" in header or "b64" in header:
        raise UnauthenticatedError("the token asks for an extension that is not known here")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TOKEN_TYPES:
        raise UnauthenticatedError("the token is of another type: it must be an access token")
    if kid is not None and not isinstance(kid, str):
        raise UnauthenticatedError("the token's key id is malformed")
    return algorithm, kid


def _moment(value: object) -> float | None:
    """Seconds since the epoch, if they are such: no text, no truth value, not infinite."""
    ok = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < LAST_MOMENT
    return float(value) if ok else None  # type: ignore[arg-type]


def bearer(header: str | None) -> str:
    """The token of an `Authorization` header, of the scheme Bearer, or DPoP for a token that is bound to a key.

    Raises:
        UnauthenticatedError: there is none.
    """
    scheme, _, token = (header or "").partition(" ")
    if scheme.lower() not in {"bearer", "dpop"} or not token.strip():
        raise UnauthenticatedError("a bearer token is needed in the Authorization header")
    return token.strip()


def sorted_roles(principal: Principal) -> Sequence[str]:
    return sorted(principal.roles)
