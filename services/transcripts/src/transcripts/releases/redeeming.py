"""Take a grant, once, and make the copies that it lets out; or settle it otherwise (invariant 4).

Grant, copies, word of it and audit entry are one unit of work. The key of `grant_use` decides between two who come at
once, and between who comes and the clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from common.access import Look
from common.contracts.disclosure import CopyMade
from common.contracts.release_grant import GrantClaims
from common.ids import new_id
from common.protection.errors import KeyDestroyedError, TamperedError
from common.protection.keyring import Keyring
from common.releases import settling
from common.releases.errors import CopyGoneError, GrantRefusedError, GrantUsedError, NoSuchReleaseError
from common.releases.settling import DESTROYED, TAMPERED, UNKNOWN, GrantUse
from transcripts.redaction import FOR_THE_PERSON
from transcripts.releases import rendition, store
from transcripts.releases.errors import LeakError, NotReviewedError
from transcripts.releases.reviewing import noted, plan_of
from transcripts.releases.source import Source, source_of
from transcripts.releases.tables import ReleaseCopy, place

ORIGINAL = "original"
HOLDER = "transcripts"


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
    if await settling.use_of(look.session, claims.jti) is not None:
        raise GrantUsedError
    sources, reason = await _sources(look, claims, keyring)
    if reason:
        return await refuse(look, claims, reason)
    copies = await _copies(look, claims, sources, look.now + kept)
    use = settling.use(look, claims, "released")
    await settling.settle(look.session, use, holder=HOLDER, copies=_made(copies))
    await store.add_copies(look.session, copies)
    look.touch(claims.jti, *(copy.transcript_id for copy in copies), fields=["copy"])
    return Released(use, copies)


async def refuse(look: Look, claims: GrantClaims, reason: str) -> Released:
    """Settle a grant without letting anything out, for good.

    Raises:
        GrantUsedError: it was settled before.
    """
    return Released(await settling.refuse(look, claims, reason, holder=HOLDER), [])


async def release_of(look: Look, grant_id: UUID) -> Released:
    """What became of a grant.

    Raises:
        NoSuchReleaseError: nothing yet, or it is not known here.
    """
    use = await settling.use_of(look.session, grant_id)
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


def _made(copies: Sequence[ReleaseCopy]) -> list[CopyMade]:
    return [
        CopyMade(
            copy_id=copy.id, transcript_id=copy.transcript_id, layer=copy.layer, copy_hash=copy.copy_hash,
            original_hash=copy.original_hash,
        )
        for copy in copies
    ]  # fmt: skip
