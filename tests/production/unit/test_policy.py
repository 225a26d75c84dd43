"""What may be stored, as tables and properties."""

from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.production import ActionCompleted
from production.metrics import minutes, totals
from production.model import Assignment, Figure
from production.policy import wrong_with_action, wrong_with_assignments
from tests.production.work import MORNING, action


def wrong(**fields: Any) -> list[str]:
    return [w.field for w in wrong_with_action(ActionCompleted.model_validate(action(**fields)))]


@pytest.mark.parametrize("case_number", ["", "EAC2612345678", "A12345678", "A-123456789", "A 1234567", "219099999012"])
def test_the_three_numbers_of_a_requestor_are_taken(case_number: str) -> None:
    assert wrong(pii={"case_number": case_number}) == []


@pytest.mark.req("S3-042")
@pytest.mark.parametrize(
    "case_number",
    ["Jane Smith", "jane@example.org", "202-555-0123", "X1234567", "EAC26", "B123456789", "1985-04-12", " "],
)
def test_no_other_identifier_of_a_requestor_is_taken(case_number: str) -> None:
    assert wrong(pii={"case_number": case_number}) == ["pii.case_number"]


def test_times_have_an_order_and_an_offset() -> None:
    assert wrong(completed_at=(MORNING - timedelta(seconds=1)).isoformat()) == ["completed_at"]
    assert wrong(completed_at=MORNING.isoformat()) == []
    assert wrong(started_at="2026-03-02T09:00:00") == ["started_at"]


@pytest.mark.parametrize("pin", ["", "Jane Smith", "1" * 33, "j\N{LATIN SMALL LETTER A WITH ACUTE}ne"])
def test_a_pin_is_a_short_code(pin: str) -> None:
    assert wrong(pii={"employee_pin": pin}) == ["pii.employee_pin"]


DAY = date(2026, 1, 1)


def chart(*spans: tuple[int, int | None], supervisor: str | None = None) -> list[Assignment]:
    return [
        Assignment("S01", "R1", supervisor, DAY + timedelta(days=a), None if b is None else DAY + timedelta(days=b))
        for a, b in spans
    ]


@pytest.mark.parametrize(
    ("spans", "fields"),
    [
        ([], []),
        ([(0, None)], []),
        ([(0, 10), (10, None)], []),
        ([(10, None), (0, 10)], []),
        ([(0, 10), (20, 30)], []),
        ([(0, 11), (10, None)], ["assignments.1.valid_from"]),
        ([(0, None), (10, 20)], ["assignments.1.valid_from"]),
        ([(5, 5)], ["assignments.0.valid_to"]),
        ([(5, 4)], ["assignments.0.valid_to"]),
        ([(0, 10), (0, 10)], ["assignments.1.valid_from"]),
    ],
)
def test_an_employee_is_in_one_place_at_a_time(spans: list[tuple[int, int | None]], fields: list[str]) -> None:
    assert [w.field for w in wrong_with_assignments("100001", chart(*spans))] == fields


def test_nobody_supervises_themselves() -> None:
    found = wrong_with_assignments("100001", chart((0, None), supervisor="100001"))
    assert [w.field for w in found] == ["assignments.0.supervisor_pin"]


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(1, 20) | st.none()), max_size=5))
def test_a_chart_passes_exactly_when_no_day_is_held_twice(spans: list[tuple[int, int | None]]) -> None:
    history = chart(*((start, None if length is None else start + length) for start, length in spans))
    days = [DAY + timedelta(days=n) for n in range(100)]
    twice = any(sum(a.holds_on(day) for a in history) > 1 for day in days)
    assert bool(wrong_with_assignments("100001", history)) is twice


def figure(seconds: float, messages: int = 0, chats: int = 0) -> Figure:
    return Figure(UUID(int=1), "other", "", "regular", 1, seconds, chats, messages)


def test_minutes_are_rounded_once_after_adding() -> None:
    assert minutes(90) == 1.5
    # Three times 2.9 seconds are 0.0 minutes each, and 0.1 together.
    assert totals([figure(2.9)] * 3).minutes == 0.1


@given(st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 50)), max_size=20))
def test_totals_are_the_sums(work: list[tuple[int, int]]) -> None:
    found = totals([figure(seconds, messages, chats=1) for seconds, messages in work])
    assert (found.actions, found.chats, found.messages) == (len(work), len(work), sum(m for _, m in work))
    assert found.minutes == round(sum(s for s, _ in work) / 60, 1)
