"""Clocks, doors, grounds, copies, other people, letters: the rules of individuals' requests by themselves."""

from datetime import date

import pytest

from common.federal_calendar import FederalCalendar, load_closures
from common.pii.particulars import Person
from common.pii.taxonomy import load
from common.pii.third_persons import REQUESTER, Entry, proposals
from disclosure.individuals import clocks, copies, doors, grounds, letters
from disclosure.individuals.identity import Claim, judge, table
from disclosure.individuals.letters import Official

CALENDAR = FederalCalendar(load_closures())


@pytest.mark.req("S1-117")
@pytest.mark.parametrize(
    ("received", "acknowledge", "review"),
    [
        (date(2026, 11, 20), date(2026, 12, 7), date(2027, 1, 6)),
        (date(2026, 11, 21), date(2026, 12, 7), date(2027, 1, 6)),
        (date(2026, 6, 30), date(2026, 7, 15), date(2026, 8, 12)),
        (date(2027, 12, 23), date(2028, 1, 10), date(2028, 2, 8)),
    ],
)
def test_time_limits_in_working_days_with_their_proof(received: date, acknowledge: date, review: date) -> None:
    first = clocks.to_acknowledge(CALENDAR, "amendment", received)
    assert first is not None
    assert (first.due_on, first.working_days) == (acknowledge, 10)
    second = clocks.to_review(CALENDAR, received)
    assert (second.due_on, second.working_days) == (review, 30)
    for clock in (first, second):
        days = (clock.due_on - clock.started_on).days
        assert days == clock.working_days + len(clock.skipped)  # type: ignore[operator]
        assert all(off.authority for off in clock.skipped)


def test_the_first_of_january_2028_is_kept_on_the_last_day_of_2027() -> None:
    clock = clocks.to_acknowledge(CALENDAR, "amendment", date(2027, 12, 23))
    assert clock is not None
    assert (date(2027, 12, 31), "new-years-day") in [(off.day, off.code) for off in clock.skipped]


def test_the_act_sets_no_time_limit_for_access_and_notification() -> None:
    assert clocks.to_acknowledge(CALENDAR, "access", date(2026, 11, 20)) is None
    assert clocks.to_acknowledge(CALENDAR, "notification", date(2026, 11, 20)) is None


def test_what_belongs_elsewhere_says_where_and_why() -> None:
    assert set(doors.elsewhere()) == {"claim-determination", "earnings-record", "agency-records"}
    for code in doors.elsewhere():
        letter = letters.sent_on(doors.aims()[code], date(2026, 11, 20))
        assert doors.aims()[code].to in letter
        assert "20 November 2026" in letter


@pytest.mark.req("S1-119")
@pytest.mark.parametrize(
    "code", ["j2", "(j)(2)", "552a-j-2", "k", "k2", "K5", "(k)(2)", "552a(k)(6)", "5 U.S.C. 552a(k)(2)"]
)
def test_no_exemption_is_a_reason(code: str) -> None:
    (wrong,) = grounds.wrong_with("access", [code], {})
    assert "claims no exemption" in wrong.message
    assert code not in wrong.message.split()


@pytest.mark.parametrize("code", ["b5", "foia-b6", "(b)(7)(c)", "b7c"])
def test_an_exemption_of_foia_withholds_nothing_from_the_person(code: str) -> None:
    (wrong,) = grounds.wrong_with("access", [code], {})
    assert "552a(t)(1)" in wrong.message


@pytest.mark.parametrize("code", ["too-much-work", "kept", "basis", "", "j2-and-more", "fear"])
def test_a_reason_of_ones_own_is_none(code: str) -> None:
    (wrong,) = grounds.wrong_with("access", [code], {})
    assert "is no reason to refuse here" in wrong.message


def test_what_was_compiled_for_a_proceeding_names_it() -> None:
    (wrong,) = grounds.wrong_with("access", ["compiled-for-proceeding"], {})
    assert wrong.field == "references.proceeding.reference"
    assert not grounds.wrong_with("access", ["compiled-for-proceeding"], {"proceeding.reference": "DOCKET-7"})
    assert grounds.grounds_for("notification") == {}


def test_only_copies_cost_something() -> None:
    assert [w.field for w in copies.wrong_fees(["copy", "search", "review"], "paper")] == [
        "fees[1].charged_for",
        "fees[2].charged_for",
    ]
    assert copies.wrong_fees(["copy"], "paper") == []
    assert [w.field for w in copies.wrong_fees(["copy"], "seen-in-person")] == ["fees"]


def test_a_companion_is_there_on_a_written_statement_only() -> None:
    assert [w.field for w in copies.wrong_companion(accompanied=True, statement="")] == ["companion_statement"]
    assert copies.wrong_companion(accompanied=True, statement="SCAN-1") == []


@pytest.mark.req("S2-020")
def test_what_is_about_other_people_is_proposed_and_ones_own_is_not() -> None:
    text = "I am Ann Lee, 219-09-9999. My husband Robert Stone has 457-55-5462 and lives at home. Call 800-772-1213."
    own = Person(id=REQUESTER, given=("Ann",), family="Lee", ssn="219-09-9999")
    found = proposals([Entry(3, text), Entry(4, "Thank you.")], own, [], load())
    assert {(p.seq, text[p.start : p.end]) for p in found} == {(3, "Robert Stone"), (3, "457-55-5462")}


def test_a_known_third_person_is_found_wherever_they_are_named() -> None:
    text = "Stone wrote it, and stone said so."
    other = Person(id="other-0", given=("Robert",), family="Stone")
    found = proposals([Entry(1, text)], Person(id=REQUESTER), [other], load())
    assert [text[p.start : p.end] for p in found] == ["Stone", "stone"]


@pytest.mark.parametrize("kind", ["access", "amendment"])
def test_a_refusal_says_reason_way_and_who_reviews(kind: str) -> None:
    given = [grounds.grounds_for("amendment")["record-is-right"]]
    letter = letters.refusal(kind, given, "REASON", Official("NAME", "ADDRESS"), "PROCEDURE", part=False)
    for said in ("REASON", "NAME", "ADDRESS", "PROCEDURE", given[0].citation):
        assert said in letter


def test_the_letter_that_asks_for_proof_depends_on_the_proof_alone() -> None:
    verdict = judge(table(), Claim("mail", "self", "customer", "ordinary", {}), today=date(2026, 3, 2))
    letter = letters.proof_needed(table(), verdict)
    assert "before we can say whether there is a record" in letter
    for name in verdict.missing:
        assert table().elements[name].asks in letter
