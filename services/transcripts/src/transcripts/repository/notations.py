"""Amendments of records: beside the sealed transcript, which they never touch."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, select

from common.database import ReadSession
from transcripts.tables import Notation


async def notations_of(session: ReadSession, transcript_id: UUID) -> Sequence[Notation]:
    """Amendments of this transcript, first to last."""
    query = select(Notation).where(col(Notation.transcript_id) == transcript_id)
    order = (col(Notation.amended_at), col(Notation.amendment_id), col(Notation.kind))
    return (await session.execute(query.order_by(*order))).scalars().all()
