"""Amendments of records: beside the sealed transcript, which they never touch."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import col, select

from common.database import ReadSession, WriteSession, fetch_all
from transcripts.tables import Notation

_NOTE = """
INSERT INTO notation (transcript_id, amendment_id, kind, amended_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) AS t (a, b, c, d) ORDER BY 1, 2, 3
ON CONFLICT DO NOTHING
"""


async def note(session: WriteSession, amendments: Sequence[tuple[UUID, UUID, str, datetime]]) -> None:
    """Enter amendments: record, the request that led to it, kind, and when; those known stay as they are."""
    if amendments:
        await fetch_all(session, _NOTE, *map(list, zip(*amendments, strict=True)))


async def notations_of(session: ReadSession, transcript_id: UUID) -> Sequence[Notation]:
    """Amendments of this transcript, first to last."""
    query = select(Notation).where(col(Notation.transcript_id) == transcript_id)
    order = (col(Notation.amended_at), col(Notation.amendment_id), col(Notation.kind))
    return (await session.execute(query.order_by(*order))).scalars().all()
