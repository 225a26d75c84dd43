"""Silence: who is waited for, the warning before the end, and asking for more time."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chat_gateway.routing.quiet import Due, Patience, Quiet

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
PATIENCE = Patience(timedelta(minutes=5), timedelta(minutes=2))


def test_the_agencys_own_silence_ends_nothing() -> None:
    assert Quiet().next(PATIENCE) is None
    assert Quiet().agency_spoke(BEGAN).person_spoke().next(PATIENCE) is None
    assert Quiet().agency_spoke(BEGAN).paused().next(PATIENCE) is None


def test_a_warning_comes_before_the_end() -> None:
    quiet = Quiet().agency_spoke(BEGAN)
    assert quiet.next(PATIENCE) == (Due.WARN, BEGAN + timedelta(minutes=5))
    warned = quiet.warn(BEGAN + timedelta(minutes=7))
    assert warned.next(PATIENCE) == (Due.CLOSE, BEGAN + timedelta(minutes=7))
    assert warned.person_spoke().next(PATIENCE) is None
    assert warned.agency_spoke(BEGAN + timedelta(minutes=6)).next(PATIENCE) == (Due.WARN, BEGAN + timedelta(minutes=11))


def test_more_time_can_be_had_ten_times_in_a_row_and_again_after_a_word() -> None:
    quiet, at = Quiet().agency_spoke(BEGAN), BEGAN
    for taken in range(10):
        assert quiet.left(PATIENCE) == 10 - taken
        quiet = quiet.warn(at).extend(at)
        assert quiet.next(PATIENCE) == (Due.WARN, at + PATIENCE.silence)
    assert quiet.left(PATIENCE) == 0
    assert quiet.agency_spoke(at).left(PATIENCE) == 0, "the agency's words give nothing back and take nothing"
    assert quiet.person_spoke().left(PATIENCE) == 10


@given(acts=st.lists(st.sampled_from(["person", "agency", "warn", "extend", "pause"]), max_size=30))
def test_no_end_without_a_warning_since_the_last_word(acts: list[str]) -> None:
    quiet, at, warned = Quiet(), BEGAN, False
    for act in acts:
        at += timedelta(minutes=1)
        due = quiet.next(PATIENCE)
        if act == "warn" and due is not None and due[0] is Due.WARN:
            quiet, warned = quiet.warn(at + PATIENCE.warning), True
        elif act == "extend" and quiet.warned and quiet.left(PATIENCE):
            quiet, warned = quiet.extend(at), False
        elif act in {"person", "agency", "pause"}:
            quiet = {"person": quiet.person_spoke(), "agency": quiet.agency_spoke(at), "pause": quiet.paused()}[act]
            warned = False
        ends = quiet.next(PATIENCE)
        assert (ends is not None and ends[0] is Due.CLOSE) == warned


@pytest.mark.parametrize("bad", [{"warning": timedelta(seconds=19)}, {"extensions": 9}, {"silence": timedelta(0)}])
def test_less_than_the_success_criterion_asks_for_is_refused(bad: dict[str, object]) -> None:
    facts: dict[str, object] = {"silence": timedelta(minutes=5), "warning": timedelta(minutes=2), "extensions": 10}
    with pytest.raises(ValueError, match=r"WCAG 2\.2\.1"):
        Patience(**(facts | bad))  # type: ignore[arg-type]
