"""Steps for too long a wait: they add employees and take none away, and the shipped register holds together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.routing.hours import Hours
from chat_gateway.routing.matching import Agent, Waiting, why_not
from chat_gateway.routing.registers import Registers, WaitStep, load
from chat_gateway.serving import Topics
from common.federal_calendar import FederalCalendar
from common.ids import new_id
from common.testing import FixedClock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
CODES = st.frozensets(st.sampled_from(["retirement", "general", "disability"]), min_size=1)
OFFICES = st.none() | st.frozensets(st.sampled_from(["S01", "S02"]), min_size=1)


@st.composite
def steps(draw: st.DrawFn) -> WaitStep:
    minutes = draw(st.integers(1, 60))
    kind = draw(st.sampled_from(["experts", "offices", "any", "offer"]))
    kinds: dict[str, dict[str, Any]] = {
        "experts": {"designations": draw(CODES)},
        "offices": {"offices": draw(OFFICES.filter(bool))},
        "any": {"any_office": True},
        "offer": {"offer": ("leave-message",)},
    }
    return WaitStep(after_minutes=minutes, **kinds[kind])


def topics(made: list[WaitStep], offices: frozenset[str] | None) -> Topics:
    shipped = load()
    (topic,) = [one for one in shipped.topics if one.code == "retirement"]
    version = topic.versions[0].model_copy(update={"offices": offices})
    changed = topic.model_copy(update={"too_long": tuple(made), "versions": (version,)})
    registers: Registers = shipped.model_copy(update={"topics": (changed,)})
    return Topics(registers, Hours(registers, FederalCalendar(())), FixedClock(NOW))


@given(st.lists(steps(), max_size=4), OFFICES, CODES, st.sampled_from(["S01", "S02", "S03"]))
def test_a_step_only_adds_employees(
    made: list[WaitStep], offices: frozenset[str] | None, has: frozenset[str], office: str
) -> None:
    """Whoever could take it can take it after every further step; nobody comes in whom no step names."""
    register = topics(made, offices)
    agent = Agent("a", has, frozenset({"en"}), office, capacity=3, load=0, available=True)
    asks = Waiting(new_id(), "retirement", "en", NOW)
    may = [why_not(agent, asks, register.need("retirement", n)) is None for n in range(len(made) + 1)]
    assert may == sorted(may), "once in, always in"
    for before, after, step in zip(may[:-1], may[1:], made, strict=True):
        assert before == after or step.reroutes
    busy = Agent("a", has, frozenset({"es"}), office, capacity=3, load=3, available=True)
    assert why_not(busy, asks, register.need("retirement", len(made))) is not None, "language and capacity count always"


@pytest.mark.peer("G13")
def test_the_shipped_topics_all_end_with_another_way(  # nobody is left with nothing but waiting
) -> None:
    registers = load()
    for code, version in registers.offered(NOW.date()):
        made = registers.too_long(code)
        assert made[-1].offer == ("leave-message", "keep-place"), code
        assert made[0].after <= version.longest_wait + timedelta(minutes=5), code


@pytest.mark.parametrize(
    "wrong",
    [
        {"after_minutes": 5},
        {"after_minutes": 5, "designations": ["general"], "offer": ["keep-place"]},
        {"after_minutes": 5, "any_office": True, "offices": ["S01"]},
        {"after_minutes": 0, "offer": ["keep-place"]},
        {"after_minutes": 5, "offer": ["an-apology"]},
    ],
    ids=["nothing", "both", "two-offices", "at-once", "unknown"],
)
def test_a_step_that_says_nothing_or_two_things_stops_the_start(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"a step names|greater than|leave-message"):
        WaitStep.model_validate(wrong)
