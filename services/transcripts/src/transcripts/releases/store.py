"""Layers, grants and copies in the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from common.database import ReadSession, WriteSession, fetch_all
from transcripts.redaction import Place
from transcripts.releases.tables import GrantUse, RedactionLabel, RedactionLayer, RedactionSpan, ReleaseCopy

_HEAR = """
INSERT INTO heard_grant (grant_id, request_id, accounting_id, expires_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS t (a, b, c, d) ORDER BY 1
ON CONFLICT DO NOTHING
"""
_EXPIRE = """
INSERT INTO grant_use (grant_id, request_id, accounting_id, outcome, settled_by, settled_at)
SELECT h.grant_id, h.request_id, h.accounting_id, 'expired', 'transcripts', $1
FROM heard_grant AS h
WHERE h.expires_at <= $1 AND NOT EXISTS (SELECT FROM grant_use AS u WHERE u.grant_id = h.grant_id)
ORDER BY h.grant_id LIMIT 500
ON CONFLICT DO NOTHING RETURNING grant_id, request_id, accounting_id
"""
_USE = """
INSERT INTO grant_use (grant_id, request_id, accounting_id, outcome, reason, settled_by, settled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true
"""
_FORGET = "UPDATE release_copy SET content = NULL WHERE kept_until <= $1 AND content IS NOT NULL"


async def layer_of(
    session: ReadSession, transcript_id: UUID, name: str, *, hold: bool = False
) -> RedactionLayer | None:
    """The layer; `hold`: locked until the unit of work ends."""
    query = select(RedactionLayer).where(
        col(RedactionLayer.transcript_id) == transcript_id, col(RedactionLayer.name) == name
    )
    return (await session.execute(query.with_for_update() if hold else query)).scalar_one_or_none()


async def add_layer(session: WriteSession, layer: RedactionLayer) -> bool:
    """Enter a layer. Returns whether the transcript had none of that name."""
    made = await session.execute(
        insert(RedactionLayer).values(layer.model_dump()).on_conflict_do_nothing().returning(col(RedactionLayer.id))
    )
    return made.scalar_one_or_none() is not None


async def add_spans(session: WriteSession, layer_id: UUID, places: Iterable[Place], source: str) -> None:
    """Enter places that are not there yet; nobody decided on them."""
    rows = [
        {"layer_id": layer_id, "seq": p.seq, "span_start": p.start, "span_end": p.end, "kind": p.kind, "source": source}
        for p in places
    ]
    if rows:
        await session.execute(insert(RedactionSpan).values(rows).on_conflict_do_nothing())


async def spans_of(session: ReadSession, layer_id: UUID) -> Sequence[RedactionSpan]:
    query = select(RedactionSpan).where(col(RedactionSpan.layer_id) == layer_id)
    order = (col(RedactionSpan.seq), col(RedactionSpan.span_start), col(RedactionSpan.span_end))
    return (await session.execute(query.order_by(*order))).scalars().all()


async def labels_of(session: ReadSession, layer_id: UUID) -> dict[int, str]:
    query = select(RedactionLabel).where(col(RedactionLabel.layer_id) == layer_id)
    return {row.seq: row.element for row in (await session.execute(query)).scalars().all()}


async def label(session: WriteSession, layer_id: UUID, labels: Mapping[int, str]) -> None:
    """Say what messages are about; what was said before of the same one is replaced."""
    for seq, element in sorted(labels.items()):
        made = insert(RedactionLabel).values(layer_id=layer_id, seq=seq, element=element)
        await session.execute(made.on_conflict_do_update(index_elements=["layer_id", "seq"], set_={"element": element}))


async def hear(session: WriteSession, grants: Sequence[tuple[UUID, UUID, UUID | None, datetime]]) -> None:
    """Know these grants: id, request, row of the accounting, and until when they may be used."""
    if grants:
        await fetch_all(session, _HEAR, *map(list, zip(*grants, strict=True)))


async def expire(session: WriteSession, *, now: datetime) -> list[tuple[UUID, UUID, UUID | None]]:
    """Settle heard grants that ended unused. Returns them: id, request, row of the accounting."""
    return [tuple(row) for row in await fetch_all(session, _EXPIRE, now)]


async def take(session: WriteSession, use: GrantUse) -> bool:
    """Settle a grant. Returns False where it was settled before: whoever comes at the same moment waits for the first one."""
    values = (use.grant_id, use.request_id, use.accounting_id, use.outcome, use.reason, use.settled_by, use.settled_at)
    return bool(await fetch_all(session, _USE, *values))


async def add_copies(session: WriteSession, copies: Sequence[ReleaseCopy]) -> None:
    session.add_all(copies)
    await session.flush()


async def use_of(session: ReadSession, grant_id: UUID) -> GrantUse | None:
    return await session.get(GrantUse, grant_id)


async def copies_of(session: ReadSession, grant_id: UUID) -> Sequence[ReleaseCopy]:
    query = select(ReleaseCopy).where(col(ReleaseCopy.grant_id) == grant_id)
    return (await session.execute(query.order_by(col(ReleaseCopy.transcript_id)))).scalars().all()


async def forget_bytes(session: WriteSession, *, now: datetime) -> None:
    """Let go of the bytes of copies whose days are over; what they were stays provable by their hashes."""
    await fetch_all(session, _FORGET, now)
