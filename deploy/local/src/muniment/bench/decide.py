"""Decide through HTTP at a steady rate, and compare past decisions with the rules of today.

Each measured call decides a request of routine use 7 with facts, decision, event and audit entry written. The ceiling is the
same request to the same process that is refused before it does anything: an unknown path. Beside the time that callers wait
stands the time of a processor that a call took in the service and in PostgreSQL: it depends less on who else is on the machine.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import cycle
from time import perf_counter, process_time
from uuid import UUID, uuid4

import asyncpg

from muniment.bench.cpu import cpu_seconds
from muniment.bench.environment import Environment, running
from muniment.home import CHECKOUT
from muniment.processes import free_port

RATES = (50, 100, 500)
RAMP = (150, 200, 250, 300, 350, 400, 450, 500, 550, 600)
MOST_MS = 10.0
"""What 99 of 100 callers wait at most, of a rate that counts as kept."""

SECONDS = 4
RAMP_SECONDS = 2
WARM_UP = 50
PAST = 50_000
OFFICERS = 50
"""One who decides hundreds in a second is no officer: the looks of one caller are counted one after the other."""

FACTS = {
    "tax.return-information": "absent",
    "archives.authority": "44-usc-2906",
    "archives.request": "NARA-INSPECTION-2",
}
POLICIES = CHECKOUT / "services/disclosure/src/disclosure/policies"

Call = Callable[[int], Awaitable[int]]
_SPEED = re.compile(r"\(([\d,]+)/s\)")


@dataclass(frozen=True, slots=True)
class Pace:
    """What came of calling at a rate: answers a second, and percentiles in milliseconds from when each call was due.

    Attributes:
        service_ms, postgres_ms, driver_ms: milliseconds of a processor that each call took; 0 where that cannot be told.
    """

    rate: int
    done: float
    p50: float
    p99: float
    service_ms: float = 0.0
    postgres_ms: float = 0.0
    driver_ms: float = 0.0

    @property
    def kept(self) -> bool:
        """Whether the rate was reached, and 99 of 100 callers were answered in time."""
        return self.p99 < MOST_MS and self.done > 0.9 * self.rate


@dataclass(frozen=True, slots=True)
class DecideFigures:
    """By rate: deciding, and the same calls that do nothing; past decisions compared a second, in two processes.

    Attributes:
        highest: the highest rate of the ramp that was kept; None where not even the first was.
    """

    decided: list[Pace]
    nothing: list[Pace]
    compared: float
    highest: Pace | None = None


async def steady(call: Call, *, rate: int, seconds: float) -> Pace:
    """Call at this rate, whether earlier calls are answered or not."""
    taken: list[float] = []
    began = perf_counter()

    async def one(n: int, due: float) -> None:
        await asyncio.sleep(max(0.0, due - perf_counter()))
        status = await call(n)
        taken.append((perf_counter() - due) * 1000)
        if status not in {201, 404}:
            raise RuntimeError(f"answered with {status}")

    await asyncio.gather(*(one(n, began + n / rate) for n in range(int(rate * seconds))))
    taken.sort()
    p50, p99 = (taken[int(len(taken) * share)] for share in (0.5, 0.99))
    return Pace(rate, len(taken) / (perf_counter() - began), p50, p99)


@dataclass(frozen=True, slots=True)
class Gauge:
    """Reads what processors did: for the service, for PostgreSQL, and for the driver itself."""

    service: int
    postgres: int

    def read(self) -> tuple[float, float, float]:
        return cpu_seconds(self.service) or 0.0, cpu_seconds(self.postgres) or 0.0, process_time()

    async def steady(self, call: Call, *, rate: int, seconds: float) -> Pace:
        """Call at this rate, and tell what each call took of a processor."""
        before = self.read()
        pace = await steady(call, rate=rate, seconds=seconds)
        calls = max(1, int(rate * seconds))
        service, postgres, driver = (1000 * (now - then) / calls for then, now in zip(before, self.read(), strict=True))
        return replace(pace, service_ms=service, postgres_ms=postgres, driver_ms=driver)

    async def highest(self, call: Call, rates: Sequence[int], *, seconds: float) -> Pace | None:
        """The last of these rising rates that was kept, up to the first that was not."""
        found = None
        for rate in rates:
            pace = await self.steady(call, rate=rate, seconds=seconds)
            if not pace.kept:
                break
            found = pace
        return found


class Wire:
    """As little of an HTTP client as is needed, so that it is the service that is measured."""

    def __init__(self, port: int, tokens: Sequence[str], connections: int) -> None:
        self._port = port
        self._tokens = cycle(tokens)
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        self._count = connections

    async def open(self) -> None:
        for _ in range(self._count):
            self._free.put_nowait(await asyncio.open_connection("127.0.0.1", self._port))

    async def post(self, path: str, body: bytes, key: str) -> int:
        reader, writer = await self._free.get()
        writer.write(
            f"POST {path} HTTP/1.1\r\nHost: b\r\nAuthorization: Bearer {next(self._tokens)}\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        await reader.readexactly(int(head.partition("content-length: ")[2].partition("\r\n")[0]))
        if "connection: close" in head:
            writer.close()
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._free.put_nowait((reader, writer))
        return int(head.split()[1])


async def fill(url: str, transcript: UUID, count: int) -> list[UUID]:
    """So many requests of somebody else, straight into the store."""
    ids = [uuid4() for _ in range(count)]
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("INSERT INTO known_transcript VALUES ($1, now()) ON CONFLICT DO NOTHING", transcript)
        await connection.execute(
            "INSERT INTO disclosure_request SELECT i, ARRAY[$2::uuid], 'routine-use-7', 'national-archives', "
            "'records-management-inspection', '{}', 'http', 'analyst-7', now() FROM unnest($1::uuid[]) AS i",
            ids,
            transcript,
        )
    finally:
        await connection.close()
    return ids


async def multiply(url: str, count: int) -> None:
    """Copies of one decision, each of a request of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "WITH one AS (SELECT * FROM decision ORDER BY id LIMIT 1), made AS ("
            " INSERT INTO disclosure_request SELECT gen_random_uuid(), r.transcript_ids, r.basis, r.recipient_kind, r.purpose,"
            " r.facts, r.door, r.requested_by, r.requested_at FROM disclosure_request r JOIN one ON one.request_id = r.id,"
            " generate_series(1, $1) RETURNING id)"
            " INSERT INTO decision (id, request_id, requested_by, decided_by, outcome, rule_version, facts, sealed, steps,"
            " missing, holds_until, decided_at, tax_spans) SELECT gen_random_uuid(), made.id, requested_by, decided_by, outcome,"
            " rule_version, facts, sealed, steps, missing, holds_until, decided_at, tax_spans FROM one, made",
            count,
        )
    finally:
        await connection.close()


async def run(
    environment: Environment,
    *,
    rates: Sequence[int] = RATES,
    ramp: Sequence[int] = RAMP,
    seconds: float = SECONDS,
    past: int = PAST,
) -> DecideFigures:
    """Measure."""
    url = await environment.database("disclosure")
    migrate = environment.service("disclosure", url, port=free_port(), command="migrate")
    await _finish(migrate.argv, migrate.env)
    port = free_port()
    spec = environment.service("disclosure", url, port=port)
    requests = await fill(url, uuid4(), WARM_UP + int(sum(rates) * seconds) + sum(ramp) * RAMP_SECONDS)
    body = json.dumps({"facts": FACTS}).encode()
    with running(spec, environment.home.path / "disclosure.log") as service:
        gauge = Gauge(service.pid, environment.postgres_pid)
        officers = [environment.issuer.mint("privacy_officer", sub=f"officer-{n}") for n in range(OFFICERS)]
        wire = Wire(port, officers, 32)
        await wire.open()
        left = iter(requests)

        async def decide(_: int) -> int:
            one = next(left)
            return await wire.post(f"/v1/requests/{one}/decision", body, str(one))

        async def nothing(n: int) -> int:
            return await wire.post(f"/v1/nothing/{requests[n]}", body, str(n))

        await steady(decide, rate=WARM_UP, seconds=1)
        unhindered = [await gauge.steady(nothing, rate=rate, seconds=seconds) for rate in rates]
        decided = [await gauge.steady(decide, rate=rate, seconds=seconds) for rate in rates]
        highest = await gauge.highest(decide, ramp, seconds=RAMP_SECONDS)
    await multiply(url, past)
    said = await _finish((sys.executable, "-P", "-m", "disclosure", "compare", str(POLICIES)), spec.env)
    speed = _SPEED.search(said)
    if speed is None:
        raise RuntimeError("the comparison did not say how fast it was")
    return DecideFigures(decided, unhindered, float(speed[1].replace(",", "")), highest)


async def _finish(argv: Sequence[str], env: Mapping[str, str]) -> str:
    """Run a process to its end; returns what it said beside its answer."""
    process = await asyncio.create_subprocess_exec(
        *argv, env={**os.environ, **env}, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE
    )
    _, said = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"{' '.join(argv[2:])} failed: {said.decode()}")
    return said.decode()
