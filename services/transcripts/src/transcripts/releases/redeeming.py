"""Take a grant, once, and make the copies that it lets out; or settle it otherwise (invariant 4).

Grant, copies, word of it and audit entry are one unit of work. The key of `grant_use` decides between two who come at
once, and between who comes and the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from common.access import Look
from common.contracts.disclosure import CopyMade, DisclosureDecided, DisclosureReleased
from common.contracts.envelope import Envelope
from common.contracts.release_grant import GrantClaims
from common.database import WriteSession
from common.ids import new_id
from common.protection.errors import KeyDestroyedError, TamperedError
from common.protection.keyring import Keyring
from transcripts import publishing
from transcripts.redaction import FOR_THE_PERSON
from transcripts.releases import rendition, store
from transcripts.releases.errors import (
    CopyGoneError,
    GrantRefusedError,
    GrantUsedError,
    LeakError,
    NoSuchReleaseError,
    NotReviewedError,
)
from transcripts.releases.grants import AUDIENCE
from transcripts.releases.reviewing import noted, plan_of
from transcripts.releases.source import Source, source_of
from transcripts.releases.tables import GrantUse, ReleaseCopy, place

ORIGINAL = "original"
UNKNOWN, DESTROYED, TAMPERED = "record-unknown", "record-destroyed", "record-not-whole"
"""Why a grant can never be served: the records are not there to go."""


@dataclass(frozen=True, slots=True)
class Released:
    """What became of a grant, with its copies if the records went."""

    use: GrantUse
    copies: Sequence[ReleaseCopy]


async def redeem(look: Look, claims: GrantClaims, *, keyring: Keyring, kept: timedelta) -> Released:
    """Let the records of a grant out: each as a fresh, flat copy of the reviewed layer that the grant names.

    Args:
        kept: how long the bytes can be fetched.

    Raises:
        GrantUsedError: it was settled before.
        GrantRefusedError: it asks for the original where parts have to stay behind.
        NotReviewedError: a record has no reviewed layer of that name.
        LeakError: something that was taken out still stands elsewhere.
    """
    if await store.use_of(look.session, claims.jti) is not None:
        raise GrantUsedError
    sources, reason = await _sources(look, claims, keyring)
    if reason:
        return await refuse(look, claims, reason)
    copies = await _copies(look, claims, sources, look.now + kept)
    use = _use(look, claims, "released", "")
    await _take(look.session, use, copies)
    look.touch(claims.jti, *(copy.transcript_id for copy in copies), fields=["copy"])
    return Released(use, copies)


async def refuse(look: Look, claims: GrantClaims, reason: str) -> Released:
    """Settle a grant without letting anything out, for good.

    Raises:
        GrantUsedError: it was settled before.
    """
    use = _use(look, claims, "refused", reason)
    await _take(look.session, use, [])
    look.touch(claims.jti, *claims.transcript_ids)
    return Released(use, [])


async def release_of(look: Look, grant_id: UUID) -> Released:
    """What became of a grant.

    Raises:
        NoSuchReleaseError: nothing yet, or it is not known here.
    """
    use = await store.use_of(look.session, grant_id)
    if use is None:
        raise NoSuchReleaseError
    return Released(use, await store.copies_of(look.session, grant_id))


async def bytes_of(look: Look, grant_id: UUID, transcript_id: UUID, *, keyring: Keyring) -> tuple[ReleaseCopy, bytes]:
    """The bytes of a copy, for whoever took the grant and nobody else.

    Raises:
        NoSuchReleaseError: there is none, or somebody else took it: the same answer.
        CopyGoneError: its days are over.
        KeyDestroyedError: the record was destroyed meanwhile, and its copies with it.
    """
    found = await release_of(look, grant_id)
    copy = next((one for one in found.copies if one.transcript_id == transcript_id), None)
    if copy is None or found.use.settled_by != look.principal.id:
        raise NoSuchReleaseError
    if copy.content is None or copy.kept_until <= look.now:
        raise CopyGoneError
    keys = await keyring.find([copy.key_id])
    look.touch(fields=["copy"])
    return copy, keys[copy.key_id].open(copy.content, place(copy.id))


async def hear_decided(session: WriteSession, envelopes: Sequence[Envelope[DisclosureDecided]]) -> None:
    """Know the grants that were signed for this service, so that those for which nobody comes are settled too."""
    told = (envelope.data for envelope in envelopes)
    heard = [
        (data.grant_id, data.request_id, data.accounting_id, data.grant_expires_at)
        for data in told
        if data.grant_id is not None and data.grant_holder == AUDIENCE and data.grant_expires_at is not None
    ]
    await store.hear(session, heard)


async def expire(session: WriteSession, *, now: datetime) -> int:
    """Settle grants that ended unused, and tell of each."""
    ended = await store.expire(session, now=now)
    facts = [
        DisclosureReleased(
            request_id=request_id, grant_id=grant_id, accounting_id=accounting_id, outcome="expired", settled_at=now
        )
        for grant_id, request_id, accounting_id in ended
    ]
    await publishing.grants_settled(session, facts, at=now)
    return len(ended)


async def _sources(look: Look, claims: GrantClaims, keyring: Keyring) -> tuple[list[Source], str]:
    """The records, or the code of why they can never go."""
    sources = []
    for transcript_id in claims.transcript_ids:
        try:
            source = await source_of(look.session, transcript_id, keyring)
        except KeyDestroyedError:
            return [], DESTROYED
        except TamperedError:
            return [], TAMPERED
        if source is None:
            return [], UNKNOWN
        sources.append(source)
    return sources, ""


async def _copies(
    look: Look, claims: GrantClaims, sources: Sequence[Source], kept_until: datetime
) -> list[ReleaseCopy]:
    plans = [await _plan(look, claims, source) for source in sources]
    if missing := [f"layer.{s.transcript.id}" for s, plan in zip(sources, plans, strict=True) if plan is None]:
        raise NotReviewedError(missing)
    made, leaks = [], []
    for source, plan in zip(sources, plans, strict=True):
        if plan is None:
            continue
        working = rendition.work(source.contents, plan)
        leaks += [f"{source.transcript.id}.{seq}" for seq in working.leaks]
        made.append(_copy(claims, source, working, kept_until))
    if leaks:
        raise LeakError(leaks)
    return made


async def _plan(look: Look, claims: GrantClaims, source: Source) -> rendition.Plan | None:
    """What of this record goes; None where nobody reviewed it."""
    transcript_id = source.transcript.id
    withheld = [n for w in claims.withheld if w.transcript_id == transcript_id for n in range(w.first, w.last + 1)]
    notations = await noted(look, transcript_id)
    if claims.layer == ORIGINAL:
        if withheld or claims.elements:
            detail = "parts of the record have to stay behind, so the original may not go: name a reviewed layer"
            raise GrantRefusedError("original", detail)
        return rendition.Plan(ORIGINAL, FOR_THE_PERSON, notations=notations)
    layer = await store.layer_of(look.session, transcript_id, claims.layer)
    if layer is None or layer.state != "reviewed":
        return None
    spans, labels = await store.spans_of(look.session, layer.id), await store.labels_of(look.session, layer.id)
    return plan_of(layer, spans, labels, noted=notations, named=claims.elements, withheld=withheld)


def _copy(claims: GrantClaims, source: Source, working: rendition.Working, kept_until: datetime) -> ReleaseCopy:
    copy_id = new_id()
    flat = rendition.flatten(working, copy_id)
    return ReleaseCopy(
        id=copy_id,
        grant_id=claims.jti,
        transcript_id=source.transcript.id,
        layer=claims.layer,
        original_hash=source.transcript.content_hash,
        working_hash=working.digest,
        copy_hash=flat.digest,
        key_id=source.key.id,
        content=source.key.seal(flat.content, place(copy_id)),
        kept_until=kept_until,
    )


def _use(look: Look, claims: GrantClaims, outcome: str, reason: str) -> GrantUse:
    return GrantUse(
        grant_id=claims.jti,
        request_id=claims.request_id,
        accounting_id=claims.accounting_id,
        outcome=outcome,
        reason=reason,
        settled_by=look.principal.id,
        settled_at=look.now,
    )


async def _take(session: WriteSession, use: GrantUse, copies: Sequence[ReleaseCopy]) -> None:
    if not await store.take(session, use):
        raise GrantUsedError
    made = tuple(
        CopyMade(
            copy_id=copy.id, transcript_id=copy.transcript_id, layer=copy.layer, copy_hash=copy.copy_hash,
            original_hash=copy.original_hash,
        )
        for copy in copies
    )  # fmt: skip
    await store.add_copies(session, copies)
    fact = DisclosureReleased.model_validate(use.model_dump(exclude={"settled_by"}) | {"copies": made})
    await publishing.grants_settled(session, [fact], at=use.settled_at)
