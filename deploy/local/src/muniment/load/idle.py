"""Lines on which nothing is said: what each takes of the gateway's memory, what all take of the processor, how fast they open."""

import asyncio
from dataclasses import dataclass

from muniment.bench.environment import Environment
from muniment.load.driving import Driver, driver, need_files
from muniment.load.gateway import Gateway, agents, customers, database, gateway
from muniment.load.watching import Taken, taken

LINES = 2000
SECONDS = 40.0
"""Two heartbeats of every kind pass in it."""

EACH_HAS = 50
WARM_UP = 40


@dataclass(frozen=True, slots=True)
class Idle:
    """One way of being there.

    Attributes:
        opened: lines that were opened, and still were at the end.
        per_second: opened in a second, with the session (or its reading).
        each_kib: memory of the gateway for each of them.
        cpu: share of one processor that the gateway takes while nothing is said.
        heartbeats: that came in the time of measuring.
    """

    name: str
    opened: int
    per_second: float
    each_kib: float
    cpu: float
    heartbeats: int


async def run(env: Environment, *, lines: int = LINES, seconds: float = SECONDS) -> list[Idle]:
    """Measure sockets of people who wait, of people who are served, and streams of events.

    Raises:
        RuntimeError: a line was lost.
    """
    need_files(lines + lines // EACH_HAS)
    url = await database(env)
    found: list[Idle] = []
    async with driver() as load:
        with gateway(env, url) as on:
            before = await _warm(env, load, on)
            opened = await load.do("open", port=on.port, tokens=customers(env.issuer, lines))
            found.append(
                await _idle("WebSocket, waiting in the queue", load, on, opened, before=before, seconds=seconds)
            )
            await load.do("join", port=on.port, tokens=agents(env.issuer, max(1, lines // EACH_HAS)), together=True)
            found.append(
                await _idle("WebSocket, served by an employee", load, on, opened, before=before, seconds=seconds)
            )
        with gateway(env, url) as on:
            before = await _warm(env, load, on)
            opened = await load.do("listen", port=on.port)
            found.append(await _idle("server-sent events, served", load, on, opened, before=before, seconds=seconds))
    return found


async def _warm(env: Environment, load: Driver, on: Gateway) -> Taken:
    """What the gateway takes when everything was used once."""
    async with driver() as other:
        await other.do("open", port=on.port, tokens=customers(env.issuer, WARM_UP, name="early"))
        await other.do("join", port=on.port, tokens=agents(env.issuer, 2))
        await other.do("talk", seconds=0.5, per_second=200)
        await other.do("hang up")
    await load.do("count")
    await asyncio.sleep(1)
    return taken(on.pid)


async def _idle(
    name: str, load: Driver, on: Gateway, opened: dict[str, float], *, before: Taken, seconds: float
) -> Idle:
    await asyncio.sleep(min(3.0, seconds))
    settled, counted = taken(on.pid), await load.do("count")
    await asyncio.sleep(seconds)
    after, still = taken(on.pid), await load.do("count")
    number = int(opened["opened"])
    if still["sockets"] + still["streams"] < number:
        raise RuntimeError(f"of {number} lines {still['sockets'] + still['streams']} are left")
    beats = still["pings"] + still["heartbeats"] - counted["pings"] - counted["heartbeats"]
    return Idle(
        name,
        number,
        number / opened["seconds"],
        after.since(before).resident_kib / number,
        after.since(settled).cpu_seconds / seconds,
        beats,
    )
