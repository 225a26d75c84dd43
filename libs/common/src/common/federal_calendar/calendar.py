"""Which days are working days, and counting them so that anyone can check the count. Pure: loads nothing."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta

from common.federal_calendar.closures import Closure
from common.federal_calendar.holidays import EARLIEST, SATURDAY, Holiday, Kind, holidays_named_in

ONE_DAY = timedelta(days=1)
WEEKEND_CODES = {5: "saturday", 6: "sunday"}
LEGAL = frozenset({Kind.WEEKEND, Kind.HOLIDAY, Kind.OBSERVED})
"""What a time limit "excluding Saturdays, Sundays, and legal public holidays" leaves out (5 U.S.C. 552a(d)(2)(A))."""

EVERY_KIND = frozenset(Kind)


@dataclass(frozen=True, slots=True)
class DayOff:
    """Why a day is no working day.

    Attributes:
        code: the holiday, the closure, or `saturday`, `sunday`.
        authority: the law or order that says so.
    """

    day: date
    kind: Kind
    code: str
    authority: str


@dataclass(frozen=True, slots=True)
class Reckoning:
    """A count with its proof: from the day after `start` to `due` there are `working_days` counted and `skipped` skipped
    days, and no others.
    """

    start: date
    working_days: int
    due: date
    skipped: tuple[DayOff, ...]


class FederalCalendar:
    """Args:
    closures: dated data, see `load_closures`.
    """

    def __init__(self, closures: Iterable[Closure] = ()) -> None:
        self._closures = {closure.day: closure for closure in closures}
        self._years: dict[int, dict[date, DayOff]] = {}

    def day_off(self, day: date, *, leaving_out: frozenset[Kind] = EVERY_KIND) -> DayOff | None:
        """Why this is no working day; None when it is one. A holiday on a weekend is told as the holiday.

        Args:
            leaving_out: the kinds that count as days off. `LEGAL` for a time limit of a statute.

        Raises:
            ValueError: the day lies before the calendar's first year.
        """
        found = self._holidays(day.year).get(day)
        if found is not None and found.kind in leaving_out:
            return found
        if day.weekday() >= SATURDAY and Kind.WEEKEND in leaving_out:
            return DayOff(day, Kind.WEEKEND, WEEKEND_CODES[day.weekday()], "5 U.S.C. 6101(a)")
        closure = self._closures.get(day)
        if closure is not None and Kind.CLOSURE in leaving_out:
            return DayOff(day, Kind.CLOSURE, closure.code, closure.authority)
        return None

    def is_working_day(self, day: date, *, leaving_out: frozenset[Kind] = EVERY_KIND) -> bool:
        return self.day_off(day, leaving_out=leaving_out) is None

    def after(self, start: date, working_days: int, *, leaving_out: frozenset[Kind] = LEGAL) -> Reckoning:
        """The day on which so many working days after `start` have passed; day 1 is the first working day after it.

        Args:
            working_days: 1 or more.
            leaving_out: by default what a statute leaves out; a closure does not lengthen its time limit.

        Raises:
            ValueError: fewer than one day, or a day before the calendar's first year.
        """
        if working_days < 1:
            raise ValueError("a time limit has one working day at least")
        day, counted, skipped = start, 0, list[DayOff]()
        while counted < working_days:
            day += ONE_DAY
            off = self.day_off(day, leaving_out=leaving_out)
            if off is None:
                counted += 1
            else:
                skipped.append(off)
        return Reckoning(start, working_days, day, tuple(skipped))

    def elapsed(self, start: date, end: date, *, leaving_out: frozenset[Kind] = LEGAL) -> Reckoning:
        """How many working days have passed after `start` when `end` is over (0 when it does not lie later)."""
        skipped, counted, day = list[DayOff](), 0, start
        while day < end:
            day += ONE_DAY
            off = self.day_off(day, leaving_out=leaving_out)
            if off is None:
                counted += 1
            else:
                skipped.append(off)
        return Reckoning(start, counted, max(start, end), tuple(skipped))

    def holidays(self, year: int) -> list[Holiday]:
        """The holidays that are observed in this year, in order of their observance."""
        named = [*holidays_named_in(year), *holidays_named_in(year + 1)]
        return sorted((h for h in named if h.observed.year == year), key=lambda holiday: holiday.observed)

    def _holidays(self, year: int) -> dict[date, DayOff]:
        """Days off for holidays in this year, their own day and the one on which they are observed."""
        known = self._years.get(year)
        if known is None:
            if year < EARLIEST:
                raise ValueError(f"the calendar knows the law from {EARLIEST} on")
            known = {}
            for holiday in [*holidays_named_in(year), *holidays_named_in(year + 1)]:
                known |= {off.day: off for off in _days_off(holiday) if off.day.year == year}
            self._years[year] = known
        return known


def _days_off(holiday: Holiday) -> Iterable[DayOff]:
    yield DayOff(holiday.actual, Kind.HOLIDAY, holiday.code, "5 U.S.C. 6103(a)")
    if holiday.observed != holiday.actual:
        authority = "5 U.S.C. 6103(b)" if holiday.observed < holiday.actual else "E.O. 11582"
        yield DayOff(holiday.observed, Kind.OBSERVED, holiday.code, authority)
