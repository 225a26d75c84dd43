"""Each part of the load runs from end to end with next to nobody: what it finds is another matter."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pytest

from muniment.bench.environment import Environment, throwaway
from muniment.errors import PlainError
from muniment.load import command, growth, idle, synapse
from muniment.load.driving import need_files


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with throwaway() as made:
        yield made


async def test_idle_lines_of_every_kind(environment: Environment) -> None:
    found = await idle.run(environment, lines=4, seconds=0.2)
    assert [one.opened for one in found] == [4, 4, 4]
    assert all(one.per_second > 0 for one in found)


async def test_more_sessions(environment: Environment) -> None:
    found = await growth.by_sessions(environment, counts=(1, 3), rate=50, seconds=0.3)
    assert [point.size for point in found] == [1, 3]
    assert all(point.cpu_ms > 0 for point in found)


async def test_longer_sessions_and_coming_back_to_them(environment: Environment) -> None:
    found = await growth.by_length(environment, lengths=(30, 60), sessions=2, rate=50, seconds=0.3)
    assert [point.size for point in found.points] == [30, 60]
    assert [(one.size, one.ms > 0, one.first_ms > 0) for one in found.returns] == [(30, True, True), (60, True, True)]


async def test_our_side_of_the_comparison(environment: Environment) -> None:
    found = await synapse.measure_ours(environment, rooms=2, seconds=0.3, paced_seconds=0.6)
    assert found.messages > 0
    assert found.delivery_ms["p99"] > 0


def test_a_machine_that_allows_too_few_files_says_so() -> None:
    with pytest.raises(PlainError, match="ulimit"):
        need_files(2**40)


def test_the_command_writes_the_sections_that_were_asked_for(tmp_path: Path) -> None:
    page = tmp_path / "load.md"
    asked = argparse.Namespace(
        parts=["active"], sessions=2, seconds=0.3, into=str(page), print_only=False, lines=2, idle_seconds=0.1, entries=100,
        rooms=2, paced_seconds=0.3,
    )  # fmt: skip
    assert command.main(asked) == 0
    assert "| 2 chats |" in page.read_text()
    with pytest.raises(PlainError, match="There is no part"):
        command.main(argparse.Namespace(parts=["weather"]))
