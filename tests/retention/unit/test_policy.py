"""The eligibility rules: the table of cases, and what holds for all facts."""

import tomllib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import retention
from retention.model import GENERAL, Facts, ReasonCode, ScheduleItem
from retention.policy import cut_off, eligibility, years_after
from retention.series import load_series

TABLE = tomllib.loads((Path(str(retention.__file__)).parents[2] / "policies/eligibility.toml").read_text())
BASE: dict[str, Any] = TABLE["base"]


def names(value: Any) -> tuple[str, ...] | None:
    return None if value == "unknown" else tuple(value)


def facts_of(case: dict[str, Any]) -> Facts:
    events = case.get("events", BASE["events"])
    return Facts(
        agency=case.get("agency", BASE["agency"]),
        citation=BASE["citation"],
        item=None if case.get("no_item") else ScheduleItem(**(BASE["item"] | case.get("item", {}))),
        events={name: None if when == "not yet" else when for name, when in events.items()},
        holds=names(case.get("holds", BASE["holds"])),
        disputes=names(case.get("disputes", BASE["disputes"])),
    )


@pytest.mark.req("S1-091")
@pytest.mark.parametrize("case", TABLE["case"], ids=lambda case: case["name"].replace(" ", "-"))
def test_each_case_comes_out_as_the_table_says(case: dict[str, Any]) -> None:
    found = eligibility(facts_of(case), now=case.get("now", BASE["now"]))
    assert found.outcome == case["outcome"]
    assert [reason.code for reason in found.reasons] == case.get("reasons", [])
    assert list(found.missing) == case.get("missing", [])
    assert found.eligible_at == case.get("eligible_at")
    assert all(reason.sentence and reason.citation for reason in found.reasons)


def test_the_table_shows_every_reason_and_every_outcome() -> None:
    shown = {code for case in TABLE["case"] for code in case.get("reasons", [])}
    assert shown == set(get_args(ReasonCode))
    assert {case["outcome"] for case in TABLE["case"]} == {"eligible", "not_eligible", "undecided"}


MOMENTS = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - bounds only
ITEMS = st.builds(
    ScheduleItem,
    code=st.just("i"),
    agency=st.sampled_from(["SSA", "USCIS", GENERAL]),
    disposition=st.sampled_from(["temporary", "permanent"]),
    status=st.sampled_from(["proposed", "approved", "withdrawn"]),
    authority=st.sampled_from(["", "DAA-1"]),
    event=st.just("closed"),
    cutoff=st.sampled_from(["event", "fiscal_year", "calendar_year"]),
    years=st.integers(0, 75),
    reason=st.just("r"),
    citation=st.just("c"),
)
KNOWN = st.none() | st.lists(st.sampled_from(["h1", "h2"]), max_size=2).map(tuple)
FACTS = st.builds(
    Facts,
    agency=st.sampled_from(["SSA", "USCIS"]),
    citation=st.just("c"),
    item=st.none() | ITEMS,
    events=st.just({}) | (st.none() | MOMENTS).map(lambda when: {"closed": when}),
    holds=KNOWN,
    disputes=KNOWN,
)


@given(FACTS, MOMENTS)
def test_eligible_means_that_every_condition_is_known_and_met(facts: Facts, now: datetime) -> None:
    found = eligibility(facts, now=now)
    item, when = facts.item, facts.events.get("closed")
    met = (
        item is not None
        and item.status == "approved"
        and bool(item.authority)
        and item.agency in {facts.agency, GENERAL}
        and item.disposition == "temporary"
        and when is not None
        and now >= years_after(cut_off(item, when), item.years)
        and facts.holds == ()
        and facts.disputes == ()
    )
    assert (found.outcome == "eligible") is met


@given(FACTS, MOMENTS)
def test_the_same_facts_give_the_same_answer(facts: Facts, now: datetime) -> None:
    assert eligibility(facts, now=now) == eligibility(replace(facts), now=now)


@given(FACTS, MOMENTS)
def test_a_reason_refuses_and_a_gap_never_permits(facts: Facts, now: datetime) -> None:
    found = eligibility(facts, now=now)
    if found.reasons:
        assert found.outcome == "not_eligible"
    elif found.missing:
        assert found.outcome == "undecided"


@given(FACTS, MOMENTS, st.sampled_from(["h1", "h9"]))
def test_a_hold_more_never_makes_a_record_eligible(facts: Facts, now: datetime, hold: str) -> None:
    held = replace(facts, holds=(*(facts.holds or ()), hold))
    assert eligibility(held, now=now).outcome == "not_eligible"


@given(FACTS, MOMENTS, st.timedeltas(timedelta(0), timedelta(days=40000)))
def test_time_alone_takes_nothing_away(facts: Facts, now: datetime, later: timedelta) -> None:
    if eligibility(facts, now=now).outcome == "eligible":
        assert eligibility(facts, now=now + later).outcome == "eligible"


@given(ITEMS, MOMENTS)
def test_a_file_is_cut_off_within_the_year_after_its_event(item: ScheduleItem, happened: datetime) -> None:
    at = cut_off(item, happened)
    assert happened <= at <= happened + timedelta(days=366)
    if item.cutoff == "fiscal_year":
        assert (at.month, at.day, at.hour) == (10, 1, 0)
    if item.cutoff == "calendar_year":
        assert (at.month, at.day, at.hour) == (1, 1, 0)


@given(MOMENTS, st.integers(0, 100))
def test_years_later_is_the_same_day_or_the_first_after_a_leap_day(moment: datetime, years: int) -> None:
    at = years_after(moment, years)
    assert at.year == moment.year + years
    assert (at.month, at.day) in {(moment.month, moment.day), (3, 1)}
    assert at.time() == moment.time()


class TestProposedProductionSchedule:
    """The one item that the sources speak of (S3 1.4, 5.1), as it stands in series.toml."""

    LAST = datetime(2011, 3, 2, 12, 0, tzinfo=UTC)

    @pytest.fixture
    def item(self) -> ScheduleItem:
        found = load_series()["action"].item
        assert found is not None
        return found

    def facts(self, item: ScheduleItem) -> Facts:
        return Facts("USCIS", "PIA-086", item, {"last_completed_action": self.LAST}, holds=(), disputes=())

    @pytest.mark.req("S3-026", "S3-076")
    @pytest.mark.parametrize("years", [0, 14, 15, 20, 100])
    def test_proposed_it_gives_no_authority_at_any_age(self, item: ScheduleItem, years: int) -> None:
        found = eligibility(self.facts(item), now=years_after(self.LAST, years))
        assert found.outcome == "not_eligible"
        assert {"UNSCHEDULED", "SCHEDULE_PROPOSED"} <= {reason.code for reason in found.reasons}
        assert found.eligible_at is None, "only an approved schedule starts the clock"

    @pytest.mark.req("S3-027")
    def test_approved_it_makes_a_record_eligible_fifteen_years_to_the_day(self, item: ScheduleItem) -> None:
        approved = replace(item, status="approved", authority="DAA-0566-2030-0001-0001")
        at = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
        for now, outcome in (
            (at - timedelta(days=1), "not_eligible"),
            (at - timedelta(microseconds=1), "not_eligible"),
            (at, "eligible"),
        ):
            found = eligibility(self.facts(approved), now=now)
            assert (found.outcome, found.eligible_at) == (outcome, at)

    @pytest.mark.req("S3-080")
    def test_it_says_why_the_records_are_kept(self, item: ScheduleItem) -> None:
        assert "questions" in item.reason.lower()
        assert "complaints" in item.reason.lower()
