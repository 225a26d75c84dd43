"""Employees at their desks, in the database. Every function needs an open unit of work."""

from collections.abc import Sequence
from datetime import datetime

from chat_gateway.routing.matching import Agent
from common.database import ReadSession, WriteSession, fetch_all

_DESKS = """
SELECT d.agent, designations, languages, office, capacity, available, last_assigned_at,
    (SELECT count(*) FROM placement p WHERE p.owner = d.agent) + (SELECT count(*) FROM placement p WHERE p.asked = d.agent) AS load
FROM desk d WHERE seen_at > $1 ORDER BY d.agent
"""
_SIT = """
INSERT INTO desk (agent, designations, languages, office, region, capacity, available, seen_at)
VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, false), $8)
ON CONFLICT (agent) DO UPDATE SET designations = excluded.designations, languages = excluded.languages, office = excluded.office,
    region = excluded.region, capacity = excluded.capacity, seen_at = excluded.seen_at,
    available = coalesce($7, desk.available)
"""
# Who was gone for long has to say anew that they take offers.
_SEEN = """
UPDATE desk SET available = available AND seen_at > $3, seen_at = $2 WHERE agent = ANY($1::text[]) AND seen_at < $2
"""
_AWAY = "UPDATE desk SET available = false WHERE agent = ANY($1::text[]) AND available RETURNING agent"


async def desks(session: ReadSession, seen_after: datetime) -> list[Agent]:
    """Employees who were seen since then, with what they have in hand."""
    return [
        Agent(
            id=r["agent"],
            designations=frozenset(r["designations"]),
            languages=frozenset(r["languages"]),
            office=r["office"],
            capacity=r["capacity"],
            load=r["load"],
            available=r["available"],
            last_assigned=r["last_assigned_at"],
        )
        for r in await fetch_all(session, _DESKS, seen_after)
    ]


async def sit(session: WriteSession, agent: Agent, *, region: str, available: bool | None, now: datetime) -> None:
    """Somebody is at their desk. `available` None leaves that as it was."""
    await fetch_all(
        session, _SIT, agent.id, sorted(agent.designations), sorted(agent.languages), agent.office, region,
        agent.capacity, available, now,
    )  # fmt: skip


async def seen(session: WriteSession, agents: Sequence[str], now: datetime, *, gone_since: datetime) -> None:
    """These are connected. Whoever was not since `gone_since` takes no offers until they say so."""
    await fetch_all(session, _SEEN, list(agents), now, gone_since)


async def away(session: WriteSession, agents: Sequence[str]) -> list[str]:
    """These take nothing more; gives those who did until now."""
    return [r["agent"] for r in await fetch_all(session, _AWAY, list(agents))]
