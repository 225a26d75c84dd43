"""The federal calendar against published dates, against a second way to find the holidays, and against counting by hand."""

from calendar import FRIDAY, MONDAY, SATURDAY, SUNDAY, THURSDAY, monthcalendar
from datetime import date, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from common.federal_calendar import Closure, FederalCalendar, Kind, load_closures
from common.federal_calendar.calendar import EVERY_KIND, LEGAL

CALENDAR = FederalCalendar(load_closures())
ONE_DAY = timedelta(days=1)
DAYS = st.dates(date(1990, 1, 1), date(2099, 12, 31))

PUBLISHED = {
    2021: "0101 0118 0215 0531 0618 0705 0906 1011 1111 1125 1224 1231",
    2022: "0117 0221 0530 0620 0704 0905 1010 1111 1124 1226",
    2023: "0102 0116 0220 0529 0619 0704 0904 1009 1110 1123 1225",
    2026: "0101 0119 0216 0525 0619 0703 0907 1012 1111 1126 1225",
    2027: "0101 0118 0215 0531 0618 0705 0906 1011 1111 1125 1224 1231",
    2028: "0117 0221 0529 0619 0704 0904 1009 1110 1123 1225",
}
"""Days on which federal employees are off, month and day, as the Office of Personnel Management lists them."""


@cache
def days_off_in(year: int) -> frozenset[date]:
    """Holidays of a year by looking at the sheets of a wall calendar; the eve of the next year belongs to this one."""

    def sheet(month: int, weekday: int) -> list[date]:
        return [date(year, month, week[weekday]) for week in monthcalendar(year, month) if week[weekday]]

    movable = {
        sheet(1, MONDAY)[2], sheet(2, MONDAY)[2], sheet(5, MONDAY)[-1], sheet(9, MONDAY)[0], sheet(10, MONDAY)[1],
        sheet(11, THURSDAY)[3],
    }  # fmt: skip
    fixed = {date(year, *day) for day in ((1, 1), (7, 4), (11, 11), (12, 25))}
    if year >= 2021:
        fixed.add(date(year, 6, 19))
    fridays = {day - ONE_DAY for day in fixed | {date(year + 1, 1, 1)} if day.weekday() == SATURDAY}
    mondays = {day + ONE_DAY for day in fixed if day.weekday() == SUNDAY}
    return frozenset(day for day in movable | fixed | fridays | mondays if day.year == year)


def is_working_day_otherwise(day: date) -> bool:
    return day.weekday() <= FRIDAY and day not in days_off_in(day.year)


@given(day=DAYS)
@example(day=date(2027, 12, 31))
@example(day=date(2021, 6, 18))
@example(day=date(2021, 6, 19))
@example(day=date(2020, 6, 19))
def test_it_agrees_with_a_wall_calendar(day: date) -> None:
    assert CALENDAR.is_working_day(day, leaving_out=LEGAL) == is_working_day_otherwise(day)


def test_it_agrees_on_every_day_of_forty_years() -> None:
    day = date(2000, 1, 1)
    while day.year < 2040:
        assert CALENDAR.is_working_day(day, leaving_out=LEGAL) == is_working_day_otherwise(day), day
        day += ONE_DAY


@pytest.mark.parametrize("year", PUBLISHED)
def test_it_agrees_with_the_published_lists(year: int) -> None:
    listed = [date(year, int(day[:2]), int(day[2:])) for day in PUBLISHED[year].split()]
    assert [h.observed for h in CALENDAR.holidays(year)] == listed


@pytest.mark.parametrize(
    ("received", "days", "due"),
    [
        (date(2026, 11, 20), 10, date(2026, 12, 7)),
        (date(2026, 11, 20), 30, date(2027, 1, 6)),
        (date(2026, 11, 21), 10, date(2026, 12, 7)),
        (date(2026, 11, 21), 30, date(2027, 1, 6)),
        (date(2026, 6, 30), 10, date(2026, 7, 15)),
        (date(2027, 12, 23), 10, date(2028, 1, 10)),
    ],
)
def test_known_time_limits(received: date, days: int, due: date) -> None:
    assert CALENDAR.after(received, days).due == due


def test_the_first_of_january_may_be_observed_in_the_year_before() -> None:
    off = CALENDAR.day_off(date(2027, 12, 31))
    assert off is not None
    assert (off.kind, off.code, off.authority) == (Kind.OBSERVED, "new-years-day", "5 U.S.C. 6103(b)")
    assert [h.code for h in CALENDAR.holidays(2027)].count("new-years-day") == 2
    assert [h.code for h in CALENDAR.holidays(2028)].count("new-years-day") == 0


def test_a_year_has_eleven_holidays_and_a_sunday_moves_to_monday() -> None:
    assert len(CALENDAR.holidays(2026)) == 11
    assert len(CALENDAR.holidays(2020)) == 10, "Juneteenth came in 2021"
    off = CALENDAR.day_off(date(2027, 7, 5))
    assert off is not None
    assert (off.code, off.authority) == ("independence-day", "E.O. 11582")
    assert CALENDAR.is_working_day(date(2029, 1, 20) + 2 * ONE_DAY), "Inauguration Day is Washington's alone"


@given(start=DAYS, days=st.integers(1, 60))
def test_the_proof_of_a_count_is_the_whole_way(start: date, days: int) -> None:
    """Counted and skipped days are each day from the first to the last, and each skipped one says why."""
    found = CALENDAR.after(start, days)
    way = [start + ONE_DAY * n for n in range(1, (found.due - start).days + 1)]
    skipped = [off.day for off in found.skipped]
    assert len(way) - len(skipped) == days
    assert set(skipped) == {day for day in way if not is_working_day_otherwise(day)}
    assert is_working_day_otherwise(found.due)
    assert all(off.code and off.authority for off in found.skipped)
    assert CALENDAR.elapsed(start, found.due).working_days == days
    assert CALENDAR.elapsed(start, found.due - ONE_DAY).working_days == days - 1
    assert CALENDAR.elapsed(found.due, start).working_days == 0


@given(start=DAYS, one=st.integers(1, 30), two=st.integers(1, 30))
def test_counts_add_up(start: date, one: int, two: int) -> None:
    assert CALENDAR.after(CALENDAR.after(start, one).due, two).due == CALENDAR.after(start, one + two).due


def test_a_closure_excuses_from_duty_and_lengthens_no_statutes_time_limit() -> None:
    christmas_eve = date(2025, 12, 24)
    off = CALENDAR.day_off(christmas_eve)
    assert off is not None
    assert (off.kind, off.authority) == (Kind.CLOSURE, "E.O. 14371")
    assert CALENDAR.is_working_day(christmas_eve, leaving_out=LEGAL)
    assert CALENDAR.after(date(2025, 12, 23), 1).due == christmas_eve
    # The 24th and 26th closed, the 25th a holiday, then a weekend.
    assert CALENDAR.after(date(2025, 12, 23), 1, leaving_out=EVERY_KIND).due == date(2025, 12, 29)


def test_what_cannot_be_counted_is_refused() -> None:
    with pytest.raises(ValueError, match="one working day"):
        CALENDAR.after(date(2026, 1, 2), 0)
    with pytest.raises(ValueError, match="1986"):
        CALENDAR.day_off(date(1985, 12, 31))


def test_an_agency_adds_closures_of_its_own(tmp_path: Path) -> None:
    own = tmp_path / "closures.yaml"
    own.write_text("closures:\n  - {day: 2030-03-04, code: storm, authority: 'Order of 3 March 2030'}\n")
    calendar = FederalCalendar(load_closures(own))
    off = calendar.day_off(date(2030, 3, 4))
    assert off is not None
    assert off.authority == "Order of 3 March 2030"
    assert not calendar.is_working_day(date(2025, 12, 24)), "those of the package stay"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "closures: 3",
        "closures: [3]",
        "closures: [{day: 2030-03-04, code: storm}]",
        "closures: [{day: soon, code: storm, authority: x}]",
        "closures: [{day: 2030-03-04T00:00:00Z, code: storm, authority: x}]",
        "closures: [{day: 2030-03-04, code: '', authority: x}]",
        "closures: [{day: 2030-03-04, code: a, authority: x}, {day: 2030-03-04, code: b, authority: x}]",
        "closures: [",
    ],
)
def test_a_file_that_says_nothing_clear_is_refused_by_name(tmp_path: Path, text: str) -> None:
    own = tmp_path / "our-closures.yaml"
    own.write_text(text)
    with pytest.raises(ValueError, match=r"our-closures\.yaml"):
        load_closures(own)


def test_closures_are_days_of_work_otherwise() -> None:
    """A closure on a day that is off anyway would be a mistake in the data."""
    bare = FederalCalendar()
    assert [c for c in load_closures() if not bare.is_working_day(c.day)] == []
    assert all(isinstance(c, Closure) for c in load_closures())
