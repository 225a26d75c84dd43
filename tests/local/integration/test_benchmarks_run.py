"""The benchmarks run from end to end, with next to no load: what they find is another matter."""

from collections.abc import Iterator

import pytest

from muniment.bench import chat, command, decide, looks
from muniment.bench.environment import Environment, throwaway


@pytest.fixture(scope="module")
def environment() -> Iterator[Environment]:
    with throwaway() as made:
        yield made


async def test_chat_and_both_ceilings(environment: Environment) -> None:
    found = await chat.run(environment, sessions=2, seconds=0.3, rounds=1)
    assert found.messages > 0
    assert found.ack_ms["p50"] > 0
    assert any("2 sessions" in row for row in command.chat_rows(found))


async def test_a_look_with_and_without_the_door(environment: Environment) -> None:
    found = await looks.run(environment, rounds=4)
    assert found.guarded_ms > 0
    assert f"{found.bare_ms:.2f}" in command.look_row(found)


async def test_decisions_and_their_comparison(environment: Environment) -> None:
    found = await decide.run(environment, rates=(10,), ramp=(5,), seconds=1, past=20)
    assert [round(one.done) > 0 for one in (*found.decided, *found.nothing)] == [True, True]
    assert found.compared > 0
    assert found.decided[0].service_ms > 0
    assert len(command.decide_rows(found)) == 4
