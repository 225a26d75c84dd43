"""By when: time limits in federal working days, each with the proof of its count (5 U.S.C. 552a(d)(2)(A), (d)(3))."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

from common.federal_calendar import DayOff, FederalCalendar
from disclosure.individuals.states import Kind

Name = Literal["acknowledge", "review", "extension", "promised"]

ACKNOWLEDGE_DAYS = 10
REVIEW_DAYS = 30
_AUTHORITY: Mapping[Name, str] = {
    "acknowledge": "5 U.S.C. 552a(d)(2)(A)",
    "review": "5 U.S.C. 552a(d)(3)",
    "extension": "5 U.S.C. 552a(d)(3), extended by the head of the agency for good cause",
    "promised": "20 CFR 401.50(b)",
}


@dataclass(frozen=True, slots=True)
class Clock:
    """A time limit.

    Attributes:
        started_on: day of the event from which it runs; that day does not count.
        working_days: how many; None where a day was set and not counted (an extension, a promise).
        skipped: the days that were left out, and by which law.
    """

    name: Name
    started_on: date
    due_on: date
    working_days: int | None
    authority: str
    skipped: tuple[DayOff, ...] = ()


def to_acknowledge(calendar: FederalCalendar, kind: Kind, received_on: date) -> Clock | None:
    """When the written acknowledgement of an amendment request is due. The Act sets no such limit for the other kinds."""
    return _counted(calendar, "acknowledge", received_on, ACKNOWLEDGE_DAYS) if kind == "amendment" else None


def to_review(calendar: FederalCalendar, asked_on: date) -> Clock:
    """When the final determination is due that the person asked for on this day."""
    return _counted(calendar, "review", asked_on, REVIEW_DAYS)


def set_for(name: Literal["extension", "promised"], decided_on: date, due_on: date) -> Clock:
    """A day that was set: by the head of the agency, or promised to the person because it takes longer."""
    return Clock(name, decided_on, due_on, None, _AUTHORITY[name])


def _counted(calendar: FederalCalendar, name: Name, start: date, days: int) -> Clock:
    count = calendar.after(start, days)
    return Clock(name, start, count.due, days, _AUTHORITY[name], count.skipped)
