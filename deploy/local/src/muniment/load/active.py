"""Chats in which both sides talk: how many messages a second, how long each takes, on one gateway and on two."""

from dataclasses import dataclass
from typing import Any

from muniment.bench.environment import Environment
from muniment.load.driving import Driver, driver, need_files
from muniment.load.gateway import Gateway, agents, customers, database, gateway
from muniment.load.watching import taken
from muniment.tokens import Issuer

SESSIONS = 200
SECONDS = 5.0
EMPLOYEES = 40
FILES_EACH = 2


@dataclass(frozen=True, slots=True)
class Active:
    """Attributes:
    messages: acknowledged and delivered, a second, as fast as acknowledgements come.
    rate: messages a second at which the times were taken.
    ack_ms, delivery_ms: `p50` and `p99` at that rate.
    cpu_ms: of all gateways, for each message, at that rate.
    refused: drafts that the rules refused, by code.
    """

    sessions: int
    messages: float
    rate: float
    ack_ms: dict[str, float]
    delivery_ms: dict[str, float]
    cpu_ms: float
    refused: dict[str, int]


async def run(env: Environment, *, sessions: int = SESSIONS, seconds: float = SECONDS) -> Active:
    """Measure one gateway."""
    need_files(FILES_EACH * sessions)
    url = await database(env)
    async with driver() as load:
        with gateway(env, url) as on:
            return await measure(env.issuer, load, [on], sessions, seconds)


async def measure(issuer: Issuer, load: Driver, on: list[Gateway], sessions: int, seconds: float) -> Active:
    """Customers at the first of these gateways, employees at the last."""
    await seat(issuer, load, on, sessions)
    fast = await load.do("talk", seconds=seconds, per_second=0)
    messages = min(fast["answers_per_second"], fast["deliveries_per_second"])
    paced, cost = await paced_talk(load, on, seconds, messages / 2)
    return Active(sessions, messages, messages / 2, paced["answer_ms"], paced["delivery_ms"], cost, fast["refused"])


async def seat(issuer: Issuer, load: Driver, on: list[Gateway], sessions: int, *, name: str = "customer") -> None:
    """So many sessions, each with an employee on a line of its own."""
    await load.do("open", port=on[0].port, tokens=customers(issuer, sessions, name=name))
    await load.do("join", port=on[-1].port, tokens=agents(issuer, EMPLOYEES))


async def paced_talk(
    load: Driver, on: list[Gateway], seconds: float, per_second: float
) -> tuple[dict[str, Any], float]:
    """Talk at this rate. Returns what the driver found, and milliseconds of all gateways' processors for each message."""
    pids = [one.pid for one in on]
    before = taken(*pids)
    found = await load.do("talk", seconds=seconds, per_second=per_second)
    spent = taken(*pids).since(before).cpu_seconds
    return found, 1000 * spent / found["sent"]
