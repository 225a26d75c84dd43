"""What goes of production figures: the elements that were named, and nothing that belongs to another one."""

import itertools
import json
from datetime import date
from typing import Any

import pytest

from common.ids import new_id
from production.releases.figures import ACTIONS, CASES, HELD, HOURS, NOT_TO_BE_PASSED_ON, Held, Place, Work, copy_of

MARKS = {
    "user-id": ["telltale-pin"],
    "office": ["S77", "R7"],
    "hours": ["overtime", "minutes"],
    "actions": ["case_adjudicated", "I-90", "approved"],
    "case-ids": ["EAC1234567890"],
}
"""Values that stand in a copy only where their element was named."""


def held(**changes: Any) -> Held:
    work = [
        Work(date(2026, 3, 1), "case_adjudicated", "I-90", "overtime", "approved", 3, 5400.0),
        Work(date(2026, 3, 1), "case_adjudicated", "I-90", "regular", "approved", 1, 600.0),
        Work(date(2026, 4, 1), "case_adjudicated", "I-90", "regular", "denied", 2, 1200.0),
    ]
    fields: dict[str, Any] = {
        "record_id": new_id(), "pin": "telltale-pin", "places": [Place("S77", "R7", date(2026, 1, 5), None)],
        "work": work, "action_ids": [new_id()], "cases": ["EAC1234567890"],
    } | changes  # fmt: skip
    return Held(**fields)


def said(*named: str, record: Held | None = None) -> dict[str, Any]:
    copy = copy_of(record or held(), named, notations=[], copy_id=new_id(), salt="s")
    found: dict[str, Any] = json.loads(copy.text)
    return found


@pytest.mark.req("S3-083")
@pytest.mark.parametrize("size", range(1, len(HELD) + 1))
def test_each_choice_of_elements_lets_through_these_and_no_other(size: int) -> None:
    for named in itertools.combinations(HELD, size):
        text = json.dumps(said(*named))
        for element, marks in MARKS.items():
            assert [mark in text for mark in marks] == [element in named] * len(marks), (named, element)
        assert NOT_TO_BE_PASSED_ON in text


def test_work_is_summed_by_month_and_by_what_was_named() -> None:
    assert said(HOURS)["work"] == [
        {"month": "2026-03", "hour_type": "overtime", "minutes": 90},
        {"month": "2026-03", "hour_type": "regular", "minutes": 10},
        {"month": "2026-04", "hour_type": "regular", "minutes": 20},
    ]
    sort = {"kind": "case_adjudicated", "form_type": "I-90"}
    assert said(ACTIONS)["work"] == [
        {"month": "2026-03", **sort, "outcome": "approved", "actions": 4},
        {"month": "2026-04", **sort, "outcome": "denied", "actions": 2},
    ]


def test_an_element_that_is_not_held_is_said_to_be_so() -> None:
    document = said("name", "position", CASES)
    assert (document["not_held"], document["elements"]) == (["name", "position"], [CASES])


def test_a_hash_tells_nothing_without_the_salt_and_changes_with_the_record() -> None:
    record = held()
    assert record.digest("a") == record.digest("a") != record.digest("b")
    assert record.digest("a") != held(record_id=record.record_id, action_ids=[*record.action_ids, new_id()]).digest("a")
