"""Settle a grant, once: whoever inserts its row first, a redemption, a refusal or the clock, has decided, and tells it.

The row of `grant_use`, what it lets out and the word of it are one unit of work, which the caller opened.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from common.access import Look
from common.contracts.disclosure import CopyMade, DisclosureDecided, DisclosureReleased
from common.contracts.envelope import Envelope
from common.contracts.release_grant import GrantClaims
from common.database import ReadSession, WriteSession, fetch_all
from common.messaging import outbox
from common.releases.errors import GrantUsedError

UNKNOWN, DESTROYED, TAMPERED = "record-unknown", "record-destroyed", "record-not-whole"
"""Why a grant can never be served: the records are not there to go."""

_HEAR = """
INSERT INTO heard_grant (grant_id, request_id, accounting_id, expires_at)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS t (a, b, c, d) ORDER BY 1
ON CONFLICT DO NOTHING
"""
_EXPIRE = """
INSERT INTO grant_use (grant_id, request_id, accounting_id, outcome, settled_by, settled_at)
SELECT h.grant_id, h.request_id, h.accounting_id, 'expired', $2, $1
FROM heard_grant AS h
WHERE h.expires_at <= $1 AND NOT EXISTS (SELECT FROM grant_use AS u WHERE u.grant_id = h.grant_id)
ORDER BY h.grant_id LIMIT 500
ON CONFLICT DO NOTHING RETURNING grant_id, request_id, accounting_id
"""
_TAKE = """
INSERT INTO grant_use (grant_id, request_id, accounting_id, outcome, reason, settled_by, settled_at)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING RETURNING true
"""
_USE = """
SELECT grant_id, request_id, accounting_id, outcome, reason, settled_by, settled_at FROM grant_use WHERE grant_id = $1
"""
_FORGET = "UPDATE release_copy SET content = NULL WHERE kept_until <= $1 AND content IS NOT NULL"


@dataclass(frozen=True, slots=True)
class GrantUse:
    """What became of a grant; `reason` is a code and stands with a refusal only."""

    grant_id: UUID
    request_id: UUID
    accounting_id: UUID | None
    outcome: Literal["released", "refused", "expired"]
    reason: str
    settled_by: str
    settled_at: datetime


def use(look: Look, claims: GrantClaims, outcome: Literal["released", "refused"], reason: str = "") -> GrantUse:
    """What the caller makes of this grant."""
    return GrantUse(
        grant_id=claims.jti,
        request_id=claims.request_id,
        accounting_id=claims.accounting_id,
        outcome=outcome,
        reason=reason,
        settled_by=look.principal.id,
        settled_at=look.now,
    )


async def use_of(session: ReadSession, grant_id: UUID) -> GrantUse | None:
    """What became of a grant, if it is settled."""
    rows = await fetch_all(session, _USE, grant_id)
    return GrantUse(**rows[0]) if rows else None


async def settle(session: WriteSession, settled: GrantUse, *, holder: str, copies: Sequence[CopyMade] = ()) -> None:
    """Settle a grant and tell of it. Whoever comes at the same moment waits for the first one.

    Raises:
        GrantUsedError: it was settled before.
    """
    values = asdict(settled)
    if not await fetch_all(session, _TAKE, *values.values()):
        raise GrantUsedError
    del values["settled_by"]
    fact = DisclosureReleased(**values, copies=tuple(copies))
    await outbox.tell(session, fact, source=_source(holder), time=settled.settled_at)


async def refuse(look: Look, claims: GrantClaims, reason: str, *, holder: str) -> GrantUse:
    """Settle a grant without letting anything out, for good.

    Raises:
        GrantUsedError: it was settled before.
    """
    refused = use(look, claims, "refused", reason)
    await settle(look.session, refused, holder=holder)
    look.touch(claims.jti, *claims.transcript_ids)
    return refused


async def hear(session: WriteSession, envelopes: Sequence[Envelope[DisclosureDecided]], *, holder: str) -> None:
    """Know the grants that were signed for this service, so that those for which nobody comes are settled too."""
    told = (envelope.data for envelope in envelopes)
    heard = [
        (data.grant_id, data.request_id, data.accounting_id, data.grant_expires_at)
        for data in told
        if data.grant_id is not None and data.grant_holder == holder and data.grant_expires_at is not None
    ]
    if heard:
        await fetch_all(session, _HEAR, *map(list, zip(*heard, strict=True)))


async def expire(session: WriteSession, *, holder: str, now: datetime) -> int:
    """Settle grants that ended unused, and tell of each. Returns how many."""
    ended = await fetch_all(session, _EXPIRE, now, holder)
    facts = [DisclosureReleased(**row, outcome="expired", settled_at=now) for row in ended]
    await outbox.tell(session, *facts, source=_source(holder), time=now)
    return len(ended)


async def forget_bytes(session: WriteSession, *, now: datetime) -> None:
    """Let go of the bytes of copies whose days are over; what they were stays provable by their hashes."""
    await fetch_all(session, _FORGET, now)


def _source(holder: str) -> str:
    return f"/muniment/{holder}"
