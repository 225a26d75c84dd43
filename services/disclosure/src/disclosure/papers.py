"""Facts that the service takes from its own registers: signed findings, agreements and consents, and what is disputed."""

from collections.abc import Mapping, Sequence
from datetime import date
from uuid import UUID

from sqlmodel import col, select

from common.contracts.disclosure import FactValue
from common.database import ReadSession, WriteSession
from disclosure.entries import Known
from disclosure.tables import FindingRow, Paper, PaperMark

KINDS = ("agreement", "consent")
APPROVED, ENDED = "approved", "ended"
STANDS = "stands"


async def facts_of(
    session: ReadSession, known: Known, said: Mapping[str, FactValue], day: date
) -> dict[str, FactValue]:
    """What the registers say about this request on this day.

    Args:
        said: what people stated; names the agreement or consent by its mark (`agreement.reference`, `consent.reference`).
    """
    facts: dict[str, FactValue] = {"dispute.standing": "disputed" if known.disputed else "none"}
    for kind in KINDS:
        if isinstance(reference := said.get(f"{kind}.reference"), str):
            facts |= await _paper_facts(session, kind, reference, day)
    return {**facts, **known.findings}


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
