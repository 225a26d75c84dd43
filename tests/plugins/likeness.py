"""Whether two requests are told apart by anything: the answer, the work behind it, or the time it takes (S2-045)."""

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from statistics import quantiles
from typing import Any

import asyncpg
import httpx
from sqlalchemy import event
from sqlalchemy.engine import Engine

ROUNDS = 100
TRIES = 3
"""What is told apart every time is told apart; one noisy neighbour of the machine is not."""

SHARE = 0.12
"""Quartiles may differ by so much of themselves: much less than what one more question to the store takes."""

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
    """By what the times of two requests tell them apart; empty when by nothing. They are asked in turns."""
    found = ""
    for _ in range(TRIES):
        times: dict[str, list[float]] = {"theirs": [], "nowhere": []}
        for n in range(2 * rounds):
            name, ask = ("theirs", theirs) if n % 2 else ("nowhere", nowhere)
            began = time.perf_counter()
            await ask()
            times[name].append(time.perf_counter() - began)
        quartiles = {name: quantiles(values, n=4)[:2] for name, values in times.items()}
        pairs = zip(quartiles["theirs"], quartiles["nowhere"], strict=True)
        apart = [(a, b) for a, b in pairs if abs(a - b) > SHARE * min(a, b)]
        if not apart:
            return ""
        found = ", ".join(f"{a * 1000:.2f} ms for theirs, {b * 1000:.2f} ms for none" for a, b in apart)
    return found
