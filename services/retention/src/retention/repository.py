"""All SQL of retention. There is none that removes a line of the register, and a trigger would refuse it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.database import ReadSession, WriteSession, fetch_all
from retention.model import Closing, Entry, Registration, SeriesByKind

_REGISTER = """
WITH added AS (
    INSERT INTO record (record_id, kind, series, owner, related_id, created_at, closed_at, registered_at)
    SELECT t.*, $8 FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[],
                               $7::timestamptz[]) AS t
    ORDER BY 1
    ON CONFLICT (record_id) DO NOTHING RETURNING 1
)
SELECT count(*) AS n FROM added
"""
_OF_ANOTHER_KIND = """
SELECT count(*) AS n FROM unnest($1::uuid[], $2::text[]) AS t (record_id, kind) JOIN record AS r USING (record_id)
WHERE r.kind <> t.kind
"""
_ENTRY = """
SELECT r.position, r.record_id, r.kind, r.series, r.owner, r.created_at, r.registered_at, r.status,
       coalesce(r.closed_at, c.closed_at, (SELECT min(d.closed_at) FROM record AS d WHERE d.related_id = r.record_id))
       AS closed_at
FROM record AS r LEFT JOIN record_closing AS c USING (record_id)
"""
_CLOSE = """
INSERT INTO record_closing (record_id, closed_at)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS t ORDER BY 1, 2 ON CONFLICT DO NOTHING
"""
_FIND = f"{_ENTRY} WHERE r.record_id = $1"
_PAGE = f"""{_ENTRY}
WHERE ($1::text IS NULL OR r.kind = $1) AND ($2::text IS NULL OR r.status = $2) AND r.position > $3
ORDER BY r.position LIMIT $4
"""


async def register(
    session: WriteSession, registrations: Sequence[Registration], series: SeriesByKind, *, now: datetime
) -> int:
    """Enter those that are not there yet. Returns how many were new."""
    columns = (
        [r.record_id for r in registrations],
        [r.kind for r in registrations],
        [series[r.kind].code for r in registrations],
        [series[r.kind].owner for r in registrations],
        [r.related_id for r in registrations],
        [r.created_at for r in registrations],
        [r.closed_at for r in registrations],
    )
    return int((await fetch_all(session, _REGISTER, *columns, now))[0]["n"])


async def close(session: WriteSession, closings: Sequence[Closing]) -> None:
    """Enter when records were closed; what is known of one already stands."""
    await fetch_all(session, _CLOSE, [c.record_id for c in closings], [c.closed_at for c in closings])


async def of_another_kind(session: ReadSession, registrations: Sequence[Registration]) -> int:
    """How many of these ids stand in the register for another kind of record."""
    columns = [r.record_id for r in registrations], [r.kind for r in registrations]
    return int((await fetch_all(session, _OF_ANOTHER_KIND, *columns))[0]["n"])


async def find(session: ReadSession, record_id: UUID) -> Entry | None:
    rows = await fetch_all(session, _FIND, record_id)
    return Entry(**rows[0]) if rows else None


async def page(session: ReadSession, *, kind: str | None, status: str | None, after: int, limit: int) -> list[Entry]:
    """Lines of the register in the order in which they were entered."""
    return [Entry(**row) for row in await fetch_all(session, _PAGE, kind, status, after, limit)]
