"""The legal public holidays of the United States as rules (5 U.S.C. 6103(a)) and the day on which each is observed.

A holiday that falls on a Saturday is observed on the Friday before (5 U.S.C. 6103(b)), one on a Sunday on the Monday
after (E.O. 11582). So the first of January may be observed in the year before: that of 2028 on 31 December 2027.
Inauguration Day is a holiday in the area of Washington only (6103(c)) and none here.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

EARLIEST = 1986
"""From this year on the rules below are the law as it was; Juneteenth came in 2021 (Public Law 117-17)."""

MONDAY, THURSDAY, SATURDAY, SUNDAY = 0, 3, 5, 6
LAST = -1
JUNETEENTH_SINCE = 2021


class Kind(StrEnum):
    """Why a day is no working day.

    `closure`: the President excused the employees from duty. Such an order speaks of pay and leave; it makes no legal
    public holiday, and whoever counts a time limit of a statute must not skip it.
    """

    WEEKEND = "weekend"
    HOLIDAY = "holiday"
    OBSERVED = "observed-holiday"
    CLOSURE = "closure"


@dataclass(frozen=True, slots=True)
class Holiday:
    """One holiday of one year.

    Attributes:
        actual: the day that the law names.
        observed: the day on which people are off for it.
    """

    code: str
    actual: date
    observed: date


@dataclass(frozen=True, slots=True)
class _Rule:
    """A fixed `day` of `month`, or the `nth` `weekday` of it (-1: the last)."""

    code: str
    month: int
    day: int = 0
    weekday: int = 0
    nth: int = 0
    since: int = EARLIEST

    def in_year(self, year: int) -> date:
        if self.day:
            return date(year, self.month, self.day)
        if self.nth == LAST:
            first_of_next = date(year + self.month // 12, self.month % 12 + 1, 1)
            back = (first_of_next.weekday() - self.weekday - 1) % 7 + 1
            return first_of_next - timedelta(days=back)
        first = date(year, self.month, 1)
        return first + timedelta(days=(self.weekday - first.weekday()) % 7 + 7 * (self.nth - 1))


RULES = (
    _Rule("new-years-day", 1, day=1),
    _Rule("martin-luther-king-jr-birthday", 1, weekday=MONDAY, nth=3),
    _Rule("washingtons-birthday", 2, weekday=MONDAY, nth=3),
    _Rule("memorial-day", 5, weekday=MONDAY, nth=LAST),
    _Rule("juneteenth", 6, day=19, since=JUNETEENTH_SINCE),
    _Rule("independence-day", 7, day=4),
    _Rule("labor-day", 9, weekday=MONDAY, nth=1),
    _Rule("columbus-day", 10, weekday=MONDAY, nth=2),
    _Rule("veterans-day", 11, day=11),
    _Rule("thanksgiving-day", 11, weekday=THURSDAY, nth=4),
    _Rule("christmas-day", 12, day=25),
)


def holidays_named_in(year: int) -> Iterator[Holiday]:
    """The holidays whose own day lies in this year, in order; one of them may be observed in the year before.

    Raises:
        ValueError: the year lies before `EARLIEST`.
    """
    if year < EARLIEST:
        raise ValueError(f"the calendar knows the law from {EARLIEST} on")
    for rule in RULES:
        if year >= rule.since:
            actual = rule.in_year(year)
            yield Holiday(rule.code, actual, _observed(actual))


def _observed(actual: date) -> date:
    if actual.weekday() == SATURDAY:
        return actual - timedelta(days=1)
    if actual.weekday() == SUNDAY:
        return actual + timedelta(days=1)
    return actual
