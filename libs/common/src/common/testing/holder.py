import hashlib
import json
from base64 import urlsafe_b64encode
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey

from common.clock import Clock
from common.ids import new_id


class Holder:
    """A caller with a key of its own, for tests of tokens that are bound to one (RFC 9449)."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.key = ECKey.generate_key("P-256")

    @property
    def confirmation(self) -> dict[str, str]:
        """The claim `cnf` of a token that is bound to this key."""
        return {"jkt": self.key.thumbprint()}

    def proof(self, method: str, url: str, token: str, *, header: dict[str, Any] | None = None, **claims: Any) -> str:
        """A proof for this request and token; `header` and `claims` override (None leaves one out)."""
        digest = _base64(hashlib.sha256(token.encode()).digest())
        payload = {
            "htm": method,
            "htu": url,
            "ath": digest,
            "iat": int(self._clock.now().timestamp()),
            "jti": str(new_id()),
        } | claims
        protected = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.key.as_dict(private=False)} | (header or {})
        signed = f"{_part(protected)}.{_part(payload)}"
        # As it is given, wrong as it may be: a library would refuse to make some of what has to be tried.
        return f"{signed}.{_base64(jws.JWSRegistry.algorithms['ES256'].sign(signed.encode(), self.key))}"


def _part(members: dict[str, Any]) -> str:
    return _base64(json.dumps({name: value for name, value in members.items() if value is not None}).encode())


def _base64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
