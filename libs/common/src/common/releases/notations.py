"""Amendments of records: beside the record, which they never touch (5 U.S.C. 552a(c)(4), (d)(4))."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from common.contracts.disclosure import RecordAmended
from common.contracts.envelope import Envelope
from common.database import WriteSession, fetch_all

# No names of columns: the first one is called after what the service keeps.
_NOTE = """
INSERT INTO notation SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[]) AS t (a, b, c, d)
ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
"""


class Noted(Protocol):
    """One amendment of a record."""

    @property
    def amendment_id(self) -> UUID: ...
    @property
    def kind(self) -> str: ...
    @property
    def amended_at(self) -> datetime: ...


async def hear(session: WriteSession, envelopes: Sequence[Envelope[RecordAmended]]) -> None:
    """Enter amendments; those known stay as they are."""
    facts = [envelope.data for envelope in envelopes]
    rows = [(fact.record_id, fact.amendment_id, fact.kind, fact.amended_at) for fact in facts]
    if rows:
        await fetch_all(session, _NOTE, *map(list, zip(*rows, strict=True)))


def said(noted: Sequence[Noted]) -> list[dict[str, str]]:
    """Amendments as copies say them: kind, day, and the mark under which the papers are filed."""
    return [
        {"kind": one.kind, "amended_on": one.amended_at.date().isoformat(), "reference": str(one.amendment_id)}
        for one in noted
    ]
