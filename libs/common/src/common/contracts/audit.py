"""Signed heads of the services' audit trails, so that another service holds the proof. No person's values: sizes and hashes."""

from datetime import datetime
from typing import ClassVar

from pydantic import Field

from common.contracts.envelope import EventData


class AuditHeadSigned(EventData):
    """A service signed the head of its audit tree (RFC 9162) after entries were added.

    Who holds the head before this one checks, with the path and without asking, that the tree only grew.
    """

    event_type: ClassVar[str] = "muniment.audit.head.signed.v1"
    topic: ClassVar[str] = "audit.head"
    key_field: ClassVar[str] = "service"

    service: str = Field(description="Package name of the service whose trail it is")
    tree_size: int = Field(ge=1, description="How many entries the tree holds")
    root_hash: str = Field(description="Base64 of the root (SHA-256)")
    signed_at: datetime
    key_id: str = Field(description="Thumbprint (RFC 7638) of the key that signed")
    statement: str = Field(
        description="JWS over service, tree_size, root_hash and signed_at: the signature with its text"
    )
    previous_size: int = Field(ge=0, description="Size of the tree at the head before this one; 0 for the first")
    consistency_path: tuple[str, ...] = Field(
        default=(), description="Base64 hashes that prove that the tree of previous_size is the beginning of this one"
    )


AUDIT_EVENTS: dict[str, type[EventData]] = {AuditHeadSigned.event_type: AuditHeadSigned}
