"""Whether two requests are told apart by anything: the answer, the work behind it, or the time it takes (S2-045)."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from math import comb
from random import Random
from statistics import quantiles
from typing import Any

import asyncpg
import httpx
from sqlalchemy import event
from sqlalchemy.engine import Engine

ROUNDS = 100
BLOCK = 4
"""Rounds of which the quickest counts: what else the machine does makes a request slower and never quicker."""

TRIES = 3
"""What is told apart every time is told apart."""

SHARE = 0.12
"""Quartiles may differ by so much of themselves: much less than what one more question to the store takes."""

CHANCE = 0.001
"""So rarely do like requests come out as uneven as these did, on a busy machine as on a quiet one."""

PASSED_OVER = frozenset({"date", "x-request-id", "traceparent", "ratelimit"})  # the last counts calls
Ask = Callable[[], Awaitable[Any]]


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements that are sent to databases from this process meanwhile, by either way, in order."""
    heard: list[str] = []
    fetch = asyncpg.Connection.fetch

    async def listened(self: Any, query: str, *values: Any, **options: Any) -> Any:
        heard.append(query)
        return await fetch(self, query, *values, **options)

    def mapped(*call: Any) -> None:
        heard.append(str(call[2]))

    asyncpg.Connection.fetch = listened  # type: ignore[method-assign]
    event.listen(Engine, "before_cursor_execute", mapped)
    try:
        yield heard
    finally:
        event.remove(Engine, "before_cursor_execute", mapped)
        asyncpg.Connection.fetch = fetch  # type: ignore[method-assign]


def said(answer: httpx.Response) -> tuple[int, Mapping[str, Any], Mapping[str, str]]:
    """An answer without what differs from one call to the next anyway."""
    problem = {name: value for name, value in answer.json().items() if name != "instance"}
    headers = {name: value for name, value in answer.headers.items() if name not in PASSED_OVER}
    return answer.status_code, problem, headers


async def told_apart(theirs: Ask, nowhere: Ask, *, rounds: int = ROUNDS) -> str:
    """By what the times of two requests tell them apart; empty when by nothing.

    They are asked in turns, and which comes first is drawn: what else the machine does meets both alike. Quartiles say how
    large a difference is, and block after block whether it is one: noise does not make the same one slower every time.
    """
    found = ""
    # The same draws in every run; nobody guesses them.
    draw = Random(rounds)  # noqa: S311
    for _ in range(TRIES):
        times: dict[Ask, list[float]] = {theirs: [], nowhere: []}
        for _ in range(rounds):
            for ask in draw.sample((theirs, nowhere), 2):
                began = time.perf_counter()
                await ask()
                times[ask].append(time.perf_counter() - began)
        apart = _apart(times[theirs], times[nowhere])
        if not apart:
            return ""
        found = ", ".join(f"{a * 1000:.2f} ms for theirs, {b * 1000:.2f} ms for none" for a, b in apart)
    return found


def _apart(theirs: list[float], nowhere: list[float]) -> list[tuple[float, float]]:
    """The quartiles that differ, if the blocks say that it is no accident."""
    theirs, nowhere = _quickest(theirs), _quickest(nowhere)
    if by_chance(sum(a > b for a, b in zip(theirs, nowhere, strict=True)), len(theirs)) > CHANCE:
        return []
    pairs = zip(quantiles(theirs, n=4)[:2], quantiles(nowhere, n=4)[:2], strict=True)
    return [(a, b) for a, b in pairs if abs(a - b) > SHARE * min(a, b)]


def _quickest(times: list[float]) -> list[float]:
    return [min(times[n : n + BLOCK]) for n in range(0, len(times), BLOCK)]


def by_chance(slower: int, throws: int) -> float:
    """How often a coin that is thrown so many times falls as unevenly as this, to either side (the sign test)."""
    rarer = min(slower, throws - slower)
    return min(1.0, 2 * sum(comb(throws, n) for n in range(rarer + 1)) / (1 << throws))
