"""Chat: acknowledged-and-delivered messages a second, and how long both take at half that rate.

Two ceilings are measured in turns with it: a bare echo on the same server, and the bare group-committed insert of the
same rows on the same database. The aim is half of the lower one, and an acknowledgement within 25 ms (p99) at half
load. Gateway, ceilings and load are processes of their own. The relay does not run: this is the gateway's figure.
"""

import asyncio
import json
import statistics
import sys
from dataclasses import dataclass
from typing import Any

from muniment.bench.environment import Environment, running, throwaway
from muniment.processes import ProcessSpec, Ready, free_port

SESSIONS = 100
SECONDS = 4.0
ROUNDS = 3
TEXT = "I have a question about my retirement benefits: can I still work part time while I receive them, and how much?"


@dataclass(frozen=True, slots=True)
class ChatFigures:
    """Medians over the rounds.

    Attributes:
        messages, echoes, inserts: per second.
        of_echo, of_inserts: ratios, each taken within its round.
        ack_ms, delivery_ms: `p50` and `p99` at half of `messages`.
    """

    sessions: int
    messages: float
    echoes: float
    inserts: float
    of_echo: float
    of_inserts: float
    half_rate: float
    ack_ms: dict[str, float]
    delivery_ms: dict[str, float]

    @property
    def of_lower_ceiling(self) -> float:
        """The figure that the aim speaks of: at least 0.5."""
        return max(self.of_echo, self.of_inserts)

    def lines(self) -> list[str]:
        return [
            f"chat, {self.sessions} sessions: {self.messages:,.0f} messages/s acknowledged and delivered",
            f"  bare echo {self.echoes:,.0f}/s, ratio {self.of_echo:.2f}",
            f"  bare group-committed inserts {self.inserts:,.0f}/s, ratio {self.of_inserts:.2f}",
            f"  acknowledged at {self.half_rate:,.0f}/s: p50 {self.ack_ms['p50']:.1f} ms, p99 {self.ack_ms['p99']:.1f} ms",
            f"  delivered at that rate: p50 {self.delivery_ms['p50']:.1f} ms, p99 {self.delivery_ms['p99']:.1f} ms",
        ]


async def run(
    env: Environment, *, sessions: int = SESSIONS, seconds: float = SECONDS, rounds: int = ROUNDS
) -> ChatFigures:
    """Measure."""
    bench = _ChatBench(env, sessions, seconds)
    figures = [await bench.round() for _ in range(rounds)]
    messages, echoes, inserts = (statistics.median(f[i] for f in figures) for i in range(3))
    paced = [await bench.chat(per_second=messages / 2) for _ in range(rounds)]
    return ChatFigures(
        sessions=sessions,
        messages=messages,
        echoes=echoes,
        inserts=inserts,
        of_echo=statistics.median(f[0] / f[1] for f in figures),
        of_inserts=statistics.median(f[0] / f[2] for f in figures),
        half_rate=messages / 2,
        ack_ms=_medians(paced, "answer_ms"),
        delivery_ms=_medians(paced, "delivery_ms"),
    )


class _ChatBench:
    def __init__(self, env: Environment, sessions: int, seconds: float) -> None:
        self._env = env
        self._sessions = sessions
        self._seconds = seconds
        self._log = env.home.path / "bench.log"

    async def round(self) -> tuple[float, float, float]:
        """Messages, echoes and inserts a second, one after the other."""
        echoes = await self._echo()
        chat = await self.chat()
        inserts = await self._inserts()
        return min(chat["answers_per_second"], chat["deliveries_per_second"]), echoes, inserts

    async def chat(self, per_second: float = 0) -> dict[str, Any]:
        url = await self._migrated()
        port = free_port()
        with running(self._env.service("chat_gateway", url, port=port), self._log):
            return await self._drive("chat", port, per_second, tokens=self._tokens())

    async def _migrated(self) -> str:
        url = await self._env.database("chat_gateway")
        migrate = self._env.service("chat_gateway", url, port=free_port(), command="migrate")
        await finish(migrate, None)
        return url

    async def _echo(self) -> float:
        port = free_port()
        argv = (sys.executable, "-P", "-m", "muniment.bench.echo", str(port))
        with running(ProcessSpec("echo", argv, ready=Ready("tcp", port)), self._log):
            return float((await self._drive("echo", port))["answers_per_second"])

    async def _inserts(self) -> float:
        work = {"url": await self._migrated(), "writers": 2 * self._sessions, "seconds": self._seconds, "text": TEXT}
        spec = ProcessSpec("inserts", (sys.executable, "-P", "-m", "muniment.bench.inserts"))
        return float((await finish(spec, work))["per_second"])

    async def _drive(self, what: str, port: int, per_second: float = 0, **more: Any) -> dict[str, Any]:
        work = {
            "what": what,
            "port": port,
            "sessions": self._sessions,
            "seconds": self._seconds,
            "per_second": per_second,
            "text": TEXT,
            **more,
        }
        return await finish(ProcessSpec("driver", (sys.executable, "-P", "-m", "muniment.bench.driver")), work)

    def _tokens(self) -> list[str]:
        mint = self._env.issuer.mint
        return [mint("customer"), *(mint("agent", sub=f"agent-{n}") for n in range(10))]


async def finish(spec: ProcessSpec, work: dict[str, Any] | None) -> dict[str, Any]:
    """Run a process to its end and read what it printed."""
    process = await asyncio.create_subprocess_exec(
        *spec.argv,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        env={**_plain_environment(), **spec.env},
    )
    output, _ = await process.communicate(json.dumps(work).encode() if work is not None else b"")
    if process.returncode != 0:
        raise RuntimeError(f"{spec.name} failed")
    lines = output.decode().strip().splitlines()
    return dict(json.loads(lines[-1])) if work is not None else {}


def _plain_environment() -> dict[str, str]:
    from muniment.processes import inherited_environment  # noqa: PLC0415

    return dict(inherited_environment())


def _medians(results: list[dict[str, Any]], name: str) -> dict[str, float]:
    return {part: statistics.median(result[name][part] for result in results) for part in ("p50", "p99")}


if __name__ == "__main__":
    with throwaway() as environment:
        print("\n".join(asyncio.run(run(environment)).lines()))
