"""Layers and copies in the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from common.database import ReadSession, WriteSession
from transcripts.redaction import Place
from transcripts.releases.tables import RedactionLabel, RedactionLayer, RedactionSpan, ReleaseCopy


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


async def add_copies(session: WriteSession, copies: Sequence[ReleaseCopy]) -> None:
    session.add_all(copies)
    await session.flush()


async def copies_of(session: ReadSession, grant_id: UUID) -> Sequence[ReleaseCopy]:
    query = select(ReleaseCopy).where(col(ReleaseCopy.grant_id) == grant_id)
    return (await session.execute(query.order_by(col(ReleaseCopy.transcript_id)))).scalars().all()
