"""The service's own tables, as its queries see them. The migrations make them; a test holds the two together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """A registry of its own: several services can live in one process."""


class Transcript(Base, table=True):
    id: UUID = Field(primary_key=True)
    session_id: UUID = Field(unique=True)
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    closed_at: datetime = Field(sa_type=DateTime(timezone=True))
    sealed_at: datetime = Field(sa_type=DateTime(timezone=True))
    last_seq: int
    message_count: int
    digest: str = Field(sa_type=Text)
    content_hash: str = Field(sa_type=Text)
    chat_topic: str = Field(sa_type=Text)
    office: str = Field(sa_type=Text)
    close_reason: str = Field(sa_type=Text)
    identity_assurance: int
    authenticator_assurance: int
    notice_version: str = Field(sa_type=Text)


class Party(Base, table=True):
    transcript_id: UUID = Field(primary_key=True, foreign_key="transcript.id")
    participant_id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    office: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)


class PartyIndex(Base, table=True):
    """The blind index of the parties' numbers."""

    __tablename__ = "party_index"

    transcript_id: UUID = Field(primary_key=True)
    participant_id: UUID = Field(primary_key=True)
    blind: bytes = Field(primary_key=True, sa_type=LargeBinary)


class SealFailure(Base, table=True):
    __tablename__ = "seal_failure"

    session_id: UUID = Field(primary_key=True)
    rule: str = Field(sa_type=Text)
    first_seq: int
    found_at: datetime = Field(sa_type=DateTime(timezone=True))
    attempts: int = 1
    resolved_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class Notation(Base, table=True):
    transcript_id: UUID = Field(primary_key=True)
    amendment_id: UUID = Field(primary_key=True)
    kind: str = Field(primary_key=True, sa_type=Text)
    amended_at: datetime = Field(sa_type=DateTime(timezone=True))


class AuditEntry(Base, table=True):
    __tablename__ = "audit_entry"

    position: int = Field(primary_key=True)
    id: UUID
    at: datetime = Field(sa_type=DateTime(timezone=True))
    user_id: str = Field(sa_type=Text)
    roles: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    terminal: str = Field(sa_type=Text)
    action: str = Field(sa_type=Text)
    record_ids: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    fields: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    purpose: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    trace_id: str = Field(sa_type=Text)
    terms: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
