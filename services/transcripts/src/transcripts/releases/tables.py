"""Tables of redaction layers and releases, as queries see them. The migrations make them."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, Text
from sqlmodel import Field

from transcripts.tables import Base


class RedactionLayer(Base, table=True):
    __tablename__ = "redaction_layer"

    id: UUID = Field(primary_key=True)
    transcript_id: UUID
    name: str = Field(sa_type=Text)
    audience: str = Field(sa_type=Text)
    state: str = Field(default="open", sa_type=Text)
    opened_by: str = Field(sa_type=Text)
    opened_at: datetime = Field(sa_type=DateTime(timezone=True))
    reviewed_by: str | None = Field(default=None, sa_type=Text)
    reviewed_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class RedactionSpan(Base, table=True):
    __tablename__ = "redaction_span"

    layer_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    span_start: int = Field(primary_key=True)
    span_end: int = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    source: str = Field(sa_type=Text)
    decision: str | None = Field(default=None, sa_type=Text)
    reason: str = Field(default="", sa_type=Text)
    decided_by: str | None = Field(default=None, sa_type=Text)
    decided_at: datetime | None = Field(default=None, sa_type=DateTime(timezone=True))


class RedactionLabel(Base, table=True):
    __tablename__ = "redaction_label"

    layer_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    element: str = Field(sa_type=Text)


class ReleaseCopy(Base, table=True):
    __tablename__ = "release_copy"

    id: UUID = Field(primary_key=True)
    grant_id: UUID
    transcript_id: UUID
    layer: str = Field(sa_type=Text)
    original_hash: str = Field(sa_type=Text)
    working_hash: str = Field(sa_type=Text)
    copy_hash: str = Field(sa_type=Text)
    key_id: UUID
    content: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    kept_until: datetime = Field(sa_type=DateTime(timezone=True))


def place(copy_id: UUID) -> bytes:
    """Where the bytes of a copy belong; they open in no other row."""
    return f"release_copy.content|{copy_id}".encode()
