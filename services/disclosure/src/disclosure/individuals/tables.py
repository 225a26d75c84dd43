"""Tables of individuals' requests, as queries see them. The migrations make them."""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Column, Date, DateTime, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from disclosure.tables import Base

ACCOUNT_SEALED = "individual_request.account_sealed"


def _codes() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _ids() -> Any:
    return Field(sa_column=Column(ARRAY(Uuid), nullable=False))


class IndividualRequest(Base, table=True):
    __tablename__ = "individual_request"

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    system: str = Field(sa_type=Text)
    channel: str = Field(sa_type=Text)
    capacity: str = Field(sa_type=Text)
    subject: str = Field(sa_type=Text)
    sensitivity: str = Field(sa_type=Text)
    aim: str = Field(sa_type=Text)
    codes: dict[str, Any] = _codes()
    records: list[UUID] = _ids()
    account: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    account_sealed: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    person: bytes = Field(sa_type=LargeBinary, repr=False)
    matter: bytes = Field(sa_type=LargeBinary, repr=False)
    state: str = Field(sa_type=Text)
    received_on: date = Field(sa_type=Date)
    taken_by: str = Field(sa_type=Text)
    taken_at: datetime = Field(sa_type=DateTime(timezone=True))
    acknowledged_on: date | None = Field(default=None, sa_type=Date)
    rerouted_to: str | None = Field(default=None, sa_type=Text)
    searched: list[UUID] = Field(default_factory=list, sa_column=Column(ARRAY(Uuid), nullable=False))


class IndividualIdentity(Base, table=True):
    __tablename__ = "individual_identity"

    id: UUID = Field(primary_key=True)
    request_id: UUID
    verified: bool = Field(sa_type=Boolean)
    channel: str = Field(sa_type=Text)
    way: str = Field(sa_type=Text)
    facts: dict[str, Any] = _codes()
    missing: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    note: str = Field(sa_type=Text)
    table_version: str = Field(sa_type=Text)
    judged_by: str = Field(sa_type=Text)
    judged_at: datetime = Field(sa_type=DateTime(timezone=True))


class IndividualStep(Base, table=True):
    __tablename__ = "individual_step"

    request_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    act: str = Field(sa_type=Text)
    from_state: str = Field(sa_type=Text)
    to_state: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    codes: dict[str, Any] = _codes()
    letter: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)


class IndividualClock(Base, table=True):
    __tablename__ = "individual_clock"

    request_id: UUID = Field(primary_key=True)
    name: str = Field(primary_key=True, sa_type=Text)
    started_on: date = Field(primary_key=True, sa_type=Date)
    due_on: date = Field(sa_type=Date)
    working_days: int | None = None
    authority: str = Field(sa_type=Text)
    skipped: list[dict[str, str]] = _codes()
    met_on: date | None = Field(default=None, sa_type=Date)


class IndividualDecision(Base, table=True):
    __tablename__ = "individual_decision"

    id: UUID = Field(primary_key=True)
    request_id: UUID
    stage: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    found: bool = Field(sa_type=Boolean)
    grounds: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    bases: dict[str, str] = _codes()
    reason: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    review_procedure: str = Field(default="", sa_type=Text)
    official_name: str = Field(default="", sa_type=Text)
    official_address: str = Field(default="", sa_type=Text)
    judicial_review_told: bool = Field(default=False, sa_type=Boolean)
    records: list[UUID] = _ids()
    decided_by: str = Field(sa_type=Text)
    decided_at: datetime = Field(sa_type=DateTime(timezone=True))
    identity_id: UUID
    verified: bool = Field(sa_type=Boolean)
    initial_stage: str | None = Field(default=None, sa_type=Text)
    initial_by: str | None = Field(default=None, sa_type=Text)


class IndividualRedaction(Base, table=True):
    __tablename__ = "individual_redaction"

    id: UUID = Field(primary_key=True)
    request_id: UUID
    transcript_id: UUID
    entry_seq: int
    span_start: int
    span_end: int
    kind: str = Field(sa_type=Text)
    proposed_at: datetime = Field(sa_type=DateTime(timezone=True))
    decision: str | None = Field(default=None, sa_type=Text)
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    reason: str = Field(default="", sa_type=Text)


class RecordDispute(Base, table=True):
    __tablename__ = "record_dispute"

    record_id: UUID = Field(primary_key=True)
    request_id: UUID = Field(primary_key=True)
    filed_on: date = Field(sa_type=Date)
    portion: bytes = Field(sa_type=LargeBinary, repr=False)
    statement: bytes = Field(sa_type=LargeBinary, repr=False)
    answer: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
