"""The table, as the migrations make it (a test holds the two together). Constraints and triggers stand in the migrations."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Column, DateTime, Identity
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel


class Base(SQLModel, registry=registry()):
    """A registry of its own, so that several services can live in one process (tests)."""


class RecordClosingRow(Base, table=True):
    __tablename__ = "record_closing"

    record_id: UUID = Field(primary_key=True)
    closed_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))


class RecordRow(Base, table=True):
    __tablename__ = "record"

    record_id: UUID = Field(primary_key=True)
    position: int = Field(sa_column=Column(BigInteger, Identity(always=True), nullable=False, unique=True))
    kind: str
    series: str
    owner: str
    related_id: UUID | None = None
    created_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    closed_at: datetime | None = Field(default=None, sa_column=Column(DateTime(timezone=True)))
    registered_at: datetime = Field(sa_column=Column(DateTime(timezone=True), nullable=False))
    status: str
