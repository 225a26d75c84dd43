"""What a message costs the gateway when there are more sessions, and when a session is long; and coming back to a long one."""

import statistics
from dataclasses import dataclass

from muniment.bench.environment import Environment
from muniment.load.active import FILES_EACH, paced_talk, seat
from muniment.load.driving import Driver, driver, need_files
from muniment.load.gateway import Gateway, customers, database, gateway
from muniment.load.watching import taken

COUNTS = (50, 100, 200, 400)
RATE = 1000.0
"""Messages a second, the same whatever the number of sessions."""

LENGTHS = (100, 1000, 10_000)
SECONDS = 4.0
LONG_SESSIONS = 4
LAST = 20
TIMES = 12
FLAT = 1.25
"""Growth of a cost that still counts as none: neighbouring runs differ by as much."""


@dataclass(frozen=True, slots=True)
class Point:
    """What a message costs at one size.

    Attributes:
        size: sessions, or entries of a session.
        cpu_ms: of the gateway for each message.
        ack_p99_ms: at `RATE`.
    """

    size: int
    cpu_ms: float
    ack_p99_ms: float


@dataclass(frozen=True, slots=True)
class Return:
    """Coming back to a session of this length for its last entries.

    Attributes:
        ms: median, where the process has the session in hand.
        first_ms: where the process never saw it.
    """

    size: int
    ms: float
    first_ms: float


@dataclass(frozen=True, slots=True)
class Length:
    """Attributes:
    bytes_each: memory of the gateway for each message of a session that goes on.
    """

    points: list[Point]
    returns: list[Return]
    bytes_each: float


def growth(costs: list[float]) -> float:
    """The largest of these against the first."""
    return max(costs) / costs[0]


async def by_sessions(
    env: Environment, *, counts: tuple[int, ...] = COUNTS, rate: float = RATE, seconds: float = SECONDS
) -> list[Point]:
    """The cost of a message at the same rate with more and more sessions open and active."""
    need_files(FILES_EACH * max(counts))
    url = await database(env)
    found, seated = [], 0
    async with driver() as load:
        with gateway(env, url) as on:
            for count in counts:
                await _seat_more(env, load, on, seated, count)
                seated = count
                await load.do("talk", seconds=0.5, per_second=rate)
                told, cost = await paced_talk(load, [on], seconds, rate)
                found.append(Point(count, cost, told["answer_ms"]["p99"]))
    return found


async def _seat_more(env: Environment, load: Driver, on: Gateway, seated: int, count: int) -> None:
    await seat(env.issuer, load, [on], count - seated, name=f"customer-{seated}")


async def by_length(
    env: Environment, *, lengths: tuple[int, ...] = LENGTHS, sessions: int = LONG_SESSIONS, rate: float = RATE,
    seconds: float = SECONDS,
) -> Length:  # fmt: skip
    """The cost of a message in sessions that get longer and longer, and of coming back to them."""
    url = await database(env)
    async with driver() as short, driver() as long:
        with gateway(env, url) as on:
            await _seat_more(env, short, on, 0, sessions)
            await short.do("fill", upto=lengths[0])
            await short.do("look")
            await _seat_more(env, long, on, sessions, 2 * sessions)
            points, bytes_each = await _grow(long, on, lengths, rate, seconds)
            await long.do("look")
        with gateway(env, url) as anew:
            async with driver() as early:  # what a process does once is not the sessions' doing
                await early.do("open", port=anew.port, tokens=customers(env.issuer, 3, name="early"))
            returns = [
                await _returns(size, one, anew, sessions) for size, one in ((lengths[0], short), (lengths[-1], long))
            ]
    return Length(points, returns, bytes_each)


async def _grow(
    load: Driver, on: Gateway, lengths: tuple[int, ...], rate: float, seconds: float
) -> tuple[list[Point], float]:
    await load.do("talk", seconds=0.5, per_second=rate)
    began, said = taken(on.pid), 0
    points: list[Point] = []
    for length in lengths:
        said += (await load.do("fill", upto=length))["messages"]
        told, cost = await paced_talk(load, [on], seconds, rate)
        said += told["sent"]
        points.append(Point(length, cost, told["answer_ms"]["p99"]))
    return points, 1024 * taken(on.pid).since(began).resident_kib / said


async def _returns(size: int, load: Driver, on: Gateway, sessions: int) -> Return:
    first = await load.do("resume", port=on.port, last=LAST, times=sessions)
    again = await load.do("resume", port=on.port, last=LAST, times=TIMES)
    return Return(size, statistics.median(again["ms"]), statistics.median(first["ms"]))
