"""The tables, as the migrations make them (a test holds the two together). Constraints and triggers stand in the migrations."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Column, DateTime, LargeBinary
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """A registry of its own, so that several services can live in one process (tests)."""


class EmployeeRow(Base, table=True):
    __tablename__ = "employee"

    id: UUID = Field(primary_key=True)
    who: bytes = Field(sa_type=LargeBinary, repr=False, unique=True)
    pin: bytes = Field(sa_type=LargeBinary, repr=False)
    revision: int = 0


class AssignmentRow(Base, table=True):
    __tablename__ = "assignment"

    id: UUID = Field(primary_key=True)
    employee_id: UUID = Field(foreign_key="employee.id")
    office: str
    region: str
    supervisor_id: UUID | None = Field(default=None, foreign_key="employee.id")
    valid_from: date
    valid_to: date | None = None
    recorded_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    recorded_by: str
    recorded_by_id: UUID | None = Field(default=None, foreign_key="employee.id")
    superseded_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    superseded_by: str | None = None
    superseded_by_id: UUID | None = Field(default=None, foreign_key="employee.id")


class ActionRow(Base, table=True):
    __tablename__ = "action"

    action_id: UUID = Field(primary_key=True)
    kind: str
    form_type: str
    hour_type: str
    outcome: str
    started_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    completed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    session_id: UUID | None = None
    office: str
    region: str
    employee_id: UUID = Field(foreign_key="employee.id")
    receipt: str
    requestor: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    requestor_number: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    source: str


class HandledTranscriptRow(Base, table=True):
    __tablename__ = "handled_transcript"

    transcript_id: UUID = Field(primary_key=True)
    session_id: UUID = Field(unique=True)
    opened_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    closed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    message_count: int
