"""What the HTTP side gives."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, Field

from common.web.problems import Problem
from retention.model import Kind, Outcome, ReasonCode, Status


class Record(BaseModel):
    """A line of the register. The record itself is with its owner; no person's values stand here."""

    record_id: UUID
    kind: Kind
    series: str
    owner: str = Field(description="The service that keeps the record")
    created_at: datetime
    closed_at: datetime | None
    registered_at: datetime
    status: Status


class RecordPage(BaseModel):
    records: list[Record]
    next_cursor: str | None = Field(description="For the next page; null: this was the last")


class ReasonShown(BaseModel):
    code: ReasonCode
    sentence: str
    citation: str


class EligibilityShown(BaseModel):
    """May it be disposed of, and if not, everything that stands against it. Undecided never acts as eligible."""

    record_id: UUID
    series: str
    outcome: Outcome
    reasons: list[ReasonShown]
    missing: list[str] = Field(description="Facts that are not known")
    eligible_at: datetime | None = Field(description="When an approved period ends; null while none runs")
    rule_version: str
    as_of: datetime


class Refusal(Problem):
    """Why a record was not destroyed."""

    reasons: list[ReasonShown]
