"""Take a grant for production figures, once, and make the copies that it lets out; or settle it otherwise (invariant 4)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta, tzinfo
from uuid import UUID

from common.access import Look
from common.contracts.disclosure import CopyMade
from common.contracts.release_grant import GrantClaims
from common.ids import new_id
from common.protection.errors import TamperedError
from common.protection.service_keys import ColumnKeys
from common.releases import settling
from common.releases.errors import CopyGoneError, GrantRefusedError, GrantUsedError, NoSuchReleaseError
from common.releases.notations import said
from common.releases.settling import TAMPERED, UNKNOWN, GrantUse
from production.releases import figures, store
from production.releases.store import ReleaseCopy, place

HOLDER = "production"
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Released:
    """What became of a grant, with its copies if the records went."""

    use: GrantUse
    copies: Sequence[ReleaseCopy]


@dataclass(frozen=True, slots=True)
class Holding:
    """With what records are opened, where their months begin, and how long the bytes of a copy are kept."""

    keys: ColumnKeys
    zone: tzinfo
    kept: timedelta


async def redeem(look: Look, claims: GrantClaims, holding: Holding) -> Released:
    """Let out the elements that the grant names of each of its records, each as a copy of its own.

    Raises:
        GrantUsedError: it was settled before.
        GrantRefusedError: it names no elements (S3 6.2: only what is necessary; there is no whole record that may go).
    """
    if await settling.use_of(look.session, claims.jti) is not None:
        raise GrantUsedError
    if not claims.elements:
        raise GrantRefusedError("elements", "this grant names no elements, and nothing goes that is not named")
    copies = []
    for record_id in claims.transcript_ids:
        try:
            copy = await _copy(look, claims, record_id, holding)
        except TamperedError:
            return await refuse(look, claims, TAMPERED)
        if copy is None:
            return await refuse(look, claims, UNKNOWN)
        copies.append(copy)
    use = settling.use(look, claims, "released")
    await settling.settle(look.session, use, holder=HOLDER, copies=[_made(copy) for copy in copies])
    await store.add_copies(look.session, copies)
    look.touch(claims.jti, *claims.transcript_ids, fields=claims.elements)
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


async def bytes_of(look: Look, grant_id: UUID, record_id: UUID, keys: ColumnKeys) -> tuple[ReleaseCopy, bytes]:
    """The bytes of a copy, for whoever took the grant and nobody else.

    Raises:
        NoSuchReleaseError: there is none, or somebody else took it: the same answer.
        CopyGoneError: its days are over.
    """
    found = await release_of(look, grant_id)
    copy = next((one for one in found.copies if one.record_id == record_id), None)
    if copy is None or found.use.settled_by != look.principal.id:
        raise NoSuchReleaseError
    if copy.content is None or copy.kept_until <= look.now:
        raise CopyGoneError
    look.touch(fields=["copy"])
    return copy, keys.open(copy.content, place(copy.id)).encode()


async def _copy(look: Look, claims: GrantClaims, record_id: UUID, holding: Holding) -> ReleaseCopy | None:
    cases = figures.CASES in claims.elements
    held = await store.held(look.session, record_id, holding.keys, holding.zone, cases=cases)
    if held is None:
        return None
    copy_id, salt = new_id(), secrets.token_hex(_SALT_BYTES)
    noted = said(await store.notations_of(look.session, record_id))
    copy = figures.copy_of(held, claims.elements, notations=noted, copy_id=copy_id, salt=salt)
    return ReleaseCopy(
        id=copy_id,
        grant_id=claims.jti,
        record_id=record_id,
        layer=claims.layer,
        original_hash=held.digest(salt),
        copy_hash=copy.digest,
        content=holding.keys.seal(copy.text, place(copy_id)),
        kept_until=look.now + holding.kept,
    )


def _made(copy: ReleaseCopy) -> CopyMade:
    return CopyMade(
        copy_id=copy.id,
        transcript_id=copy.record_id,
        layer=copy.layer,
        copy_hash=copy.copy_hash,
        original_hash=copy.original_hash,
    )
