"""What the routes of the audit trail take and give. Names of proofs follow RFC 9162; hashes are base64."""

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Hash = Annotated[
    str, Field(description="Base64 of a SHA-256", examples=["47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="])
]


class SignedHead(BaseModel):
    """The newest head. `statement` is a JWS: the signature with what was signed."""

    tree_size: int
    root_hash: Hash
    signed_at: datetime
    statement: str


class InclusionProof(BaseModel):
    """That this entry stands at this place of the tree. SHA-256(0x00 || leaf_input) is the leaf."""

    tree_size: int
    leaf_index: int
    inclusion_path: list[Hash]
    leaf_input: str = Field(description="The entry in its canonical form, as text")
    root_hash: Hash
    statement: str | None = Field(description="The signed head of this size, where there is one")


class ConsistencyProof(BaseModel):
    """That the tree of the second size begins with the one of the first."""

    tree_size_1: int
    tree_size_2: int
    consistency_path: list[Hash]
    root_hash_1: Hash
    root_hash_2: Hash


class TermAsked(BaseModel):
    """A personal term by which somebody may have searched: with it one finds who did."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=r"^[a-z_]{2,40}$", examples=["account_id"])
    value: str = Field(min_length=1, max_length=200, repr=False)


class EntriesAsked(BaseModel):
    """By what entries are sought; all that is given must hold. It stands in the body, since addresses end up in logs."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"record_id": "0199c1d2-0000-7000-8000-000000000001"}]}
    )

    user_id: str | None = Field(default=None, min_length=1, max_length=200, repr=False)
    record_id: str | None = Field(default=None, min_length=1, max_length=100)
    term: TermAsked | None = None
    at_from: AwareDatetime | None = None
    at_to: AwareDatetime | None = None
    action: str | None = Field(default=None, pattern=r"^[a-z0-9._-]{1,80}$")
    purpose: str | None = Field(default=None, pattern=r"^[a-z0-9_-]{1,80}$")
    outcome: Literal["done", "refused", "not_found"] | None = None
    cursor: str | None = Field(default=None, pattern=r"^[0-9]{1,18}$", description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class EntryShown(BaseModel):
    """One look or act."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    position: int
    at: datetime
    user_id: str
    roles: list[str]
    terminal: str
    action: str
    record_ids: list[str]
    fields: list[str]
    purpose: str
    outcome: str
    trace_id: str
    terms: list[str]


class EntryPage(BaseModel):
    items: list[EntryShown]
    next_cursor: str | None


class OwnAccess(BaseModel):
    """One look at the caller's records: when, in which role, what for, which fields. Who it was is not told here."""

    at: datetime
    roles: list[str]
    action: str
    purpose: str
    record_ids: list[str]
    fields: list[str]


class OwnAccessPage(BaseModel):
    items: list[OwnAccess]
    next_cursor: str | None
