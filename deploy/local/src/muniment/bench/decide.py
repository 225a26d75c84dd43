"""Decide through HTTP at a steady rate, and compare past decisions: `python -m muniment.bench.decide`.

Each measured call decides a request of routine use 7 with facts, decision, event and audit entry written. The ceiling is the
same request to the same process that is refused before it does anything: an unknown path.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Sequence
from itertools import cycle
from pathlib import Path
from time import perf_counter
from uuid import UUID, uuid4

import asyncpg
import uvloop

from muniment.bench.environment import Environment, running, throwaway
from muniment.home import CHECKOUT
from muniment.processes import free_port

RATE = 500
SECONDS = 10
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


async def steady(call: Call, *, rate: int, seconds: int) -> tuple[float, dict[str, float]]:
    """Call at this rate, whether earlier calls are answered or not. Returns answers/s and percentiles in ms."""
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
    marks = {name: taken[int(len(taken) * share)] for name, share in (("p50", 0.5), ("p99", 0.99))}
    return len(taken) / (perf_counter() - began), marks


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


async def measure(environment: Environment) -> tuple[dict[str, str], list[str]]:
    url = await environment.database("disclosure")
    migrate = environment.service("disclosure", url, port=free_port(), command="migrate")
    made = await asyncio.create_subprocess_exec(*migrate.argv, env={**os.environ, **migrate.env})
    if await made.wait():
        raise RuntimeError("the database was not migrated")
    port = free_port()
    spec = environment.service("disclosure", url, port=port)
    ids = await fill(url, uuid4(), RATE * SECONDS + RATE)
    lines = []
    body = json.dumps({"facts": FACTS}).encode()
    with running(spec, environment.home.path / "disclosure.log"):
        officers = [environment.issuer.mint("privacy_officer", sub=f"officer-{n}") for n in range(OFFICERS)]
        wire = Wire(port, officers, 32)
        await wire.open()
        left = iter(ids)

        async def decide(_: int) -> int:
            one = next(left)
            return await wire.post(f"/v1/requests/{one}/decision", body, str(one))

        async def nothing(n: int) -> int:
            return await wire.post(f"/v1/nothing/{ids[n]}", body, str(n))

        for name, call in (("nothing", nothing), ("decide", decide)):
            for rate in (50, 100, RATE):
                done, ms = await steady(call, rate=rate, seconds=3)
                lines.append(f"{name} at {rate}/s: {done:,.0f}/s, p50 {ms['p50']:.1f} ms, p99 {ms['p99']:.1f} ms")
    await multiply(url, PAST)
    return dict(spec.env), lines


def main() -> int:
    with throwaway() as environment:
        env, lines = uvloop.run(measure(environment))
        compare = subprocess.run(
            [sys.executable, "-P", "-m", "disclosure", "compare", str(Path(POLICIES))],
            env={**os.environ, **env},
            check=False,
            capture_output=True,
            text=True,
        )
    sys.stdout.write("\n".join([*lines, compare.stderr.strip()]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
