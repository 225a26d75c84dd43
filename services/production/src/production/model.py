"""Values of production: no rules, no storage."""

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, tzinfo
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Assignment:
    """Where an employee belonged from one day on; `valid_to` is the first day on which it no longer holds."""

    office: str
    region: str
    supervisor_pin: str | None
    valid_from: date
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        return self.valid_from <= day and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True, slots=True)
class Employee:
    """`id` is our own and may stand in audit entries; the PIN is the employee's and may not."""

    id: UUID
    pin: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Figure:
    """Work of one employee of one sort: how often, how long in seconds, and for chats how many messages."""

    employee_id: UUID
    kind: str
    form_type: str
    hour_type: str
    actions: int
    seconds: float
    chats: int
    messages: int


@dataclass(frozen=True, slots=True)
class OfficeFigure:
    """Work of one office of one sort, of all its employees together."""

    office: str
    kind: str
    form_type: str
    hour_type: str
    actions: int
    seconds: float
    chats: int
    messages: int


@dataclass(frozen=True, slots=True)
class Chat:
    """A chat that an employee handled; what stands in the transcript is None until the transcript is sealed."""

    session_id: UUID | None
    transcript_id: UUID | None
    opened_at: datetime | None
    closed_at: datetime | None
    message_count: int | None


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the reports, as the moments between which work counts for it."""

    begins: datetime
    ends: datetime

    @classmethod
    def of(cls, day: date, zone: tzinfo) -> "Day":
        return cls(_midnight(day, zone), _midnight(day + timedelta(days=1), zone))


def _midnight(day: date, zone: tzinfo) -> datetime:
    return datetime.combine(day, time.min, zone)
