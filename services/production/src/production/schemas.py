"""What the HTTP side takes and gives."""

from datetime import date, datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.production import ActionCompleted, ActionPii
from production.model import Assignment


class ActionReportPii(ActionPii):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ActionReport(ActionCompleted):
    """What a case system reports: the event's fields and no others (S3 2.5: only what the purpose needs)."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "action_id": "019a9f4e-5b1c-7cc3-98c4-dc0c0c07398f",
                    "kind": "case_adjudicated",
                    "form_type": "I-90",
                    "hour_type": "regular",
                    "outcome": "approved",
                    "started_at": "2026-03-02T14:00:00Z",
                    "completed_at": "2026-03-02T14:25:00Z",
                    "office": "S01",
                    "region": "R1",
                    "pii": {"employee_pin": "100001", "case_number": "EAC2612345678"},
                }
            ]
        },
    )

    pii: ActionReportPii


class ActionRecorded(BaseModel):
    action_id: UUID
    new: bool = Field(description="False: the same action was there already")


class DataKeysAsked(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"number": 10}]})

    number: int = Field(default=1, ge=1, le=100, description="How many; one for each case or action")


class DataKeyShown(BaseModel):
    id: UUID = Field(description="Goes into `pii.key` of the event")
    secret: str = Field(description="AES-256 key, Base64. Shown once; keep it in memory only", repr=False)


class DataKeys(BaseModel):
    keys: list[DataKeyShown]


class AssignmentBody(BaseModel):
    """Where the employee belongs from `valid_from` until the day before `valid_to`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    office: str = Field(min_length=1, max_length=40)
    region: str = Field(min_length=1, max_length=40)
    supervisor_pin: str | None = None
    valid_from: date
    valid_to: date | None = Field(default=None, description="The first day on which it no longer holds")

    def value(self) -> Assignment:
        return Assignment(**self.model_dump())


class AssignmentsBody(BaseModel):
    """The whole history of one employee in the organisation chart; what is left out is superseded, not erased."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "assignments": [
                        {"office": "S01", "region": "R1", "supervisor_pin": "200001", "valid_from": "2026-01-05"}
                    ]
                }
            ]
        },
    )

    assignments: list[AssignmentBody] = Field(max_length=200)


class Assignments(AssignmentsBody):
    employee_id: UUID
    revision: int


class FigureBody(BaseModel):
    kind: str
    form_type: str
    hour_type: str
    actions: int
    minutes: float
    chats: int
    messages: int


class TotalsBody(BaseModel):
    """Minutes are the sum of the actions' durations; chats handled side by side count each in full."""

    actions: int
    minutes: float
    chats: int
    messages: int


class ChatBody(BaseModel):
    """A chat handled; what is null is known when its transcript is sealed."""

    session_id: UUID | None
    transcript_id: UUID | None
    opened_at: datetime | None
    closed_at: datetime | None
    message_count: int | None


class DailyReport(BaseModel):
    """One employee's day. Work belongs to the day on which it was completed."""

    date: date
    time_zone: str
    as_of: datetime
    purpose: str
    employee_pin: str
    totals: TotalsBody
    actions: list[FigureBody]
    chats: list[ChatBody]


class TeamMember(BaseModel):
    employee_pin: str
    totals: TotalsBody
    actions: list[FigureBody]


class TeamReport(BaseModel):
    """The day of those who were the caller's subordinates on it and are so still."""

    date: date
    time_zone: str
    as_of: datetime
    purpose: str
    totals: TotalsBody
    employees: list[TeamMember]
    not_shown: int = Field(
        description="Subordinates of that day who are somebody else's now: their figures are not shown"
    )


class OfficeReport(BaseModel):
    """The day of one office: totals, and of nobody by name."""

    date: date
    time_zone: str
    as_of: datetime
    purpose: str
    office: str
    totals: TotalsBody
    actions: list[FigureBody]


class OfficeTotals(BaseModel):
    office: str
    totals: TotalsBody


class RegionReport(BaseModel):
    """The day of a region, office by office: those that answered to it on that day."""

    date: date
    time_zone: str
    as_of: datetime
    purpose: str
    region: str
    totals: TotalsBody
    offices: list[OfficeTotals]
