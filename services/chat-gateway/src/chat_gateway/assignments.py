"""Who was asked to take which session and why, in the database. Every function needs an open unit of work."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from chat_gateway.placements import Placement, keep
from chat_gateway.routing.matching import Choice, Rule, Skip, Waiting, Why
from common.database import ReadSession, WriteSession, fetch_all
from common.ids import new_id

_REFUSALS = """
SELECT session_id, agent, outcome FROM assignment
WHERE session_id = ANY($1::uuid[]) AND outcome IN ('declined', 'lapsed') AND ended_at > $2
"""
_ASSIGN = """
INSERT INTO assignment (id, session_id, at, how, rule, agent, by_agent, facts, skipped, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_REROUTED = """
INSERT INTO assignment (id, session_id, at, how, rule, agent, facts, skipped, outcome, ended_at)
VALUES ($1, $2, $3, 'reroute', $4, '', $5, $6, 'rerouted', $3)
"""
_SETTLE = """
UPDATE assignment SET outcome = $3, ended_at = $4, reason = CASE WHEN $5 = '' THEN reason ELSE $5 END
WHERE session_id = $1 AND agent = $2 AND outcome IS NULL
"""
_ASSIGNMENTS = """
SELECT id, session_id, at, how, rule, agent, by_agent, facts, skipped, outcome, reason, ended_at
FROM assignment WHERE session_id = $1 ORDER BY at, id LIMIT 200
"""
_GIVEN = "INSERT INTO prioritisation (id, session_id, at, reason, given_by) VALUES ($1, $2, $3, $4, $5)"
_PRIORITISE = """
UPDATE placement SET priority = $2, ranked_at = since - $3::interval WHERE session_id = $1 AND stage IN ('waiting', 'offered') RETURNING session_id
"""
_ASSIGNED = "UPDATE desk SET last_assigned_at = $2 WHERE agent = $1"


async def refusals(
    session: ReadSession, session_ids: Sequence[UUID], since: datetime
) -> dict[UUID, tuple[tuple[str, Why], ...]]:
    """Who lately declined these sessions or let their offer pass."""
    found: dict[UUID, tuple[tuple[str, Why], ...]] = {}
    for row in await fetch_all(session, _REFUSALS, list(session_ids), since):
        why = Why.DECLINED if row["outcome"] == "declined" else Why.DID_NOT_ANSWER
        found[row["session_id"]] = (*found.get(row["session_id"], ()), (row["agent"], why))
    return found


async def offer(
    session: WriteSession, placement: Placement, waiting: Waiting, choice: Choice, *, until: datetime, now: datetime
) -> None:
    """Ask the chosen agent, and keep why.

    Raises:
        NotInThisStateError: the session does not wait any more.
        ValueError: nobody was chosen.
    """
    if choice.chosen is None:
        raise ValueError("nobody was chosen")
    await keep(session, placement, placement.ownership.offer(choice.chosen, until))
    facts = {
        "topic": waiting.topic,
        "language": waiting.language,
        "since": waiting.since,
        "priority": waiting.priority,
    }
    await assign(
        session,
        placement.session_id,
        choice.chosen,
        how="offer",
        rule=choice.rule,
        facts=facts,
        skipped=choice.skipped,
        now=now,
    )
    await fetch_all(session, _ASSIGNED, choice.chosen, now)


async def assign(
    session: WriteSession,
    session_id: UUID,
    agent: str,
    *,
    how: str,
    rule: Rule | str,
    now: datetime,
    by_agent: str = "",
    facts: dict[str, Any] | None = None,
    skipped: Sequence[Skip] = (),
    reason: str = "",
) -> None:
    """Keep that this agent was asked, and why the others were not."""
    await fetch_all(
        session, _ASSIGN, new_id(), session_id, now, how, str(rule), agent, by_agent, orjson.dumps(facts or {}).decode(),
        _told(skipped), reason,
    )  # fmt: skip


async def rerouted(
    session: WriteSession, session_id: UUID, *, rule: str, facts: dict[str, Any], skipped: Sequence[Skip], now: datetime
) -> None:
    """Keep that somebody has waited too long, what was done, and why nobody had taken it."""
    said = orjson.dumps(facts).decode()
    await fetch_all(session, _REROUTED, new_id(), session_id, now, rule, said, _told(skipped))


async def settle(
    session: WriteSession, session_id: UUID, agent: str, outcome: str, *, now: datetime, reason: str = ""
) -> None:
    """The question to this agent has its answer."""
    await fetch_all(session, _SETTLE, session_id, agent, outcome, now, reason)


async def of_session(session: ReadSession, session_id: UUID) -> list[dict[str, Any]]:
    """Everybody who was asked to take a session, with the reasons that were kept."""
    rows = await fetch_all(session, _ASSIGNMENTS, session_id)
    return [dict(r) for r in rows]


def _told(skipped: Sequence[Skip]) -> str:
    why = [{"agent": s.agent, "reasons": [r.value for r in s.reasons], "lacking": list(s.lacking)} for s in skipped]
    return orjson.dumps(why).decode()


async def prioritise(
    session: WriteSession, session_id: UUID, reason: str, *, head_start: timedelta, given_by: str, now: datetime
) -> bool:
    """Move a waiting session forward for a coded reason, and keep who said so; False when it does not wait."""
    if not await fetch_all(session, _PRIORITISE, session_id, reason, head_start):
        return False
    await fetch_all(session, _GIVEN, new_id(), session_id, now, reason, given_by)
    return True
