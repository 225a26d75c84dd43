"""What docs/load.md says follows from what was measured, and nothing that was not measured now is lost."""

import os

import pytest

from muniment.load import page
from muniment.load.active import Active
from muniment.load.growth import Length, Point, Return, growth
from muniment.load.idle import Idle
from muniment.load.synapse import Compared, Side
from muniment.load.watching import Taken, taken


def side(messages: float, p99: float) -> Side:
    return Side(messages, {"p50": 1.0, "p99": 2.0}, {"p50": p99 / 2, "p99": p99})


def points(*costs: float) -> list[Point]:
    return [Point(50 * 2**n, cost, 7.0) for n, cost in enumerate(costs)]


def test_growth_is_that_of_the_dearest_against_the_first() -> None:
    assert growth([0.2, 0.3, 0.25]) == pytest.approx(1.5)
    assert growth([0.4, 0.2]) == 1.0


@pytest.mark.parametrize(("costs", "said"), [((0.2, 0.24), "that is flat"), ((0.2, 0.26), "that is not flat")])
def test_what_grows_is_not_called_flat(costs: tuple[float, ...], said: str) -> None:
    assert any(said in line for line in page.sessions_lines(points(*costs)))


def test_a_comparison_is_of_messages_and_of_the_slowest_hundredth() -> None:
    found = Compared(50, 10, "1.0", side(6000, 4.0), side(60, 100.0))
    assert (found.times_messages, found.part_of_p99) == (100, 0.04)
    text = "\n".join(page.compared_lines(found))
    assert "100 times (aim 100)" in text
    assert "p99: 0.040 (aim 0.05)" in text
    assert "signs every message" in text


def test_a_side_counts_what_was_sent_and_received() -> None:
    fast = {"answers_per_second": 10.0, "deliveries_per_second": 8.0, "delivery_ms": {"p50": 1.0, "p99": 2.0}}
    assert Side.of(fast, fast).messages == 8.0
    with pytest.raises(RuntimeError, match="no message"):
        Side.of(fast, fast | {"delivery_ms": {}})


def test_idle_lines_and_active_chats_are_rows() -> None:
    (row,) = [line for line in page.idle_lines([Idle("WebSocket", 2000, 150.0, 40.25, 0.031, 4000)]) if "40.2" in line]
    assert row == "| WebSocket | 2,000 | 150/s | 40.2 KiB | 3.1% of one core | 4,000 |"
    times = {"p50": 1.0, "p99": 2.0}
    active = page.active_lines(Active(200, 8000, 4000, times, times, 0.1, {}))
    assert any(line.startswith("| 200 chats | 8,000/s | 4,000/s | 1.0 / 2.0 ms") for line in active)


def test_only_what_was_measured_is_written_anew() -> None:
    first = page.merged(
        "",
        {"Active chats": ["old"], "Longer sessions": ["kept"]},
        machine="2 cores; load average 0.1",
        date="2026-01-01",
    )
    second = page.merged(first, {"Active chats": ["new"], "Idle connections": ["idle"]}, machine="m", date="2026-02-02")
    assert "old" not in second
    assert [line for line in second.splitlines() if line.startswith("## ")] == [
        "## Idle connections",
        "## Active chats",
        "## Longer sessions",
    ]
    assert "2026-01-01; 2 cores; load average 0.1." in second
    assert page.merged(second, {}, machine="m", date="2026-03-03") == second
    with pytest.raises(ValueError, match="Weather"):
        page.merged("", {"Weather": []}, machine="m", date="d")


def test_the_length_says_what_a_message_leaves_in_memory() -> None:
    found = Length(points(0.2, 0.2), [Return(100, 5.0, 9.0), Return(10_000, 5.5, 12.0)], 512.4)
    text = "\n".join(page.length_lines(found))
    assert "takes 512 bytes" in text
    assert "| 10,000 | 5.5 ms | 12.0 ms |" in text


def test_a_process_is_seen_to_work() -> None:
    before = taken(os.getpid())
    total = sum(n * n for n in range(300_000))
    spent = taken(os.getpid()).since(before)
    assert total
    assert spent.cpu_seconds > 0
    assert before.resident_kib > 1000
    assert Taken(5, 2.0, 3).since(Taken(1, 0.5, 1)) == Taken(4, 1.5, 2)
