"""The interval for the wait: it holds as often as it says, learns nothing from the future, and is silent without knowledge."""

import heapq
import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.routing.waits import COVERAGE, FEWEST, Wait, back_test, estimate

BEGAN = datetime(2026, 3, 2, 13, tzinfo=UTC)


def waits(lasted: list[float], *, place: int = 1, topic: str = "retirement", language: str = "en") -> list[Wait]:
    """So many waits, one after the other, a minute apart."""
    found = []
    for number, seconds in enumerate(lasted):
        began = BEGAN + timedelta(minutes=number)
        found.append(Wait(topic, language, place, began, began + timedelta(seconds=seconds)))
    return found


def queue_of(seed: int, days: int, *, agents: int, every: float, handling: float, morning: float = 1.0) -> list[Wait]:
    """A queue with random arrivals and conversations, served in order: what the record of some days may look like.

    Args:
        every, handling: seconds, in the mean.
        morning: how much faster people come in the first two hours.
    """
    chance = random.Random(seed)  # noqa: S311 - no secret: a repeatable day
    found = []
    for day in range(days):
        opens = BEGAN + timedelta(days=day)
        free = [0.0] * agents
        heapq.heapify(free)
        starts: list[float] = []
        clock = 0.0
        while clock < 8 * 3600:
            clock += chance.expovariate((morning if clock < 7200 else 1.0) / every)
            starts_at = max(clock, heapq.heappop(free))
            heapq.heappush(free, starts_at + chance.lognormvariate(0, 0.6) * handling)
            place = 1 + sum(s > clock for s in starts)
            starts.append(starts_at)
            began = opens + timedelta(seconds=clock)
            found.append(Wait("retirement", "en", place, began, opens + timedelta(seconds=starts_at + 1)))
    return found


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    "load", [{"agents": 4, "every": 95, "handling": 300}, {"agents": 6, "every": 70, "handling": 300}]
)
def test_it_holds_as_often_as_it_says(seed: int, load: dict[str, float]) -> None:
    """On days that are like each other, back-tested: made from what was known at that moment."""
    record = queue_of(seed, 4, agents=int(load["agents"]), every=load["every"], handling=load["handling"])
    tested = back_test(record)
    assert tested.answered > tested.asked / 2
    assert tested.coverage is not None
    assert tested.coverage >= COVERAGE - 0.05


def test_a_bad_morning_shows_in_the_back_test() -> None:
    """Where days are not like each other the interval fails more often, and the back-test says so instead of hiding it."""
    calm = queue_of(1, 3, agents=6, every=120, handling=240)
    stormy = [
        Wait(w.topic, w.language, w.place, w.began + timedelta(days=3), w.ended + timedelta(days=3))
        for w in queue_of(2, 1, agents=2, every=40, handling=240)
    ]
    quiet, both = back_test(calm).coverage, back_test(calm + stormy).coverage
    assert quiet is not None
    assert both is not None
    assert both < quiet


@given(st.lists(st.floats(0, 3600), max_size=FEWEST - 1))
def test_too_little_is_said_to_be_too_little(lasted: list[float]) -> None:
    record = waits(lasted)
    at = BEGAN + timedelta(hours=2)
    assert estimate(record, topic="retirement", language="en", place=1, at=at) is None


@given(st.lists(st.floats(0, 3600), min_size=FEWEST, max_size=60), st.floats(0, 600))
def test_it_lies_within_what_was_seen_and_counts_what_was_waited(lasted: list[float], waited: float) -> None:
    record, at = waits(lasted), BEGAN + timedelta(hours=3)
    spent = timedelta(seconds=waited)
    said = estimate(record, topic="retirement", language="en", place=1, at=at, waited=spent)
    enough = sum(w.lasted >= spent for w in record) >= FEWEST
    assert (said is not None) == enough
    if said is not None:
        longest = max(w.lasted for w in record)
        assert timedelta(0) <= said.least <= said.most <= longest - spent
        assert said.coverage >= COVERAGE
        assert said.known_from >= FEWEST


def test_another_topic_language_or_place_says_nothing_here() -> None:
    at = BEGAN + timedelta(hours=2)
    record = waits([60.0] * 40)
    assert estimate(record, topic="retirement", language="en", place=1, at=at) is not None
    assert estimate(record, topic="medicare", language="en", place=1, at=at) is None
    assert estimate(record, topic="retirement", language="es", place=1, at=at) is None
    assert estimate(record, topic="retirement", language="en", place=9, at=at) is None
    assert estimate(record, topic="retirement", language="en", place=1, at=at + timedelta(days=15)) is None


def test_nothing_is_learnt_from_the_future() -> None:
    record = waits([60.0] * 40)
    assert estimate(record, topic="retirement", language="en", place=1, at=BEGAN + timedelta(minutes=10)) is None


def test_the_time_of_day_counts_when_enough_is_known_of_it() -> None:
    slow = waits([600.0] * 30)
    fast = [
        Wait(w.topic, w.language, w.place, w.began + timedelta(hours=6), w.began + timedelta(hours=6, seconds=30))
        for w in slow
    ]
    morning = estimate(slow + fast, topic="retirement", language="en", place=1, at=BEGAN + timedelta(days=1))
    evening = estimate(slow + fast, topic="retirement", language="en", place=1, at=BEGAN + timedelta(days=1, hours=6))
    assert morning is not None
    assert evening is not None
    assert (morning.least.seconds, evening.most.seconds) == (600, 30)
