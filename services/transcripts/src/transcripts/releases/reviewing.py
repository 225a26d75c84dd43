"""Open a redaction layer, decide its findings, and close it: nothing goes that nobody read (S2 item 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from common.access import Look
from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.pii.particulars import Person
from common.pii.taxonomy import Taxonomy
from common.protection.keyring import Keyring
from common.releases.notations import said
from transcripts.errors import NoTranscriptError
from transcripts.redaction import Place, findings, person_called
from transcripts.releases import rendition, store
from transcripts.releases.elements import LABELS, kinds_that_stay
from transcripts.releases.errors import LayerExistsError, NoSuchLayerError, NotReviewedError, ReviewedError
from transcripts.releases.source import Source, source_of
from transcripts.releases.tables import RedactionLayer, RedactionSpan
from transcripts.repository import notations

CUSTOMER = "customer"


@dataclass(frozen=True, slots=True)
class Settled:
    """A reviewer's word about one place: take it out, or let it stand and why."""

    place: Place
    decision: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Shown:
    """A layer with its places, what the messages are about, and the working copy as it would be now."""

    layer: RedactionLayer
    spans: Sequence[RedactionSpan]
    labels: Mapping[int, str]
    working: rendition.Working = field(repr=False)


async def open_layer(
    look: Look, transcript_id: UUID, *, name: str, audience: str, others: Sequence[Person], customer: Person | None,
    taxonomy: Taxonomy, keyring: Keyring,
) -> Shown:  # fmt: skip
    """Search a transcript for what may have to stay behind, and keep the places; the particulars given are not kept.

    Raises:
        NoTranscriptError: there is none.
        LayerExistsError: it has a layer of this name.
        KeyDestroyedError: what was said was destroyed.
    """
    source = await _source(look, transcript_id, keyring)
    layer = RedactionLayer(
        id=new_id(), transcript_id=transcript_id, name=name, audience=audience, opened_by=look.principal.id,
        opened_at=look.now,
    )  # fmt: skip
    if not await store.add_layer(look.session, layer):
        raise LayerExistsError
    known = customer or person_called(source.customer_name, CUSTOMER)
    found = findings(source.texts, known, others, taxonomy, audience=audience)
    await store.add_spans(look.session, layer.id, found, "detector")
    return await shown(look, transcript_id, name, keyring)


async def settle(
    look: Look,
    transcript_id: UUID,
    name: str,
    *,
    settled: Sequence[Settled],
    labels: Mapping[int, str],
    keyring: Keyring,
) -> Shown:
    """Decide findings, add places that no program found, and say what messages are about.

    Raises:
        NoSuchLayerError, NoTranscriptError: there is none.
        ReviewedError: it is closed.
        InvalidError: a place lies outside its text, or stands without a reason.
    """
    source = await _source(look, transcript_id, keyring)
    layer = await _held(look, transcript_id, name)
    _refuse_wrong(source, settled, labels)
    await store.add_spans(look.session, layer.id, [one.place for one in settled], "reviewer")
    spans = {(s.seq, s.span_start, s.span_end): s for s in await store.spans_of(look.session, layer.id)}
    for one in settled:
        span = spans[one.place.seq, one.place.start, one.place.end]
        span.decision, span.reason = one.decision, one.reason
        span.decided_by, span.decided_at = look.principal.id, look.now
    await look.session.flush()
    await store.label(look.session, layer.id, labels)
    return await shown(look, transcript_id, name, keyring)


async def close(look: Look, transcript_id: UUID, name: str, *, keyring: Keyring) -> Shown:
    """Confirm that all was read and decided. From then on the layer never changes, and a grant can let it out.

    Raises:
        NoSuchLayerError, NoTranscriptError: there is none.
        ReviewedError: it is closed.
        NotReviewedError: findings wait for a decision.
    """
    layer = await _held(look, transcript_id, name)
    spans = await store.spans_of(look.session, layer.id)
    if waiting := [s for s in spans if s.decision is None]:
        raise NotReviewedError([f"entry.{s.seq}.{s.span_start}-{s.span_end}" for s in waiting])
    layer.state, layer.reviewed_by, layer.reviewed_at = "reviewed", look.principal.id, look.now
    await look.session.flush()
    return await shown(look, transcript_id, name, keyring)


async def shown(look: Look, transcript_id: UUID, name: str, keyring: Keyring) -> Shown:
    """A layer, and what would go by it: an undecided finding counts as taken out.

    Raises:
        NoSuchLayerError, NoTranscriptError: there is none.
        KeyDestroyedError: what was said was destroyed.
    """
    source = await _source(look, transcript_id, keyring)
    layer = await store.layer_of(look.session, transcript_id, name)
    if layer is None:
        raise NoSuchLayerError
    spans, labels = await store.spans_of(look.session, layer.id), await store.labels_of(look.session, layer.id)
    plan = plan_of(layer, spans, labels, noted=await noted(look, transcript_id))
    look.touch(transcript_id, fields=["redaction_layer", "entries.content"])
    return Shown(layer, spans, labels, rendition.work(source.contents, plan))


def plan_of(
    layer: RedactionLayer, spans: Sequence[RedactionSpan], labels: Mapping[int, str], *,
    noted: Sequence[Mapping[str, str]], named: Sequence[str] = (), withheld: Sequence[int] = (),
) -> rendition.Plan:  # fmt: skip
    """What goes by this layer where a decision named these elements and withheld these entries."""
    stay = kinds_that_stay([s.kind for s in spans], named)
    cut = [_place(s) for s in spans if s.decision != "keep" or s.kind in stay]
    kept = [_place(s) for s in spans if s.decision == "keep" and s.kind not in stay]
    return rendition.Plan(
        layer=layer.name,
        audience=layer.audience,
        named=frozenset(named),
        withheld=frozenset(withheld),
        cut=cut,
        kept=kept,
        labels=labels,
        notations=noted,
    )


async def noted(look: Look, transcript_id: UUID) -> list[dict[str, str]]:
    """The amendments of a record as its copies say them: kind, day, and the mark under which the papers are filed."""
    return said(await notations.notations_of(look.session, transcript_id))


def _place(span: RedactionSpan) -> Place:
    return Place(span.seq, span.span_start, span.span_end, span.kind)


async def _source(look: Look, transcript_id: UUID, keyring: Keyring) -> Source:
    source = await source_of(look.session, transcript_id, keyring)
    if source is None:
        raise NoTranscriptError
    return source


async def _held(look: Look, transcript_id: UUID, name: str) -> RedactionLayer:
    layer = await store.layer_of(look.session, transcript_id, name, hold=True)
    if layer is None:
        raise NoSuchLayerError
    if layer.state == "reviewed":
        raise ReviewedError
    return layer


def _refuse_wrong(source: Source, settled: Sequence[Settled], labels: Mapping[int, str]) -> None:
    lengths: dict[int, int] = {text.seq: len(text.text) for text in source.texts}
    wrong: list[FieldError] = []
    for n, one in enumerate(settled):
        if not 0 <= one.place.start < one.place.end <= lengths.get(one.place.seq, 0):
            wrong.append(FieldError(f"decisions[{n}]", "lies outside the text of its entry"))
        if one.decision == "keep" and not one.reason:
            wrong.append(FieldError(f"decisions[{n}].reason", "is needed: why it may stand"))
    for seq, element in labels.items():
        if seq not in lengths or element not in LABELS:
            wrong.append(FieldError(f"labels.{seq}", f"names a message, and one of {', '.join(LABELS)}"))
    if wrong:
        raise InvalidError("the review cannot be entered so", errors=wrong)
