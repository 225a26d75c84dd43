"""Requests that records be disclosed, and what was decided. No person's values: ids, codes, times."""

from datetime import datetime
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

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


DISCLOSURE_EVENTS: dict[str, type[EventData]] = {
    kind.event_type: kind for kind in (DisclosureRequested, DisclosureDecided)
}
