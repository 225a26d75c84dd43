"""Bodies of the HTTP interface that are no frames."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chat_gateway.schemas import EntryFrame, ParticipantOut
from chat_gateway.wire import Id


class QueuedSession(BaseModel):
    session_id: UUID
    topic: str
    language: str
    opened_at: datetime = Field(description="When it came into the queue")
    priority: str | None = Field(default=None, description="Coded reason that an employee recorded")
    offered: bool = Field(description="Somebody is asked to take it now")
    left_message: bool
    mine: bool = Field(description="Whether the caller is designated and certified to take it")


class Queue(BaseModel):
    waiting: list[QueuedSession] = Field(description="In the order in which they are served")
    next: str | None = Field(default=None, description="Cursor of the next page")


class SessionOut(BaseModel):
    session_id: UUID
    topic: str
    status: Literal["waiting", "active", "closed"]
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    notice_version: str
    notice_digest: str
    notice_language: str
    last_seq: int
    digest: str
    classification: Literal["unclassified"] = "unclassified"
    participants: list[ParticipantOut]


class Entries(BaseModel):
    entries: list[EntryFrame]
    last_seq: int
    next: int | None = Field(default=None, description="`after` of the next page; none when this was the last")


class ClosedOut(BaseModel):
    session_id: Id
    seq: int
    digest: str
    reason: str
