"""Finding and showing transcripts, and who looked at them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import exists, or_
from sqlmodel import col, select

from common.database import ReadSession, fetch_all
from transcripts.model import Entry
from transcripts.policy import Scope
from transcripts.sealing import NAMING
from transcripts.tables import AuditEntry, Party, PartyIndex, SealFailure, Transcript

_ENTRIES = (
    "SELECT session_id, seq, kind, digest, canonical, key_id, sealed FROM entry WHERE session_id = $1 ORDER BY seq"
)

_NAMING = """
SELECT t.id, e.session_id, e.seq, e.kind, e.digest, e.canonical, e.key_id, e.sealed
FROM transcript AS t JOIN entry AS e ON e.session_id = t.session_id
WHERE t.id = ANY($1::uuid[]) AND e.kind = ANY($2::text[])
"""

HIDDEN = ("release.", "redaction.")
"""Looks that the person is not shown here, whatever the release rests on: to whom a record went stands in the accounting,
and a look for law enforcement must not tell of what the accounting leaves out (5 U.S.C. 552a(c)(3)).
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """By what transcripts are sought; all that are given must hold (S1-085, S1-086, S1-088).

    Attributes:
        numbers: for each number sought, what the blind index may hold for it; all must be parties.
        opened_from, opened_to: moments; the first counts, the second does not.
        named: the names of the keys that were given.
    """

    session_id: UUID | None = None
    chat_topic: str | None = None
    opened_from: datetime | None = None
    opened_to: datetime | None = None
    numbers: tuple[frozenset[bytes], ...] = ()
    named: tuple[str, ...] = ()


async def transcript(session: ReadSession, transcript_id: UUID) -> Transcript | None:
    return await session.get(Transcript, transcript_id)


async def parties_of(session: ReadSession, transcript_id: UUID) -> Sequence[Party]:
    return (await session.execute(select(Party).where(Party.transcript_id == transcript_id))).scalars().all()


async def numbers_of(session: ReadSession, transcript_id: UUID) -> frozenset[bytes]:
    """What the blind index holds for the parties of a transcript."""
    query = select(PartyIndex.blind).where(PartyIndex.transcript_id == transcript_id)
    return frozenset((await session.execute(query)).scalars().all())


async def ids_of_party(session: ReadSession, numbers: Collection[bytes]) -> Sequence[UUID]:
    """The transcripts with one of these values of the blind index among their parties."""
    query = select(PartyIndex.transcript_id).where(col(PartyIndex.blind).in_(numbers)).distinct()
    return (await session.execute(query)).scalars().all()


async def entries_of(session: ReadSession, session_id: UUID) -> list[Entry]:
    """The entries of this session, sorted by number."""
    return [Entry(*row) for row in await fetch_all(session, _ENTRIES, session_id)]


async def naming_entries(session: ReadSession, transcript_ids: Collection[UUID]) -> list[tuple[UUID, Entry]]:
    """The entries of these transcripts that name who takes part, each with its transcript."""
    rows = await fetch_all(session, _NAMING, list(transcript_ids), list(NAMING))
    return [(row["id"], Entry(*list(row)[1:])) for row in rows]


async def find(
    session: ReadSession, keys: Keys, *, scope: Scope, before: UUID | None, limit: int
) -> Sequence[Transcript]:
    """The transcripts with these keys within the scope, sealed last first.

    Args:
        before: go on after this one.
    """
    query = select(Transcript).order_by(col(Transcript.id).desc()).limit(limit)
    if before is not None:
        query = query.where(Transcript.id < before)
    if keys.session_id is not None:
        query = query.where(Transcript.session_id == keys.session_id)
    if keys.chat_topic is not None:
        query = query.where(Transcript.chat_topic == keys.chat_topic)
    if keys.opened_from is not None:
        query = query.where(Transcript.opened_at >= keys.opened_from)
    if keys.opened_to is not None:
        query = query.where(Transcript.opened_at < keys.opened_to)
    of_this = exists().where(col(Party.transcript_id) == Transcript.id)
    found_by = exists().where(col(PartyIndex.transcript_id) == Transcript.id)
    for number in keys.numbers:
        query = query.where(found_by.where(col(PartyIndex.blind).in_(number)))
    if not scope.everything:
        query = query.where(
            or_(
                of_this.where(col(Party.kind) == "pin", col(Party.office).in_(scope.offices)),
                found_by.where(col(PartyIndex.blind).in_(scope.numbers)),
            )
        )
    return (await session.execute(query)).scalars().all()


async def accesses(
    session: ReadSession, record_id: str, *, done_only: bool, before: int | None, limit: int
) -> Sequence[AuditEntry]:
    """The looks at this record, newest first.

    Args:
        done_only: as the person sees them: without looks that were refused, and without those that serve a release.
        before: go on after the look at this position.
    """
    query = select(AuditEntry).where(col(AuditEntry.record_ids).contains([record_id]))
    if done_only:
        query = query.where(AuditEntry.outcome == "done")
        query = query.where(*(~col(AuditEntry.action).startswith(prefix) for prefix in HIDDEN))
    if before is not None:
        query = query.where(AuditEntry.position < before)
    return (await session.execute(query.order_by(col(AuditEntry.position).desc()).limit(limit))).scalars().all()


async def seal_failures(session: ReadSession, *, limit: int) -> Sequence[SealFailure]:
    """Sessions that were refused the seal and have none yet, oldest first."""
    query = select(SealFailure).where(col(SealFailure.resolved_at).is_(None)).order_by(col(SealFailure.found_at))
    return (await session.execute(query.limit(limit))).scalars().all()
