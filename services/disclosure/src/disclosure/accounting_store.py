"""The accounting in the service's store, with what became of each release. Every function runs in the caller's unit of work."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.sql.expression import Select

from common.database import ReadSession, WriteSession, fetch_all
from disclosure.tables import Accounting, AccountingTranscript, ReleaseGrant, ReleaseOutcome

_UNSETTLED = """
SELECT count(*) AS n FROM release_grant AS g
WHERE g.expires_at <= $1 AND NOT EXISTS (SELECT FROM release_outcome AS o WHERE o.grant_id = g.id)
"""
# An access or amendment decision names records only after the gate said who asks.
_THEIRS = """
SELECT DISTINCT unnest(d.records) AS id FROM individual_decision AS d
JOIN individual_request AS r ON r.id = d.request_id
WHERE r.account = ANY($1::bytea[]) AND d.found AND d.verified
ORDER BY id
"""


@dataclass(frozen=True, slots=True)
class Line:
    """One disclosure, and what became of it; `outcome` is None while the grant can still be used or word is on its way."""

    row: Accounting
    outcome: ReleaseOutcome | None


async def grants_of(session: ReadSession, grant_ids: Sequence[UUID]) -> Sequence[ReleaseGrant]:
    query = select(ReleaseGrant).where(col(ReleaseGrant.id).in_(grant_ids))
    return (await session.execute(query)).scalars().all()


async def enter_outcomes(session: WriteSession, outcomes: Sequence[ReleaseOutcome]) -> None:
    """Enter outcomes of grants that have none; the first one stands."""
    rows: list[dict[str, Any]] = [one.model_dump() for one in sorted(outcomes, key=lambda one: one.grant_id)]
    if rows:
        await session.execute(insert(ReleaseOutcome).values(rows).on_conflict_do_nothing())


async def outcomes_of(session: ReadSession, grant_ids: Sequence[UUID]) -> Mapping[UUID, ReleaseOutcome]:
    query = select(ReleaseOutcome).where(col(ReleaseOutcome.grant_id).in_(grant_ids))
    return {row.grant_id: row for row in (await session.execute(query)).scalars().all()}


async def outcome_of_accounting(session: ReadSession, accounting_id: UUID) -> ReleaseOutcome | None:
    """What became of the release that this row accounts for: its copies, by id and hash, if it went."""
    query = (
        select(ReleaseOutcome)
        .join(ReleaseGrant, col(ReleaseGrant.id) == col(ReleaseOutcome.grant_id))
        .where(col(ReleaseGrant.accounting_id) == accounting_id)
    )
    return (await session.execute(query)).scalar_one_or_none()


async def unsettled(session: ReadSession, *, ended_before: datetime) -> int:
    """How many grants ended before this moment and have no outcome."""
    return int((await fetch_all(session, _UNSETTLED, ended_before))[0]["n"])


async def lines_of(session: ReadSession, transcript_id: UUID, *, after: UUID | None, limit: int) -> Sequence[Line]:
    """What was disclosed of a transcript, first to last."""
    query = _lines().join(AccountingTranscript, col(AccountingTranscript.accounting_id) == col(Accounting.id))
    query = query.where(col(AccountingTranscript.transcript_id) == transcript_id)
    return await _page(session, query, after, limit)


async def records_found_to_be_of(session: ReadSession, accounts: Sequence[bytes]) -> list[UUID]:
    """The records that an official found to be those of who asked under one of these accounts."""
    return [row["id"] for row in await fetch_all(session, _THEIRS, list(accounts))]


async def lines_of_all(
    session: ReadSession, records: Sequence[UUID], *, hidden: Sequence[str], after: UUID | None, limit: int
) -> Sequence[Line]:
    """What was disclosed of any of these records, but on no hidden basis, first to last."""
    of_theirs = select(AccountingTranscript.accounting_id).where(
        col(AccountingTranscript.accounting_id) == col(Accounting.id),
        col(AccountingTranscript.transcript_id).in_(records),
    )
    query = _lines().where(of_theirs.exists(), col(Accounting.basis).not_in(hidden))
    return await _page(session, query, after, limit)


def _lines() -> "Select[Accounting, ReleaseOutcome]":
    return (
        select(Accounting, ReleaseOutcome)
        .outerjoin(ReleaseGrant, col(ReleaseGrant.accounting_id) == col(Accounting.id))
        .outerjoin(ReleaseOutcome, col(ReleaseOutcome.grant_id) == col(ReleaseGrant.id))
    )


async def _page(
    session: ReadSession, query: "Select[Accounting, ReleaseOutcome]", after: UUID | None, limit: int
) -> Sequence[Line]:
    if after is not None:
        query = query.where(col(Accounting.id) > after)
    rows = await session.execute(query.order_by(col(Accounting.id)).limit(limit))
    return [Line(row[0], row[1]) for row in rows]
