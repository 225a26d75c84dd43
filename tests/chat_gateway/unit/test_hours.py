"""When somebody is there: time zones, changed clocks, holidays, closures, furloughs, offices; and the registers' own rules."""

import hashlib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from chat_gateway.routing.hours import Hours, Opening
from chat_gateway.routing.registers import Registers, TopicVersion, load
from common.federal_calendar import Closure, FederalCalendar
from common.testing.issuer import DESIGNATIONS
from muniment import tokens

EASTERN = ZoneInfo("America/New_York")
CALENDAR = FederalCalendar([Closure(date(2026, 12, 24), "day-before-christmas", "E.O. of a test")])
MOMENTS = st.integers(0, 2 * 365 * 24 * 3600).map(lambda s: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=s))
TOPIC: dict[str, Any] = {
    "code": "retirement",
    "versions": [
        {
            "from": date(2026, 1, 1),
            "names": {"en": "Retirement"},
            "designations": ["retirement"],
            "hours": "national",
            "longest_wait_minutes": 20,
            "other_channels": ["telephone"],
        }
    ],
}


def digest_of(version: TopicVersion) -> str:
    """What a version says, in a few letters."""
    said = orjson.loads(version.model_dump_json(by_alias=True))
    said["designations"].sort()
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()[:16]


def registers(**changes: Any) -> Registers:
    week = ("mon", "tue", "wed", "thu", "fri")
    document: dict[str, Any] = {
        "topics": [TOPIC],
        "channels": {"telephone": {"en": "Call"}},
        "schedules": {
            "national": {
                "zone": "America/New_York",
                "federal_days_off": True,
                "week": {day: ["08:00-12:00", "13:00-19:00"] for day in week},
            },
            "west": {
                "zone": "America/Los_Angeles",
                "federal_days_off": True,
                "week": {day: ["09:00-17:00"] for day in week},
            },
            "night": {"zone": "America/New_York", "federal_days_off": False, "week": {"sun": ["00:00-24:00"]}},
        },
        "offices": {"W01": "west"},
        "closures": [],
        "furloughs": [],
        "priorities": {},
    }
    return Registers.model_validate(document | changes)


def opening(local: str, **changes: Any) -> Opening:
    found = registers(**changes)
    version = found.topic("retirement", date(2026, 6, 1))
    assert version is not None
    return Hours(found, CALENDAR).of_topic(
        version, datetime.fromisoformat(local).replace(tzinfo=EASTERN).astimezone(UTC)
    )


def eastern(moment: datetime | None) -> str | None:
    return moment.astimezone(EASTERN).isoformat(timespec="minutes")[:16] if moment else None


@pytest.mark.parametrize(
    ("local", "until", "opens_at", "why"),
    [
        ("2026-03-02T08:00", "2026-03-02T12:00", None, ""),
        ("2026-03-02T07:59", None, "2026-03-02T08:00", "outside-hours"),
        ("2026-03-02T12:00", None, "2026-03-02T13:00", "outside-hours"),
        ("2026-03-06T19:00", None, "2026-03-09T08:00", "outside-hours"),  # clocks go forward in between
        ("2026-10-30T20:00", None, "2026-11-02T08:00", "outside-hours"),  # and back
        ("2026-07-03T10:00", None, "2026-07-06T08:00", "independence-day"),
        ("2027-12-31T10:00", None, "2028-01-03T08:00", "new-years-day"),
        ("2026-12-23T19:30", None, "2026-12-28T08:00", "outside-hours"),
        ("2026-12-24T10:00", None, "2026-12-28T08:00", "day-before-christmas"),
    ],
)
def test_hours_of_a_week_with_federal_days_off(local: str, until: str | None, opens_at: str | None, why: str) -> None:
    found = opening(local)
    assert (found.open, eastern(found.until), eastern(found.opens_at), found.why) == (bool(until), until, opens_at, why)


def test_a_closure_of_the_agencys_own() -> None:
    storm = {"first": date(2026, 3, 3), "last": date(2026, 3, 4), "reason": "storm", "schedules": ["national"]}
    found = opening("2026-03-03T10:00", closures=[storm])
    assert (found.open, found.why, eastern(found.opens_at)) == (False, "storm", "2026-03-05T08:00")
    assert opening("2026-03-03T10:00", closures=[storm | {"schedules": ["west"]}]).open


def test_in_a_furlough_only_the_excepted_are_there() -> None:
    furlough = {"first": date(2026, 10, 1), "last": None}
    found = opening("2026-10-05T10:00", furloughs=[furlough])
    assert (found.open, found.why, found.authority, found.opens_at) == (False, "furlough", "31 U.S.C. 1342", None)
    assert opening("2026-10-05T10:00", furloughs=[furlough | {"excepted": ["national"]}]).open
    ended = opening("2026-10-05T10:00", furloughs=[furlough | {"last": date(2026, 10, 6)}])
    assert eastern(ended.opens_at) == "2026-10-07T08:00"


def test_a_topic_is_open_while_an_office_that_serves_it_is() -> None:
    topic = {**TOPIC, "versions": [TOPIC["versions"][0] | {"offices": ["W01"]}]}
    early = opening("2026-03-02T10:00", topics=[topic])
    assert (early.open, eastern(early.opens_at)) == (False, "2026-03-02T13:00"), "12:00 in the east is 9:00 in the west"
    late = opening("2026-03-02T18:30", topics=[topic])
    assert (late.open, eastern(late.until)) == (True, "2026-03-02T19:00")
    never = opening("2026-03-02T10:00", topics=[topic], offices={"W01": "night"})
    assert (never.open, never.opens_at) == (False, None)
    unnamed = {**TOPIC, "versions": [TOPIC["versions"][0] | {"offices": ["W01", "X09"]}]}
    assert opening("2026-03-02T10:00", topics=[unnamed]).open, "an office without hours of its own keeps the topic's"


@given(at=MOMENTS)
def test_what_is_said_of_the_next_change_comes_true(at: datetime) -> None:
    found = registers()
    version = found.topic("retirement", date(2026, 6, 1))
    assert version is not None
    hours = Hours(found, CALENDAR)
    now, tick = hours.of_topic(version, at), timedelta(microseconds=1)
    local = at.astimezone(EASTERN)
    if now.open:
        assert now.until is not None
        assert hours.of_topic(version, now.until - tick).open
        assert not hours.of_topic(version, now.until).open
        assert local.weekday() < 5
    else:
        assert now.opens_at is not None
        assert now.opens_at > at
        assert hours.of_topic(version, now.opens_at).open
        assert not hours.of_topic(version, now.opens_at - tick).open
        assert now.why


def test_windows_that_meet_at_midnight_are_one() -> None:
    week = {day: ["00:00-24:00"] for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}
    always = {"zone": "America/New_York", "federal_days_off": False, "week": week}
    workdays = always | {"week": {day: week[day] for day in ("mon", "tue", "wed", "thu", "fri")}}
    west = registers().schedules["west"].model_dump(exclude={"week"}) | {"week": {}}
    found = opening("2026-03-04T10:00", schedules={"national": always, "west": west, "night": west})
    assert (found.open, found.until) == (True, None)
    found = opening("2026-03-04T10:00", schedules={"national": workdays, "west": west, "night": west})
    assert (found.open, eastern(found.until)) == (True, "2026-03-07T00:00")


def test_a_topic_holds_from_its_day_on_and_until_it_is_retired() -> None:
    first = TOPIC["versions"][0]
    later = first | {"from": date(2026, 6, 1), "designations": ["retirement", "estimates"]}
    found = registers(topics=[{**TOPIC, "versions": [first, later], "retired": date(2027, 1, 1)}])
    on = {day: found.topic("retirement", date.fromisoformat(day)) for day in ("2026-05-31", "2026-06-01")}
    assert [len(v.designations) for v in on.values() if v] == [1, 2]
    assert found.topic("retirement", date(2025, 12, 31)) is None
    assert found.topic("retirement", date(2027, 1, 1)) is None
    assert found.topic("farming", date(2026, 6, 1)) is None
    assert [code for code, _ in found.offered(date(2026, 6, 1))] == ["retirement"]


@pytest.mark.parametrize(
    "changes",
    [
        {"topics": [TOPIC, TOPIC]},
        {"topics": [{**TOPIC, "versions": [TOPIC["versions"][0] | {"hours": "lunar"}]}]},
        {"topics": [{**TOPIC, "versions": [TOPIC["versions"][0] | {"other_channels": ["pigeon"]}]}]},
        {"topics": [{**TOPIC, "versions": [TOPIC["versions"][0] | {"names": {"es": "Jubilación"}}]}]},
        {"topics": [{**TOPIC, "versions": [TOPIC["versions"][0] | {"designations": []}]}]},
        {"topics": [{**TOPIC, "versions": [TOPIC["versions"][0], TOPIC["versions"][0]]}]},
        {"topics": [{**TOPIC, "designated": ["x"]}]},
        {"offices": {"S01": "lunar"}},
        {"furloughs": [{"first": date(2026, 1, 1), "excepted": ["lunar"]}]},
        {"schedules": {"national": {"zone": "Moon/Tycho", "federal_days_off": True, "week": {}}}},
        {"schedules": {"national": {"zone": "UTC", "federal_days_off": True, "week": {"mon": ["19:00-08:00"]}}}},
        {"schedules": {"national": {"zone": "UTC", "federal_days_off": True, "week": {"mon": ["8 to 9"]}}}},
        {"schedules": {"national": {"zone": "UTC", "federal_days_off": True, "week": {"monday": []}}}},
        {"priorities": {"loud": {"head_start_minutes": 100_000, "name": "for ever"}}},
    ],
)
def test_registers_that_do_not_hold_together_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        registers(**changes)


def test_an_agency_puts_files_of_its_own_in_place(tmp_path: Path) -> None:
    (tmp_path / "priorities.yaml").write_text(yaml.safe_dump({"priorities": {}}))
    assert load(tmp_path).priorities == {}
    assert load(tmp_path).topics == load().topics
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "nowhere")
    (tmp_path / "hours.yaml").write_text("- 1")
    with pytest.raises(ValueError, match=r"hours\.yaml"):
        load(tmp_path)


IN_FORCE = {
    ("change-of-address", "2026-01-01"): "a85ae3f77c0e1f7d",
    ("direct-deposit", "2026-01-01"): "d02c90deb52d8b40",
    ("disability", "2026-01-01"): "12454d7b9ca38b16",
    ("general", "2026-01-01"): "9f745fa949ae44ee",
    ("identity-records", "2026-01-01"): "f1622acf5f567d46",
    ("medicare", "2026-01-01"): "5e807f86d1334567",
    ("overpayment", "2026-01-01"): "80bcf97a15a4b8b8",
    ("retirement", "2026-01-01"): "5c4f8c66e68d7b23",
    ("survivors", "2026-01-01"): "4be492899b5421c4",
}
"""Versions that were in force, with the digest of what they say. A change is a new version with its own day."""


def test_a_version_that_was_in_force_is_not_edited() -> None:
    found = {
        (topic.code, version.since.isoformat()): digest_of(version)
        for topic in load().topics
        for version in topic.versions
    }
    assert {place: found.get(place) for place in IN_FORCE} == IN_FORCE


def test_the_closed_list_of_the_development_issuers_names_every_designation() -> None:
    needed = {code for topic in load().topics for version in topic.versions for code in version.designations}
    assert needed == set(DESIGNATIONS) == set(tokens.DESIGNATIONS)


def test_what_leads_to_payments_asks_for_a_better_proof_than_a_general_question() -> None:
    registers = load()
    assert (registers.asked("general").ial, registers.asked("general").max_age) == (1, None)
    assert (registers.asked("direct-deposit").ial, registers.asked("direct-deposit").max_age) == (2, 900)
    assert registers.asked("no-such-topic") == registers.asked("general")
