"""The release grant on the wire: a JWT (ES256) that disclosure signs and whoever holds the records checks, without a call."""

from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

GRANT_TYPE = "release-grant+jwt"
"""In the header: other statements are signed with the same keys, and none of them is a grant."""

GRANT_ISSUER = "muniment/disclosure"
GRANT_ALGORITHM = "ES256"


class WithheldLines(BaseModel):
    """Entries that stay behind, by their numbers, both included: tax return information (26 U.S.C. 6103)."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    transcript_id: UUID
    first: int = Field(ge=1)
    last: int = Field(ge=1)


class GrantClaims(BaseModel):
    """What a grant permits: these records, in this layer, once.

    Attributes:
        jti: the grant's id; it is taken once.
        accounting_id: the row of the accounting; None where 5 U.S.C. 552a(c)(1) asks for none.
        elements: the elements that may go; empty where the basis asks for no list.
        withheld: lines that stay behind, whichever layer goes.
        iat, nbf, exp: seconds since the epoch.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    iss: Literal["muniment/disclosure"]
    aud: str
    jti: UUID
    iat: int
    nbf: int
    exp: int
    request_id: UUID
    decision_id: UUID
    accounting_id: UUID | None
    transcript_ids: tuple[UUID, ...] = Field(min_length=1)
    layer: str = Field(min_length=1, max_length=40)
    basis: str
    recipient_kind: str
    rule_version: str
    elements: tuple[str, ...] = ()
    withheld: tuple[WithheldLines, ...] = ()

    def wire(self) -> dict[str, Any]:
        """The claims as JSON says them."""
        return self.model_dump(mode="json")
