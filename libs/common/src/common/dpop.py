"""Proof of possession (DPoP, RFC 9449): a token bound to a key is worth nothing without that key.

A caller signs a short-lived proof for each request: for this method and address, with this token, now, once. So a token
that was stolen from a log, a memory dump or a proxy cannot be replayed, nor can a request that was recorded.
"""

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, RSAKey

from common.clock import Clock
from common.errors import UnauthenticatedError
from common.issuer_keys import ALGORITHMS, MIN_RSA_BITS, PublicKey
from common.telemetry import get_logger

if TYPE_CHECKING:
    import redis.asyncio

MAX_PROOF_BYTES = 4096
WINDOW_SECONDS = 60
"""A proof may be this old, or this far ahead of our clock."""

NONCE_SECONDS = 300
MOST_REMEMBERED = 100_000
_JTI_BYTES = 256
_REGISTRY = jws.JWSRegistry(algorithms=list(ALGORITHMS), strict_check_header=False)
_REGISTRY.max_header_length = MAX_PROOF_BYTES
log = get_logger("dpop")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a request showed of its key, and what the request was, as this server saw it.

    Attributes:
        text: the header `DPoP`; empty when there was none.
        url: the request's address as the caller knows it, without query.
    """

    text: str = field(repr=False)
    method: str
    url: str


class ProofError(UnauthenticatedError):
    """The token is bound to a key, and the proof of that key is missing or wrong."""

    kind, title = "proof-of-possession", "The token's key was not shown"

    def __init__(self, detail: str, *, code: str = "invalid_dpop_proof", nonce: str = "") -> None:
        super().__init__(detail)
        self.headers = {"WWW-Authenticate": f'DPoP error="{code}", algs="{" ".join(ALGORITHMS)}"'}
        if nonce:
            self.headers["DPoP-Nonce"] = nonce


class Proofs:
    """Checks proofs.

    Args:
        redis: where used proofs are remembered for all processes; None: in this process.
        nonce_key: makes the nonces that proofs must carry; empty: they need none. The same in all processes.
    """

    def __init__(self, clock: Clock, *, redis: "redis.asyncio.Redis | None" = None, nonce_key: str = "") -> None:
        self._clock = clock
        self._nonce_key = nonce_key.encode()
        self._seen = SeenProofs(redis)

    async def check(self, proof: Proof, *, token: str, thumbprint: str) -> None:
        """Refuse a proof that does not show, for this request and token, the key with this thumbprint (RFC 9449, 4.3).

        Raises:
            ProofError: the text says what is wrong with it.
        """
        claims, key = _read(proof.text)
        if not hmac.compare_digest(key.thumbprint(), thumbprint):
            raise ProofError("the proof was made with another key than the token's")
        if claims.get("htm") != proof.method or not _same_place(claims.get("htu"), proof.url):
            raise ProofError("the proof is for another request: htm and htu must be this one's")
        digest = urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
        if claims.get("ath") != digest:
            raise ProofError("the proof is for another token: ath must be this one's digest")
        made, jti = claims.get("iat"), claims.get("jti")
        now = self._clock.now().timestamp()
        if not isinstance(made, int | float) or not abs(made - now) <= WINDOW_SECONDS:
            raise ProofError("the proof was not made just now: see iat, and your clock")
        self._check_nonce(claims.get("nonce"), now)
        if not isinstance(jti, str) or not 0 < len(jti.encode()) <= _JTI_BYTES:
            raise ProofError("the proof has no jti of 1 to 256 bytes")
        if not await self._seen.is_new(thumbprint, jti):
            raise ProofError("the proof was used before")

    def nonce(self) -> str:
        """The nonce of now; empty where none are asked for."""
        return self._nonce_at(self._clock.now().timestamp()) if self._nonce_key else ""

    def _check_nonce(self, given: object, now: float) -> None:
        if not self._nonce_key:
            return
        good = (self._nonce_at(now), self._nonce_at(now - NONCE_SECONDS))
        if not isinstance(given, str) or not any(hmac.compare_digest(given.encode(), one.encode()) for one in good):
            raise ProofError(
                "the proof must carry the nonce of the header DPoP-Nonce", code="use_dpop_nonce", nonce=good[0]
            )

    def _nonce_at(self, moment: float) -> str:
        return hmac.new(self._nonce_key, str(int(moment // NONCE_SECONDS)).encode(), "sha256").hexdigest()[:32]


class SeenProofs:
    """Remembers proofs for as long as they would pass: in Redis for all processes, else in this one.

    While Redis is out of reach each process remembers by itself: a proof may then pass once in each, never twice in one.
    """

    def __init__(self, redis: "redis.asyncio.Redis | None") -> None:
        self._redis = redis
        self._here: OrderedDict[bytes, float] = OrderedDict()

    async def is_new(self, thumbprint: str, jti: str) -> bool:
        digest = hashlib.sha256(f"{thumbprint} {jti}".encode()).digest()
        new_here = self._remember(digest)
        if self._redis is None or not new_here:
            return new_here
        import redis.exceptions  # noqa: PLC0415 - without Redis there is nothing to catch

        try:
            return bool(await self._redis.set(b"muniment:dpop:" + digest, b"", nx=True, ex=2 * WINDOW_SECONDS + 10))
        except (redis.exceptions.RedisError, OSError, TimeoutError) as error:
            log.warning("dpop.redis_out_of_reach", error=type(error).__name__)
            return True

    def _remember(self, digest: bytes) -> bool:
        now = monotonic()
        while self._here and next(iter(self._here.values())) < now:
            self._here.popitem(last=False)
        if digest in self._here:
            return False
        if len(self._here) >= MOST_REMEMBERED:
            # Forgetting one would let it pass again: it is the newcomer who has to wait.
            raise ProofError("too many proofs are in use at the moment: try again in a minute")
        self._here[digest] = now + 2 * WINDOW_SECONDS + 10
        return True


def bound_to(claims: Mapping[str, Any]) -> str | None:
    """The thumbprint of the key that a token is bound to; None for a token that is not bound.

    Raises:
        UnauthenticatedError: it is bound in a way that cannot be checked here.
    """
    confirmation = claims.get("cnf")
    if confirmation is None:
        return None
    thumbprint = confirmation.get("jkt") if isinstance(confirmation, dict) and len(confirmation) == 1 else None
    if not isinstance(thumbprint, str) or not thumbprint:
        raise UnauthenticatedError("the token is bound to something else than a DPoP key, which is not checked here")
    return thumbprint


def _read(text: str) -> tuple[dict[str, Any], PublicKey]:
    """The claims of a proof and the key that signed it."""
    if not text:
        raise ProofError("the token is bound to a key: the header DPoP must show it")
    if len(text) > MAX_PROOF_BYTES:
        raise ProofError("the proof is larger than 4 KiB")
    try:
        header = json.loads(urlsafe_b64decode(text.partition(".")[0] + "=="))
        embedded = header["jwk"]
        if header["typ"] != "dpop+jwt" or header["alg"] not in ALGORITHMS or "crit" in header:
            raise ProofError("the proof's header is not that of a proof")
        key = JWKRegistry.import_key(embedded)
        if not isinstance(key, PublicKey) or key.is_private:
            raise ProofError("the proof's header must carry a public key, and no other")
        if isinstance(key, RSAKey) and key.public_key.key_size < MIN_RSA_BITS:
            raise ProofError("the proof's key is too short")
        claims = json.loads(jws.deserialize_compact(text, key, registry=_REGISTRY).payload)
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        raise ProofError("the proof's signature does not hold") from None
    if not isinstance(claims, dict):
        raise ProofError("the proof holds no claims")
    return claims, key


def _same_place(claimed: object, real: str) -> bool:
    try:
        return isinstance(claimed, str) and _place(claimed) == _place(real)
    except ValueError:
        return False


def _place(url: str) -> tuple[str, str, int | None, str]:
    """An address as far as it counts (RFC 9449, 4.3): without query and fragment, in its normal form (RFC 3986, 6.2)."""
    parts = urlsplit(url)
    scheme = {"ws": "http", "wss": "https"}.get(parts.scheme, parts.scheme)
    port = parts.port or {"http": 80, "https": 443}.get(scheme)
    return scheme, (parts.hostname or ""), port, unquote(parts.path) or "/"
