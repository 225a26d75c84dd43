"""Facts that the service takes from its own registers: signed findings, agreements and consents, and what is disputed."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy.dialects.postgresql import distinct_on
from sqlmodel import col, select

from common.contracts.disclosure import FactValue
from common.database import ReadSession, WriteSession
from disclosure.individuals.store import disputes_of
from disclosure.policy import agency_day
from disclosure.tables import FindingRow, Paper, PaperMark

KINDS = ("agreement", "consent")
APPROVED, ENDED = "approved", "ended"
STANDS = "stands"


async def facts_of(
    session: ReadSession, request_id: UUID, transcript_ids: Sequence[UUID], said: dict[str, FactValue], day: date
) -> dict[str, FactValue]:
    """What the registers say about this request on this day.

    Args:
        said: what people stated; names the agreement or consent by its mark (`agreement.reference`, `consent.reference`).
    """
    facts: dict[str, FactValue] = {
        "dispute.standing": "disputed" if await disputes_of(session, transcript_ids) else "none"
    }
    for kind in KINDS:
        if isinstance(reference := said.get(f"{kind}.reference"), str):
            facts |= await _paper_facts(session, kind, reference, day)
    for row in await findings_of(session, request_id):
        facts |= _finding_facts(row)
    return facts


def _finding_facts(row: FindingRow) -> dict[str, FactValue]:
    return {
        row.finding: row.found,
        f"{row.finding}.request": str(row.request_id),
        f"{row.finding}.by": row.found_by,
        f"{row.finding}.role": row.role,
        f"{row.finding}.on": agency_day(row.found_at).isoformat(),
        f"{row.finding}.record": row.record,
    }


async def _paper_facts(session: ReadSession, kind: str, reference: str, day: date) -> dict[str, FactValue]:
    query = select(Paper).where(col(Paper.kind) == kind, col(Paper.reference) == reference)
    paper = (await session.execute(query)).scalar_one_or_none()
    if paper is None:
        return {}
    marks = {mark.mark: mark for mark in await marks_of(session, [paper.id])}
    ended = marks.get(ENDED)
    facts: dict[str, FactValue] = {f"{kind}.{name}": value for name, value in paper.terms.items()}
    facts[f"{kind}.standing"] = ENDED if ended and ended.on_day <= day else STANDS
    if APPROVED in marks and marks[APPROVED].on_day <= day:
        facts[f"{kind}.approval"] = marks[APPROVED].record
    return facts


async def findings_of(session: ReadSession, request_id: UUID) -> Sequence[FindingRow]:
    """The latest finding of each kind that was made for this request."""
    query = (
        select(FindingRow)
        .ext(distinct_on(col(FindingRow.finding)))
        .where(col(FindingRow.request_id) == request_id)
        .order_by(col(FindingRow.finding), col(FindingRow.id).desc())
    )
    return (await session.execute(query)).scalars().all()


async def add(session: WriteSession, row: FindingRow | Paper | PaperMark) -> None:
    session.add(row)
    await session.flush()


async def paper_of(session: ReadSession, paper_id: UUID) -> Paper | None:
    return await session.get(Paper, paper_id)


async def entries(session: ReadSession, kind: str, *, after: UUID | None, limit: int) -> Sequence[Paper]:
    """Entries of the register, oldest first."""
    query = select(Paper).where(col(Paper.kind) == kind)
    if after is not None:
        query = query.where(col(Paper.id) > after)
    return (await session.execute(query.order_by(col(Paper.id)).limit(limit))).scalars().all()


async def is_taken(session: ReadSession, kind: str, reference: str) -> bool:
    query = select(Paper.id).where(col(Paper.kind) == kind, col(Paper.reference) == reference)
    return (await session.execute(query)).first() is not None


async def marks_of(session: ReadSession, paper_ids: Sequence[UUID]) -> Sequence[PaperMark]:
    query = select(PaperMark).where(col(PaperMark.paper_id).in_(paper_ids))
    return (await session.execute(query)).scalars().all()
