"""The queue, the desks and the questions between them, in the database. Every function needs an open unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from chat_gateway.routing.ownership import Ownership, Stage
from chat_gateway.routing.waits import Wait
from common.database import ReadSession, WriteSession, fetch_all

MOST_AT_ONCE = 200
MOST_WAITS = 300

_COLUMNS = "session_id, topic, language, stage, since, ranked_at, owner, asked, until, look_at, priority, left_message, seen_at, queued_at, queued_place, step, rerouted_at"
_FIND = f"SELECT {_COLUMNS} FROM placement WHERE session_id = $1 FOR UPDATE"
_LOOK = f"SELECT {_COLUMNS} FROM placement WHERE session_id = ANY($1::uuid[])"
_LAPSED = f"""
SELECT {_COLUMNS} FROM placement WHERE asked <> '' AND until <= $1 ORDER BY until LIMIT {MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
"""
_KEEP = """
UPDATE placement SET stage = $2, owner = $3, asked = $4, until = $5 WHERE session_id = $1
"""
_QUEUE = f"""
SELECT {_COLUMNS} FROM placement WHERE stage IN ('waiting', 'offered') ORDER BY ranked_at, since, session_id LIMIT 2000
"""
_LONG = f"""
SELECT {_COLUMNS} FROM placement WHERE stage = 'waiting' AND queued_at <= $1
  AND (rerouted_at IS NULL OR rerouted_at <= queued_at OR step < $2)
ORDER BY ranked_at, since, session_id LIMIT 2000
"""
_ANYBODY = "SELECT EXISTS (SELECT FROM placement WHERE stage = 'waiting')"
_PAGE = f"""
SELECT {_COLUMNS} FROM placement WHERE stage IN ('waiting', 'offered')
  AND ($1::timestamptz IS NULL OR (ranked_at, since, session_id) > ($1, $2, $3))
ORDER BY ranked_at, since, session_id LIMIT $4
"""
_ASKED = f"SELECT {_COLUMNS} FROM placement WHERE asked = ANY($1::text[])"
_PRESENT = "UPDATE placement SET seen_at = $2 WHERE session_id = ANY($1::uuid[]) AND stage IN ('waiting', 'offered')"
_WAITS = f"""
SELECT topic, language, place, began, ended FROM wait WHERE topic = $1 AND language = $2 AND ended > $3
ORDER BY ended DESC LIMIT {MOST_WAITS}
"""
_DUE = f"""
UPDATE placement SET look_at = $2 WHERE session_id IN (
    SELECT session_id FROM placement WHERE look_at <= $1 ORDER BY look_at LIMIT {MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
) RETURNING session_id
"""
_LOOK_AT = "UPDATE placement SET look_at = $2 WHERE session_id = $1 AND stage IN ('active', 'transferring', 'held')"
_DESERTED = f"""
SELECT p.session_id, p.owner FROM placement p JOIN desk d ON d.agent = p.owner WHERE p.owner <> '' AND d.seen_at <= $1
ORDER BY p.session_id LIMIT {MOST_AT_ONCE} FOR UPDATE OF p SKIP LOCKED
"""
_GIVEN_UP = f"""
SELECT session_id FROM placement WHERE stage = 'waiting' AND NOT left_message AND seen_at <= $1
ORDER BY session_id LIMIT {MOST_AT_ONCE} FOR UPDATE SKIP LOCKED
"""
_KEEP_PLACE = """
INSERT INTO kept_place (digest, account, topic, language, since, made_at, valid_until) VALUES ($1, $2, $3, $4, $5, $6, $7)
"""
_REROUTE = """
UPDATE placement SET step = $2, rerouted_at = $3 WHERE session_id = $1 AND stage = 'waiting' AND queued_at = $4
RETURNING session_id
"""
_LEAVE_MESSAGE = """
UPDATE placement SET left_message = true WHERE session_id = $1 AND stage IN ('waiting', 'offered') RETURNING session_id
"""
_TURN = "SELECT pg_try_advisory_xact_lock(7310522)"


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a session that is not closed stands. `step`: how many steps for too long a wait were made in this one."""

    session_id: UUID
    topic: str
    language: str
    ownership: Ownership
    ranked_at: datetime
    priority: str | None
    left_message: bool
    seen_at: datetime
    queued_at: datetime
    queued_place: int
    step: int = 0


async def find(session: WriteSession, session_id: UUID) -> Placement | None:
    """The placement of a session, locked until the unit of work ends; None when the session is closed or unknown."""
    rows = await fetch_all(session, _FIND, session_id)
    return _placement(rows[0]) if rows else None


async def look(session: ReadSession, session_ids: Sequence[UUID]) -> dict[UUID, Placement]:
    return {r["session_id"]: _placement(r) for r in await fetch_all(session, _LOOK, list(session_ids))}


async def keep(session: WriteSession, placement: Placement, ownership: Ownership) -> None:
    """Write how this placement stands now."""
    await fetch_all(
        session, _KEEP, placement.session_id, ownership.stage.value, ownership.owner or "", ownership.asked or "",
        ownership.until,
    )  # fmt: skip


async def queue(session: ReadSession) -> list[Placement]:
    """The whole queue in its order, those who were offered to somebody included."""
    return [_placement(r) for r in await fetch_all(session, _QUEUE)]


async def waiting_long(session: ReadSession, since: datetime, steps: int) -> list[Placement]:
    """Those who wait since then or longer, and for whom fewer than so many steps were made."""
    return [_placement(r) for r in await fetch_all(session, _LONG, since, steps)]


async def anybody_waits(session: ReadSession) -> bool:
    return bool((await fetch_all(session, _ANYBODY))[0][0])


async def queue_page(
    session: ReadSession, after: tuple[datetime, datetime, UUID] | None, limit: int
) -> list[Placement]:
    """A page of the queue in its order, beyond the cursor."""
    return [_placement(r) for r in await fetch_all(session, _PAGE, *(after or (None, None, None)), limit)]


async def reroute(session: WriteSession, placement: Placement, step: int, now: datetime) -> bool:
    """So many steps for too long a wait are made now; False where it does not wait any more."""
    placement.ownership.reroute()
    return bool(await fetch_all(session, _REROUTE, placement.session_id, step, now, placement.queued_at))


async def leave_message(session: WriteSession, session_id: UUID) -> bool:
    """What was said waits for whoever serves next, whether or not the person stays; False where it does not wait."""
    return bool(await fetch_all(session, _LEAVE_MESSAGE, session_id))


async def try_turn(session: WriteSession) -> bool:
    """Whether this unit of work is the one that assigns: one at a time, or two would count the same free agent."""
    return bool((await fetch_all(session, _TURN))[0][0])


async def lapsed(session: WriteSession, now: datetime) -> list[Placement]:
    """Placements whose question was not answered in time, locked."""
    return [_placement(r) for r in await fetch_all(session, _LAPSED, now)]


async def asked(session: ReadSession, agents: Sequence[str]) -> list[Placement]:
    """What these agents are asked to take now."""
    return [_placement(r) for r in await fetch_all(session, _ASKED, list(agents))]


async def present(session: WriteSession, session_ids: Sequence[UUID], now: datetime) -> None:
    """The customers of these waiting sessions are connected."""
    await fetch_all(session, _PRESENT, list(session_ids), now)


async def waits(session: ReadSession, topic: str, language: str, since: datetime) -> list[Wait]:
    """How long people waited lately for this topic in this language."""
    rows = await fetch_all(session, _WAITS, topic, language, since)
    return [Wait(r["topic"], r["language"], r["place"], r["began"], r["ended"]) for r in rows]


async def due(session: WriteSession, now: datetime, *, again_at: datetime) -> list[UUID]:
    """Sessions in which time may have changed something; nobody else looks at them until `again_at`."""
    return [r["session_id"] for r in await fetch_all(session, _DUE, now, again_at)]


async def look_at(session: WriteSession, session_id: UUID, when: datetime | None) -> None:
    """When to look at this session next."""
    await fetch_all(session, _LOOK_AT, session_id, when)


async def deserted(session: WriteSession, not_since: datetime) -> list[tuple[UUID, str]]:
    """Sessions whose owner was not seen since then, with the owner."""
    return [(r["session_id"], r["owner"]) for r in await fetch_all(session, _DESERTED, not_since)]


async def given_up(session: WriteSession, not_since: datetime) -> list[UUID]:
    """Waiting sessions whose customer was not seen since then and left no message."""
    return [r["session_id"] for r in await fetch_all(session, _GIVEN_UP, not_since)]


async def keep_place(
    session: WriteSession, placement: Placement, *, digest: bytes, account: bytes, now: datetime, valid_until: datetime
) -> None:
    """Keep the place of a session for whoever comes back with the token of this digest."""
    await fetch_all(
        session,
        _KEEP_PLACE,
        digest,
        account,
        placement.topic,
        placement.language,
        placement.ownership.since,
        now,
        valid_until,
    )


def _step(row: Any) -> int:
    """Steps that were made in an earlier wait count no more."""
    at = row["rerouted_at"]
    return int(row["step"]) if at is not None and at > row["queued_at"] else 0


def _placement(row: Any) -> Placement:
    ownership = Ownership(Stage(row["stage"]), row["since"], row["owner"] or None, row["asked"] or None, row["until"])
    return Placement(
        row["session_id"], row["topic"], row["language"], ownership, row["ranked_at"], row["priority"],
        row["left_message"], row["seen_at"], row["queued_at"], row["queued_place"], _step(row),
    )  # fmt: skip
