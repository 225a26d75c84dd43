"""Is this a grant for here and now? Checked with disclosure's public keys, without asking it."""

import json
from base64 import urlsafe_b64decode
from datetime import datetime

from joserfc import jwt
from joserfc.errors import JoseError
from pydantic import ValidationError

from common.contracts.release_grant import GRANT_ALGORITHM, GRANT_TYPE, GrantClaims
from common.errors import UnavailableError
from common.issuer_keys import IssuerKeys
from common.releases.errors import GrantRefusedError


class GrantKeys:
    """Args:
    source: where disclosure's public keys are: an https URL (http on loopback only), or a file; empty: nowhere.
    holder: package name of the service that holds the records; grants for another one are refused.
    """

    def __init__(self, source: str, *, holder: str, ca_file: str = "") -> None:
        self._holder = holder
        self._keys = IssuerKeys(source, ca_file=ca_file) if source else None

    async def read(self, token: str, *, now: datetime) -> GrantClaims:
        """What the grant permits.

        Raises:
            GrantRefusedError: forged, of another kind, for another service, not valid yet, or run out.
            UnavailableError: the keys cannot be had for now.
        """
        claims = await self._verified(token)
        if claims.aud != self._holder:
            raise GrantRefusedError("audience", "this grant is for another service")
        if claims.nbf > now.timestamp():
            raise GrantRefusedError("not-yet", "this grant is not valid yet")
        if claims.exp <= now.timestamp():
            raise GrantRefusedError("expired", "this grant has run out")
        return claims

    async def _verified(self, token: str) -> GrantClaims:
        if self._keys is None:
            raise UnavailableError("it is not configured where the keys of release grants are (MUNIMENT_GRANT_KEYS)")
        forged = GrantRefusedError("forged", "the signature or the form of this grant does not hold")
        kid = _kid(token)
        if kid is None:
            raise forged
        for source in (self._keys.of, self._keys.anew):
            for key in await source(kid, GRANT_ALGORITHM):
                try:
                    read = jwt.decode(token, key, algorithms=[GRANT_ALGORITHM])
                    if read.header.get("typ") == GRANT_TYPE:
                        return GrantClaims.model_validate(read.claims)
                except (JoseError, ValueError, TypeError, RecursionError, ValidationError):
                    continue
        raise forged


def _kid(token: str) -> str | None:
    """The key that the token names; None where it names none."""
    try:
        header = json.loads(urlsafe_b64decode(token.partition(".")[0] + "=="))
    except (ValueError, RecursionError):
        return None
    kid = header.get("kid") if isinstance(header, dict) else None
    return kid if isinstance(kid, str) and kid else None
