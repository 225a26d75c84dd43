"""The issuer's public keys: fetched, kept, and fetched anew when a token names one that is not known.

A failed fetch neither opens the door nor stops holders of tokens whose key is known, and a flood of tokens with invented
key ids costs the issuer one request in five seconds at most.
"""

import asyncio
import json
import ssl
from collections.abc import Sequence
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, JWKRegistry, OKPKey, RSAKey

from common.errors import UnavailableError
from common.telemetry import get_logger

if TYPE_CHECKING:
    import httpx

REFRESH_SECONDS = 300.0
REFETCH_SECONDS = 5.0
STALE_SECONDS = 86_400.0
"""Keys that could not be confirmed for a day count no more: whoever cuts us off from the issuer must not keep a withdrawn
key alive for ever.
"""

MAX_SET_BYTES = 262_144
MIN_RSA_BITS = 2048
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_ALGORITHMS = {
    "ES256": (ECKey, ("P-256",)),
    "EdDSA": (OKPKey, ("Ed25519",)),
    "Ed25519": (OKPKey, ("Ed25519",)),
    "RS256": (RSAKey, ()),
}
ALGORITHMS = tuple(_ALGORITHMS)

PublicKey = ECKey | OKPKey | RSAKey
log = get_logger("issuer_keys")


class IssuerKeys:
    """Args:
    source: an https URL (http on loopback only), or the path of a file.
    ca_file: authority that signed the issuer's certificate (PEM); empty: those the system trusts.
    client: given by tests.

    Attributes:
        generation: grows whenever the set of keys changed; what was verified before is to be verified again then.
    """

    def __init__(self, source: str, *, ca_file: str = "", client: "httpx.AsyncClient | None" = None) -> None:
        self.generation = 0
        self._source = source
        self._ca_file = ca_file
        self._client = client
        self._known: Any = None
        self._keys: tuple[PublicKey, ...] = ()
        self._tried_at = self._confirmed_at = float("-inf")
        self._lock = asyncio.Lock()
        self._refreshing: asyncio.Task[None] | None = None

    async def of(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """The keys that may have signed: those of this id, fit for this algorithm; without an id, the only fit one.

        Two keys may share an id (RFC 7517, 4.5): then both are given.

        Raises:
            UnavailableError: there are no keys, or none that were confirmed within a day.
        """
        await self.current()
        return self._fit(kid, algorithm)

    async def anew(self, kid: str | None, algorithm: str) -> Sequence[PublicKey]:
        """The same after fetching the set again, if that was not done just now; nothing if the set is still the same.

        For a token that no known key signed: the issuer may have a new one, with a new id or under the old.
        """
        before = self.generation
        if self._age(self._tried_at) >= REFETCH_SECONDS:
            await self._fetch_once()
        return self._fit(kid, algorithm) if self.generation != before else []

    async def current(self) -> None:
        """See to it that there are keys, and that those older than five minutes are being fetched anew.

        Raises:
            UnavailableError: as `of`.
        """
        if self._age(self._confirmed_at) >= STALE_SECONDS:
            # Without any keys everybody would ask the issuer at once; the first who does answers for all of them.
            if self._age(self._tried_at) >= REFETCH_SECONDS or self._lock.locked():
                await self._fetch_once()
            if self._age(self._confirmed_at) >= STALE_SECONDS:
                raise UnavailableError("the issuer's keys cannot be had for now")
        elif self._age(self._tried_at) >= REFRESH_SECONDS and (self._refreshing is None or self._refreshing.done()):
            # Nobody waits for it: the keys at hand are good until it says otherwise.
            self._refreshing = asyncio.create_task(self._fetch_once())

    def _fit(self, kid: str | None, algorithm: str) -> list[PublicKey]:
        fit = [key for key in self._keys if _is_fit(key, algorithm) and kid in {None, key.kid}]
        return fit if kid is not None or len(fit) == 1 else []

    @staticmethod
    def _age(moment: float) -> float:
        # Monotonic: how long ago something happened is a duration, not a date.
        return monotonic() - moment

    async def _fetch_once(self) -> None:
        """Fetch, unless somebody else did so while this caller waited for the lock."""
        before = self._tried_at
        async with self._lock:
            if self._tried_at > before:
                return
            try:
                known = await self._fetch()
                keys = _imported(known)
            except (OSError, ValueError, TypeError, KeyError, JoseError) as error:
                log.warning("issuer_keys.not_fetched", error=type(error).__name__)
            else:
                self._confirmed_at = monotonic()
                if known != self._known:
                    self._known, self._keys = known, keys
                    self.generation += 1
            finally:
                self._tried_at = monotonic()

    async def _fetch(self) -> Any:
        if "://" not in self._source:
            return json.loads(await asyncio.to_thread(Path(self._source).read_text))
        parts = urlsplit(self._source)
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
            raise ValueError("the issuer's keys are fetched over https")
        import httpx  # noqa: PLC0415 - keys in a file need no client

        if self._client is None:
            trusted = ssl.create_default_context(cafile=self._ca_file or None)
            self._client = httpx.AsyncClient(timeout=5, verify=trusted)
        try:
            async with asyncio.timeout(10), self._client.stream("GET", self._source) as answer:
                answer.raise_for_status()
                body = b""
                async for part in answer.aiter_bytes():
                    body += part
                    if len(body) > MAX_SET_BYTES:
                        raise ValueError("the set of keys is larger than 256 KiB")
        except httpx.HTTPError as error:
            raise OSError("the issuer does not answer") from error
        return json.loads(body)


def _imported(known: Any) -> tuple[PublicKey, ...]:
    """The keys of a set that signatures may be checked with; what else is in it is passed over (RFC 7517, 5).

    Raises:
        ValueError: it holds none.
    """
    keys: list[PublicKey] = []
    for entry in known["keys"]:
        try:
            key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
        # A symmetric key in a published set would let everybody sign.
        if isinstance(key, PublicKey) and entry.get("use", "sig") == "sig":
            keys.append(key)
    if not keys:
        raise ValueError("the set holds no key that signs")
    return tuple(keys)


def _is_fit(key: PublicKey, algorithm: str) -> bool:
    kind, curves = _ALGORITHMS[algorithm]
    if not isinstance(key, kind) or (key.alg is not None and key.alg != algorithm):
        return False
    if isinstance(key, RSAKey):
        return key.public_key.key_size >= MIN_RSA_BITS
    return key.curve_name in curves
