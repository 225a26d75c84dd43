"""Release grants: a signed token that lets one set of transcripts out once, in one layer (invariant 4).

Whoever holds the records checks the token with the public keys of `GET /v1/keys`, without asking here. The token names
the recipient by kind and by the accounting row; name and address stay in that row.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey

from common.contracts.release_grant import GRANT_ALGORITHM, GRANT_ISSUER, GRANT_TYPE
from disclosure.question import TaxSpan

CURVE = "P-256"
AUDIENCE = "transcripts"


@dataclass(frozen=True, slots=True)
class Grant:
    """What a grant permits, and what it rests on. `id` is the token's `jti`: it is taken once.

    Attributes:
        accounting_id: None where the law asks for no accounting: 5 U.S.C. 552a(b)(2).
        audience: the service that holds the records.
        elements: the elements of the records that may go; empty where the basis asks for no list.
        withheld: lines that stay behind (26 U.S.C. 6103), whichever layer goes.
    """

    id: UUID
    request_id: UUID
    decision_id: UUID
    accounting_id: UUID | None
    transcript_ids: tuple[UUID, ...]
    layer: str
    basis: str
    recipient_kind: str
    rule_version: str
    issued_at: datetime
    expires_at: datetime
    audience: str = AUDIENCE
    elements: tuple[str, ...] = ()
    withheld: tuple[TaxSpan, ...] = ()

    def claims(self) -> dict[str, Any]:
        return {
            "iss": GRANT_ISSUER,
            "aud": self.audience,
            "sub": f"release:{self.decision_id}",
            "jti": str(self.id),
            "iat": int(self.issued_at.timestamp()),
            "nbf": int(self.issued_at.timestamp()),
            "exp": int(self.expires_at.timestamp()),
            "request_id": str(self.request_id),
            "decision_id": str(self.decision_id),
            "accounting_id": str(self.accounting_id) if self.accounting_id else None,
            "transcript_ids": [str(t) for t in self.transcript_ids],
            "layer": self.layer,
            "basis": self.basis,
            "recipient_kind": self.recipient_kind,
            "rule_version": self.rule_version,
            "elements": list(self.elements),
            "withheld": [
                {"transcript_id": str(s.transcript_id), "first": s.first, "last": s.last} for s in self.withheld
            ],
        }


class Signer:
    """The first of these keys signs; all are published, so that grants outlive a change of key.

    Raises:
        ValueError: there is no key, or one is not a private key on P-256.
    """

    def __init__(self, keys: Sequence[ECKey]) -> None:
        if not keys or any(not key.is_private or key.curve_name != CURVE for key in keys):
            raise ValueError("release grants need a private key on the curve P-256")
        for key in keys:
            key.ensure_kid()
        self._keys = tuple(keys)

    @property
    def key_id(self) -> str:
        return str(self._keys[0].kid)

    def sign(self, grant: Grant) -> str:
        header = {"alg": GRANT_ALGORITHM, "kid": self.key_id, "typ": GRANT_TYPE}
        return jwt.encode(header, grant.claims(), self._keys[0])

    def attest(self, claims: Mapping[str, Any], kind: Literal["finding", "accounting"] = "finding") -> str:
        """A signed statement that lets nothing out.

        Args:
            kind: what an official found, who, when and for which request; or what a person was told of the accounting.
        """
        header = {"alg": GRANT_ALGORITHM, "kid": self.key_id, "typ": f"{kind}+jwt"}
        return jwt.encode(header, {"iss": GRANT_ISSUER, **claims}, self._keys[0])

    def public_keys(self) -> list[dict[str, Any]]:
        """As a JWK set lists them (RFC 7517)."""
        return [key.as_dict(private=False) | {"use": "sig", "alg": GRANT_ALGORITHM} for key in self._keys]


def new_key() -> ECKey:
    key = ECKey.generate_key(CURVE, private=True)
    key.ensure_kid()
    return key


def read_keys(file: str) -> list[ECKey]:
    """The keys of a file: PEM, JWK or JWK set.

    Raises:
        ValueError: the file cannot be read as such; the text does not quote it.
    """
    try:
        return keys_in(Path(file).read_text())
    except (OSError, ValueError, JoseError, AttributeError, KeyError, TypeError):
        raise ValueError("MUNIMENT_GRANT_KEY_FILE names no readable private key (PEM, JWK or JWK set)") from None


def keys_in(text: str) -> list[ECKey]:
    """The keys of a text of that kind. Raises what the parsers raise."""
    if not text.lstrip().startswith("{"):
        return [ECKey.import_key(text)]
    data = json.loads(text)
    return [ECKey.import_key(key) for key in data.get("keys", [data])]


def written(key: ECKey) -> str:
    """The private key as a JWK, for the store of the embedded profile."""
    return json.dumps(key.as_dict(private=True))
