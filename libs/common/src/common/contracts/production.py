"""Finished pieces of work, told by the chat gateway for each chat and by case-management systems for each case; and who
supervises whom, as it stands in the organisation chart.
"""

from datetime import date, datetime
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.contracts.envelope import EventData
from common.contracts.personal import ON_THE_WIRE, Pii, SealedPii


class ActionPii(Pii):
    """The only values of a person here: whose work it was, and on which case. No social security number, ever."""

    employee_pin: str
    case_number: str = ""


class ActionCompleted(EventData):
    """One completed action on one case or chat."""

    event_type: ClassVar[str] = "muniment.action.completed.v1"
    topic: ClassVar[str] = "action.completed"
    key_field: ClassVar[str] = "action_id"
    system: ClassVar[str] = "DHS/ALL-019"
    pii_type = ActionPii

    action_id: UUID
    kind: Literal["chat_handled", "case_adjudicated", "case_reviewed", "interview", "fingerprint_check", "other"]
    form_type: str = Field(default="", max_length=20, description="Form or topic the work was on, coded")
    hour_type: str = Field(default="regular", max_length=20)
    outcome: str = Field(max_length=40, description="Coded outcome")
    started_at: datetime
    completed_at: datetime
    session_id: UUID | None = None
    office: str
    region: str
    pii: Annotated[SealedPii | ActionPii, Field(union_mode="left_to_right"), ON_THE_WIRE]


ACTION_EVENTS: dict[str, type[EventData]] = {ActionCompleted.event_type: ActionCompleted}


class ChartPii(Pii):
    """Employee's identification numbers."""

    employee_pin: str
    supervisor_pins: list[str] = Field(description="Of each of the `places`, in their order; empty where there is none")


class ChartPlace(BaseModel):
    """A time in which an employee stood under one supervisor; `valid_to` is the first day on which it no longer holds."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    valid_from: date
    valid_to: date | None = None


class EmployeeAssigned(EventData):
    """An employee's history in the organisation chart as it stands now; it replaces what was told before."""

    event_type: ClassVar[str] = "muniment.employee.assigned.v1"
    topic: ClassVar[str] = "employee.assigned"
    key_field: ClassVar[str] = "employee_id"
    system: ClassVar[str] = "DHS/ALL-019"
    pii_type = ChartPii

    employee_id: UUID
    revision: int = Field(ge=0)
    places: list[ChartPlace]
    pii: Annotated[SealedPii | ChartPii, Field(union_mode="left_to_right"), ON_THE_WIRE]


CHART_EVENTS: dict[str, type[EventData]] = {EmployeeAssigned.event_type: EmployeeAssigned}
