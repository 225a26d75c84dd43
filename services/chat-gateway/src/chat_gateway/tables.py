"""The tables, as queries see them. The migrations make them; a test holds both against each other."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, SmallInteger, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """A registry of its own, so that the tables of several services can be loaded into one process."""


class ChatSession(Base, table=True):
    """A conversation from opening to closing, with the notice that its customer acknowledged."""

    __tablename__ = "chat_session"

    id: UUID = Field(primary_key=True)
    account: bytes = Field(sa_type=LargeBinary, repr=False)
    key_id: UUID
    client_id: UUID
    topic: str = Field(sa_type=Text)
    status: str = Field(sa_type=Text)
    notice_version: str = Field(sa_type=Text)
    notice_digest: str = Field(sa_type=Text)
    notice_language: str = Field(sa_type=Text)
    notice_acknowledged_at: datetime = Field(sa_type=DateTime(timezone=True))
    identity_assurance: int = Field(sa_type=SmallInteger)
    authenticator_assurance: int = Field(sa_type=SmallInteger)
    authenticated_at: datetime = Field(sa_type=DateTime(timezone=True))
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    closed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))
    close_reason: str | None = Field(default=None, sa_type=Text)
    last_seq: int | None = None
    digest: str | None = Field(default=None, sa_type=Text)


class SessionParticipant(Base, table=True):
    """Who takes part, with the display name as it was shown then."""

    __tablename__ = "participant"

    id: UUID = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="chat_session.id")
    who: bytes = Field(sa_type=LargeBinary, repr=False)
    role: str = Field(sa_type=Text)
    sealed: bytes = Field(sa_type=LargeBinary, repr=False)
    office: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    joined_at: datetime = Field(sa_type=DateTime(timezone=True))


class SessionEntry(Base, table=True):
    """One entry; `value` is the JSON that was told, byte for byte: what it says of a person is sealed in it."""

    __tablename__ = "session_entry"

    session_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    entry_id: UUID
    kind: str = Field(sa_type=Text)
    value: bytes = Field(sa_type=LargeBinary, repr=False)
