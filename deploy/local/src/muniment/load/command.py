"""`make load` and `make compare`: measure the parts that are asked for, print, and write them into docs/load.md."""

import argparse
import asyncio
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path

from common.clock import SystemClock
from muniment.bench.command import machine
from muniment.bench.environment import Environment, throwaway
from muniment.errors import PlainError
from muniment.home import CHECKOUT
from muniment.load import active, growth, idle, page, replicas, synapse

PAGE = CHECKOUT / "docs" / "load.md"
USUAL = ("idle", "active", "replicas", "sessions", "length")
Lines = list[str]


async def _idle(env: Environment, asked: argparse.Namespace) -> Lines:
    return page.idle_lines(await idle.run(env, lines=asked.lines, seconds=asked.idle_seconds))


async def _active(env: Environment, asked: argparse.Namespace) -> Lines:
    return page.active_lines(await active.run(env, sessions=asked.sessions, seconds=asked.seconds))


async def _replicas(asked: argparse.Namespace) -> Lines:
    found = await replicas.run(sessions=asked.sessions, seconds=asked.seconds)
    return [*page.TWO, *page.active_lines(found)]


async def _sessions(env: Environment, asked: argparse.Namespace) -> Lines:
    counts = tuple(max(1, asked.sessions * part // 4) for part in (1, 2, 4, 8))
    return page.sessions_lines(await growth.by_sessions(env, counts=counts, seconds=asked.seconds))


async def _length(env: Environment, asked: argparse.Namespace) -> Lines:
    lengths = (asked.entries // 100, asked.entries // 10, asked.entries)
    return page.length_lines(await growth.by_length(env, lengths=lengths, seconds=asked.seconds))


async def _synapse(env: Environment, asked: argparse.Namespace) -> Lines:
    found = await synapse.run(
        env, rooms=asked.rooms, seconds=asked.seconds, paced_seconds=max(asked.seconds, asked.paced_seconds)
    )
    return page.compared_lines(found)


HERE: dict[str, Callable[[Environment, argparse.Namespace], Coroutine[None, None, Lines]]] = {
    "idle": _idle,
    "active": _active,
    "sessions": _sessions,
    "length": _length,
    "synapse": _synapse,
}
TITLE = dict(zip(("idle", "active", "replicas", "sessions", "length", "synapse"), page.TITLES, strict=True))


def measure(part: str, asked: argparse.Namespace) -> Lines:
    """One part, on engines of its own.

    Raises:
        PlainError: an engine that it needs cannot be had here.
    """
    if part == "replicas":
        return asyncio.run(_replicas(asked))
    with throwaway() as env:
        return asyncio.run(_run(env, part, asked))


async def _run(env: Environment, part: str, asked: argparse.Namespace) -> Lines:
    return await HERE[part](env, asked)


def main(options: argparse.Namespace) -> int:
    where, measured = machine(), dict[str, Lines]()
    missing = 0
    if unknown := set(options.parts) - TITLE.keys():
        raise PlainError(f"There is no part {min(unknown)}: the parts are {', '.join(TITLE)}.")
    for part in options.parts or USUAL:
        try:
            measured[TITLE[part]] = measure(part, options)
        except PlainError as reason:
            print(f"{TITLE[part]}: {reason}", file=sys.stderr)
            missing = 1
    file = Path(options.into or PAGE)
    before = file.read_text(encoding="utf-8") if file.exists() else ""
    date = f"{SystemClock().now():%Y-%m-%d}"
    print(page.merged("", measured, machine=where, date=date))
    if not options.print_only:
        file.write_text(page.merged(before, measured, machine=where, date=date), encoding="utf-8")
    return missing
