"""Requests that records be disclosed, and what was decided. No person's values: ids, codes, times."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.chat import Digest
from common.contracts.envelope import EventData

FactValue = bool | int | str


class DisclosureRequested(EventData):
    """Someone asks that records go to a recipient on a stated basis, with the facts shown so far."""

    event_type: ClassVar[str] = "muniment.disclosure.requested.v1"
    topic: ClassVar[str] = "disclosure.requested"
    key_field: ClassVar[str] = "request_id"
    system: ClassVar[str] = "60-0383"

    request_id: UUID
    transcript_ids: tuple[UUID, ...] = Field(min_length=1)
    basis: str = Field(description="Which permission is invoked, e.g. routine-use-5")
    recipient_kind: str = Field(description="Coded kind of recipient, e.g. congressional-office")
    purpose: str = Field(description="Coded purpose")
    facts: dict[str, FactValue] = Field(default_factory=dict, description="Coded facts; no free text about a person")
    requested_at: datetime


class DisclosureDecided(EventData):
    """A request was decided. Undecided names what is missing and never acts as allow."""

    event_type: ClassVar[str] = "muniment.disclosure.decided.v1"
    topic: ClassVar[str] = "disclosure.decided"
    key_field: ClassVar[str] = "request_id"
    system: ClassVar[str] = "60-0383"

    request_id: UUID
    decision_id: UUID
    outcome: Literal["allow", "deny", "undecided"]
    basis: str
    rule_version: str
    missing: tuple[str, ...] = ()
    transcript_ids: tuple[UUID, ...]
    accounting_id: UUID | None = None
    decided_at: datetime
    grant_id: UUID | None = Field(default=None, description="The release grant that was signed; null: none was")
    grant_holder: str | None = Field(default=None, description="The service that holds the records and takes the grant")
    grant_expires_at: datetime | None = None


class CopyMade(BaseModel):
    """One copy that went: which record, in which layer, and the hashes that tell copy and original apart."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    copy_id: UUID
    transcript_id: UUID
    layer: str
    copy_hash: Digest = Field(description="SHA-256 of the bytes that went")
    original_hash: Digest = Field(description="Content hash of the sealed transcript, which stays as it is")


class DisclosureReleased(EventData):
    """What became of a release grant, once and for all: the records went, were refused, or nobody came for them."""

    event_type: ClassVar[str] = "muniment.disclosure.released.v1"
    topic: ClassVar[str] = "disclosure.released"
    key_field: ClassVar[str] = "request_id"
    system: ClassVar[str] = "60-0383"

    request_id: UUID
    grant_id: UUID
    accounting_id: UUID | None = Field(default=None, description="The row of the accounting; null where none is kept")
    outcome: Literal["released", "refused", "expired"]
    reason: str = Field(default="", description="Code of why it was refused; empty otherwise")
    copies: tuple[CopyMade, ...] = ()
    settled_at: datetime


class RecordAmended(EventData):
    """A record was corrected, or its person disagrees with it and filed a statement (5 U.S.C. 552a(d)(2) to (d)(4))."""

    event_type: ClassVar[str] = "muniment.record.amended.v1"
    topic: ClassVar[str] = "record.amended"
    key_field: ClassVar[str] = "record_id"
    system: ClassVar[str] = "60-0383"

    record_id: UUID
    amendment_id: UUID = Field(description="The individual's request that led to it")
    kind: Literal["correction", "disagreement"]
    amended_at: datetime


DISCLOSURE_EVENTS: dict[str, type[EventData]] = {
    kind.event_type: kind for kind in (DisclosureRequested, DisclosureDecided)
}

RELEASE_EVENTS: dict[str, type[EventData]] = {DisclosureReleased.event_type: DisclosureReleased}

AMENDMENT_EVENTS: dict[str, type[EventData]] = {RecordAmended.event_type: RecordAmended}
