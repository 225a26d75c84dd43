"""Notices in the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from sqlmodel import col, select

from common.database import ReadSession, WriteSession, fetch_all, fetch_beside, later
from common.ids import new_id
from disclosure.informing.tables import OutgoingNotice
from disclosure.tables import Accounting

# The same locks for who releases (shared) and who amends (alone): whoever comes second sees what the first one wrote. Sorted
# by the records, so that two who need several of them never wait for each other.
_RELEASING = "SELECT pg_advisory_xact_lock_shared(hashtextextended('amended ' || r, 0)) FROM unnest($1::text[]) AS r"
_AMENDING = "SELECT pg_advisory_xact_lock(hashtextextended('amended ' || r, 0)) FROM unnest($1::text[]) AS r"

_PRIOR = """
SELECT a.id, array_agg(t.transcript_id ORDER BY t.transcript_id) AS records
FROM accounting AS a
JOIN accounting_transcript AS t ON t.accounting_id = a.id AND t.transcript_id = ANY($1::uuid[])
LEFT JOIN release_grant AS g ON g.accounting_id = a.id
LEFT JOIN release_outcome AS o ON o.grant_id = g.id
WHERE o.outcome IS NULL OR o.outcome = 'released'
GROUP BY a.id ORDER BY a.id
"""
_ADD = """
INSERT INTO outgoing_notice (id, kind, accounting_id, cause_id, stage, records, state, made_at, due_on)
VALUES ($1, $2, $3, $4, $5, $6, 'due', $7, $8) ON CONFLICT ON CONSTRAINT told_once DO NOTHING
"""
_ADD_ONE = """
INSERT INTO outgoing_notice (id, kind, accounting_id, cause_id, stage, records, address, state, made_at, due_on)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_NOTHING_LEFT = """
UPDATE outgoing_notice AS n SET state = 'moot'
FROM release_grant AS g
WHERE g.id = ANY($1::uuid[]) AND n.accounting_id = g.accounting_id AND n.state = 'due'
"""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why recipients are told: which amendment, at which stage of it."""

    kind: str
    cause_id: UUID
    stage: str


async def lock_for_release(session: WriteSession, records: Sequence[UUID]) -> None:
    """Nobody amends these records until the unit of work ends."""
    await fetch_beside(session, _RELEASING, sorted(map(str, set(records))))


async def lock_for_amendment(session: WriteSession, records: Sequence[UUID]) -> None:
    """Nobody releases these records until the unit of work ends; those who did before are seen."""
    await fetch_all(session, _AMENDING, sorted(map(str, set(records))))


async def tell_recipients(
    session: WriteSession, cause: Cause, records: Sequence[UUID], *, now: datetime, due_on: date
) -> int:
    """One notice for each recipient to whom one of these records went, or still may go. Returns to how many.

    Those of whom nothing is accounted for (need to know inside the agency, the Freedom of Information Act) are none of them.
    """
    prior = await fetch_all(session, _PRIOR, list(records))
    for row in prior:
        values = (new_id(), cause.kind, row["id"], cause.cause_id, cause.stage, list(row["records"]), now, due_on)
        await fetch_all(session, _ADD, *values)
    return len(prior)


async def nothing_left(session: WriteSession, grant_ids: Sequence[UUID]) -> None:
    """Nothing went on these grants, so nobody has to be told of it any more."""
    await fetch_all(session, _NOTHING_LEFT, list(grant_ids))


async def add(session: WriteSession, row: OutgoingNotice) -> None:
    """Enter a notice that goes to one person, with the next round trip of this unit of work."""
    await later(
        session,
        _ADD_ONE,
        row.id,
        row.kind,
        row.accounting_id,
        row.cause_id,
        row.stage,
        row.records,
        row.address,
        row.state,
        row.made_at,
        row.due_on,
    )


async def lock(session: WriteSession, notice_id: UUID) -> OutgoingNotice | None:
    query = select(OutgoingNotice).where(col(OutgoingNotice.id) == notice_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def notice_of(session: ReadSession, notice_id: UUID) -> tuple[OutgoingNotice, Accounting] | None:
    """A notice with the row of the accounting that says to whom the records went."""
    query = (
        select(OutgoingNotice, Accounting)
        .join(Accounting, col(Accounting.id) == col(OutgoingNotice.accounting_id))
        .where(col(OutgoingNotice.id) == notice_id)
    )
    row = (await session.execute(query)).one_or_none()
    return (row[0], row[1]) if row else None


async def notices(
    session: ReadSession, *, state: str, overdue_on: date | None, after: UUID | None, limit: int
) -> Sequence[OutgoingNotice]:
    """Notices, oldest first.

    Args:
        state: only those in it; empty: in any. overdue_on: only those that wait, and had been due on this day.
    """
    query = select(OutgoingNotice)
    if state:
        query = query.where(col(OutgoingNotice.state) == state)
    if overdue_on is not None:
        query = query.where(col(OutgoingNotice.state).in_(("due", "sent")), col(OutgoingNotice.due_on) < overdue_on)
    if after is not None:
        query = query.where(col(OutgoingNotice.id) > after)
    return (await session.execute(query.order_by(col(OutgoingNotice.id)).limit(limit))).scalars().all()
