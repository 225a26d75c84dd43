"""The service's own tables, as its queries see them. The migrations make them; a test holds the two together."""

from datetime import date, datetime
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import ARRAY, Column, Date, DateTime, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from common.contracts.disclosure import FactValue


class Base(SQLModel, registry=registry()):
    """A registry of its own: several services can live in one process."""


def _salt() -> Any:
    """What keeps a commitment to this row from being guessed; a row from before there were commitments has none."""
    return Field(default_factory=uuid4, sa_column=Column(Uuid, nullable=True))


class RuleSet(Base, table=True):
    __tablename__ = "rule_set"

    version: str = Field(primary_key=True, sa_type=Text)
    document: str = Field(sa_type=Text)
    first_used_at: datetime = Field(sa_type=DateTime(timezone=True))


class DisclosureRequest(Base, table=True):
    __tablename__ = "disclosure_request"

    id: UUID = Field(primary_key=True)
    transcript_ids: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    basis: str = Field(sa_type=Text)
    recipient_kind: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    facts: dict[str, FactValue] = Field(sa_column=Column(JSONB, nullable=False))
    door: str = Field(sa_type=Text)
    requested_by: str = Field(sa_type=Text)
    requested_at: datetime = Field(sa_type=DateTime(timezone=True))


class DecisionRow(Base, table=True):
    __tablename__ = "decision"

    id: UUID = Field(primary_key=True)
    request_id: UUID
    requested_by: str = Field(sa_type=Text)
    decided_by: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    rule_version: str = Field(sa_type=Text)
    facts: dict[str, FactValue] = Field(sa_column=Column(JSONB, nullable=False))
    sealed: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    steps: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    missing: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    holds_until: date | None = Field(default=None, sa_type=Date)
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))
    tax_spans: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    salt: UUID | None = _salt()


class FindingRow(Base, table=True):
    __tablename__ = "finding"

    id: UUID = Field(primary_key=True)
    request_id: UUID
    requested_by: str = Field(sa_type=Text)
    finding: str = Field(sa_type=Text)
    found: bool
    record: str = Field(sa_type=Text)
    found_by: str = Field(sa_type=Text)
    role: str = Field(sa_type=Text)
    found_at: datetime = Field(sa_type=DateTime(timezone=True))
    signature: str = Field(sa_type=Text)


class Paper(Base, table=True):
    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    terms: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    entered_by: str = Field(sa_type=Text)
    entered_at: datetime = Field(sa_type=DateTime(timezone=True))


class PaperMark(Base, table=True):
    __tablename__ = "paper_mark"

    paper_id: UUID = Field(primary_key=True)
    mark: str = Field(primary_key=True, sa_type=Text)
    entered_by: str = Field(sa_type=Text)
    on_day: date = Field(sa_type=Date)
    record: str = Field(sa_type=Text)
    marked_by: str = Field(sa_type=Text)
    marked_at: datetime = Field(sa_type=DateTime(timezone=True))


class Accounting(Base, table=True):
    id: UUID = Field(primary_key=True)
    decision_id: UUID
    request_id: UUID
    outcome: str = Field(sa_type=Text)
    disclosed_at: datetime = Field(sa_type=DateTime(timezone=True))
    nature: str = Field(sa_type=Text)
    basis: str = Field(sa_type=Text)
    purpose: str = Field(sa_type=Text)
    recipient_kind: str = Field(sa_type=Text)
    recipient_name: bytes = Field(sa_type=LargeBinary, repr=False)
    recipient_address: bytes = Field(sa_type=LargeBinary, repr=False)
    salt: UUID | None = _salt()


class AccountingRecipient(Base, table=True):
    __tablename__ = "accounting_recipient"

    accounting_id: UUID = Field(primary_key=True)
    name: bytes = Field(sa_type=LargeBinary, repr=False)


class AccountingTranscript(Base, table=True):
    __tablename__ = "accounting_transcript"

    transcript_id: UUID = Field(primary_key=True)
    accounting_id: UUID = Field(primary_key=True)


class ReleaseGrant(Base, table=True):
    __tablename__ = "release_grant"

    id: UUID = Field(primary_key=True)
    decision_id: UUID
    accounting_id: UUID | None = None
    request_id: UUID
    basis: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    holder: str = Field(sa_type=Text)
    layer: str = Field(sa_type=Text)
    issued_at: datetime = Field(sa_type=DateTime(timezone=True))
    expires_at: datetime = Field(sa_type=DateTime(timezone=True))
    key_id: str = Field(sa_type=Text)


class ReleaseOutcome(Base, table=True):
    __tablename__ = "release_outcome"

    grant_id: UUID = Field(primary_key=True)
    outcome: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    copies: list[dict[str, Any]] = Field(sa_column=Column(JSONB, nullable=False))
    settled_at: datetime = Field(sa_type=DateTime(timezone=True))
    heard_at: datetime = Field(sa_type=DateTime(timezone=True))


class SigningKey(Base, table=True):
    __tablename__ = "signing_key"

    id: str = Field(primary_key=True, sa_type=Text)
    private: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=DateTime(timezone=True))


def place(accounting_id: UUID, column: str) -> str:
    """Where a sealed value of the accounting belongs; it opens in no other row and no other column."""
    return f"accounting.{column}|{accounting_id}"
