"""Rules about people (S3 2.1, 3.4), as tables."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.access import PERMISSIONS
from common.auth import EMPLOYEES, ROLES
from production.model import Assignment
from production.permissions import offices_touched, supervises

MOVED = [
    Assignment("S01", "R1", "200001", date(2026, 1, 1), date(2026, 2, 15)),
    Assignment("S02", "R1", "200002", date(2026, 2, 15), None),
]
BEFORE, AFTER, TODAY = date(2026, 2, 14), date(2026, 2, 15), date(2026, 3, 2)


@pytest.mark.parametrize(
    ("supervisor", "day", "today", "may", "why"),
    [
        ("200002", AFTER, TODAY, True, "then and now"),
        ("200001", BEFORE, BEFORE, True, "then and now, before the move"),
        ("200001", BEFORE, TODAY, False, "then, and no more"),
        ("200001", AFTER, TODAY, False, "neither"),
        ("200002", BEFORE, TODAY, False, "now, and not then"),
        ("200003", AFTER, TODAY, False, "never"),
        ("200001", date(2025, 12, 31), BEFORE, False, "before the employee came"),
    ],
)
def test_a_supervisor_sees_those_who_are_theirs_on_that_day_and_today(
    supervisor: str, day: date, today: date, *, may: bool, why: str
) -> None:
    assert supervises(supervisor, MOVED, day=day, today=today) is may, why


def test_nobody_supervises_an_employee_outside_the_chart() -> None:
    assert not supervises("200001", [], day=TODAY, today=TODAY)
    assert not supervises("200001", [Assignment("S01", "R1", None, BEFORE)], day=TODAY, today=TODAY)


def test_the_public_and_machines_have_no_figures() -> None:
    assert {"customer", "portal", "case_system"} == ROLES - EMPLOYEES
    for operation in ("report.own", "report.named", "report.team"):
        assert PERMISSIONS.rows[operation].grants.keys() <= EMPLOYEES


def test_a_change_touches_the_offices_of_rows_that_come_or_go() -> None:
    first = MOVED[0]
    assert offices_touched(MOVED, MOVED) == frozenset()
    assert offices_touched([first], MOVED) == {"S02"}
    assert offices_touched(MOVED, [first]) == {"S02"}
    assert offices_touched([], MOVED) == {"S01", "S02"}


DAYS = st.dates(date(2026, 1, 1), date(2026, 12, 31))


@given(DAYS, DAYS, DAYS)
def test_an_assignment_holds_from_its_first_day_to_the_day_before_its_last(begins: date, ends: date, day: date) -> None:
    assert Assignment("S01", "R1", None, begins, ends).holds_on(day) is (begins <= day < ends)
    assert Assignment("S01", "R1", None, begins).holds_on(day) is (begins <= day)
