"""The table of notices, as its queries see it. The migrations make it."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ARRAY, Column, Date, DateTime, LargeBinary, Text, Uuid
from sqlmodel import Field

from disclosure.tables import Base


class OutgoingNotice(Base, table=True):
    __tablename__ = "outgoing_notice"

    id: UUID = Field(primary_key=True)
    kind: str = Field(sa_type=Text)
    accounting_id: UUID
    cause_id: UUID
    stage: str = Field(sa_type=Text)
    records: list[UUID] = Field(sa_column=Column(ARRAY(Uuid), nullable=False))
    address: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    state: str = Field(sa_type=Text)
    made_at: datetime = Field(sa_type=DateTime(timezone=True))
    due_on: date = Field(sa_type=Date)
    sent_on: date | None = Field(default=None, sa_type=Date)
    sent_by: str | None = Field(default=None, sa_type=Text)
    channel: str | None = Field(default=None, sa_type=Text)
    sent_record: str | None = Field(default=None, sa_type=Text)
    letter: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    reminders: int = 0
    received_on: date | None = Field(default=None, sa_type=Date)
    receipt_record: str | None = Field(default=None, sa_type=Text)


def place(notice_id: UUID, column: str) -> str:
    """Where a sealed value of a notice belongs; it opens in no other row and no other column."""
    return f"outgoing_notice.{column}|{notice_id}"
