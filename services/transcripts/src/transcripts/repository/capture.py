"""Keeping entries and sealing transcripts, whole batches in single statements."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

import asyncpg
import orjson

from common.database import ReadSession, WriteSession, fetch_all
from common.protection.service_keys import ColumnKeys
from transcripts.errors import Disagreement, SessionSealedError
from transcripts.model import Entry, Holding, Sealed

# Sorted, so that two batches with sessions in common wait for each other instead of deadlocking. Each session's row in
# `assembly` is locked by its update until the unit of work ends: who comes second sees what the first one held.
_STORE = """
WITH added AS (
    INSERT INTO entry (session_id, seq, kind, digest, canonical, key_id, sealed)
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::text[], $4::bytea[], $5::bytea[], $6::uuid[], $7::bytea[])
        AS t (session_id, seq, kind, digest, canonical, key_id, sealed)
    ORDER BY session_id, seq
    ON CONFLICT DO NOTHING
    RETURNING session_id, seq, kind
)
INSERT INTO assembly AS a (session_id, held, top_seq, last_seq, closed_at)
SELECT session_id, count(*), max(seq), min(seq) FILTER (WHERE kind = 'closed'),
    CASE WHEN bool_or(kind = 'closed') THEN $8::timestamptz END
FROM added GROUP BY session_id ORDER BY session_id
ON CONFLICT (session_id) DO UPDATE SET
    held = a.held + excluded.held,
    top_seq = greatest(a.top_seq, excluded.top_seq),
    last_seq = least(a.last_seq, excluded.last_seq),
    closed_at = coalesce(a.closed_at, excluded.closed_at)
RETURNING session_id, held, top_seq, last_seq, (SELECT count(*) FROM added) AS added
"""
_DIFFERING = """
SELECT count(*) AS n
FROM unnest($1::uuid[], $2::int[], $3::bytea[], $4::bytea[]) AS t (session_id, seq, digest, canonical)
JOIN entry AS e USING (session_id, seq) WHERE e.digest <> t.digest OR e.canonical <> t.canonical
"""
_ENTRIES = """
SELECT session_id, seq, kind, digest, canonical, key_id, sealed FROM entry
WHERE session_id = ANY($1::uuid[]) ORDER BY session_id, seq
"""
_SEAL = """
WITH sealed AS (
    INSERT INTO transcript (
        id, session_id, opened_at, closed_at, sealed_at, last_seq, message_count, digest, content_hash, chat_topic, office,
        close_reason, identity_assurance, authenticator_assurance, notice_version
    )
    SELECT id, session_id, opened_at, closed_at, $3, last_seq, message_count, digest, content_hash, chat_topic, office,
        close_reason, identity_assurance, authenticator_assurance, notice_version
    FROM jsonb_to_recordset($1::text::jsonb) AS t (
        id uuid, session_id uuid, opened_at timestamptz, closed_at timestamptz, last_seq int, message_count int,
        digest text, content_hash text, chat_topic text, office text, close_reason text,
        identity_assurance int, authenticator_assurance int, notice_version text
    )
    RETURNING session_id
), parties AS (
    INSERT INTO party (transcript_id, participant_id, kind, office, region)
    SELECT transcript_id, participant_id, kind, office, region
    FROM jsonb_to_recordset($2::text::jsonb) AS t (
        transcript_id uuid, participant_id uuid, kind text, office text, region text
    )
), indexed AS (
    INSERT INTO party_index (transcript_id, participant_id, blind)
    SELECT transcript_id, participant_id, decode(blind, 'hex')
    FROM jsonb_to_recordset($2::text::jsonb) AS t (transcript_id uuid, participant_id uuid, blind text)
), mended AS (
    UPDATE seal_failure SET resolved_at = $3 WHERE session_id IN (SELECT session_id FROM sealed)
)
UPDATE assembly SET state = 'sealed' WHERE session_id IN (SELECT session_id FROM sealed)
"""
_FAILED = """
INSERT INTO seal_failure AS f (session_id, rule, first_seq, found_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (session_id) DO UPDATE SET
    rule = excluded.rule, first_seq = excluded.first_seq, attempts = f.attempts + 1, resolved_at = NULL
"""
_WAITING = """
SELECT count(*) AS open, coalesce(extract(epoch FROM $1 - min(closed_at)), 0)::float AS oldest
FROM assembly WHERE state = 'open'
"""


async def store(session: WriteSession, entries: Sequence[Entry], *, now: datetime) -> tuple[list[Holding], int]:
    """Keep the entries that are not there yet, and lock their sessions.

    Returns:
        What is held of each session that got something, and how many entries were new.

    Raises:
        SessionSealedError: one of them would be added to a sealed session.
    """
    try:
        rows = await fetch_all(session, _STORE, *map(list, zip(*entries, strict=True)), now)
    except asyncpg.RestrictViolationError:
        raise SessionSealedError from None
    held = [Holding(r["session_id"], r["held"], r["top_seq"], r["last_seq"]) for r in rows]
    return held, rows[0]["added"] if rows else 0


async def count_differing(session: WriteSession, entries: Sequence[Entry]) -> int:
    """How many of these differ from what is kept under their numbers."""
    columns = (
        [e.session_id for e in entries],
        [e.seq for e in entries],
        [e.digest for e in entries],
        [e.canonical for e in entries],
    )
    return int((await fetch_all(session, _DIFFERING, *columns))[0]["n"])


async def entries_of(session: WriteSession, session_ids: Sequence[UUID]) -> dict[UUID, list[Entry]]:
    """The entries of these sessions, sorted by number."""
    found: dict[UUID, list[Entry]] = {session_id: [] for session_id in session_ids}
    for row in await fetch_all(session, _ENTRIES, session_ids):
        found[row["session_id"]].append(Entry(*row))
    return found


async def add_transcripts(
    session: WriteSession, sealed: Sequence[tuple[UUID, Sealed]], *, keys: ColumnKeys, now: datetime
) -> None:
    """Write transcripts (id and content) with their parties, and mark their sessions as sealed."""
    transcripts = [
        {"id": transcript_id} | {name: getattr(one, name) for name in Sealed.__slots__ if name != "parties"}
        for transcript_id, one in sealed
    ]
    parties = [
        {
            "transcript_id": transcript_id,
            "participant_id": party.participant_id,
            "kind": party.kind,
            "blind": keys.blind(party.kind, party.number).hex(),
            "office": party.office,
            "region": party.region,
        }
        for transcript_id, one in sealed
        for party in one.parties
    ]
    await fetch_all(session, _SEAL, _json(transcripts), _json(parties), now)


async def add_failures(session: WriteSession, disagreements: Sequence[Disagreement], *, now: datetime) -> None:
    """Keep why these sessions were refused the seal."""
    for one in disagreements:
        await fetch_all(session, _FAILED, one.session_id, one.rule, one.first_seq, now)


async def waiting(session: ReadSession, *, now: datetime) -> tuple[int, float]:
    """How many sessions are open, and for how many seconds the oldest closed one has waited for its seal."""
    row = (await fetch_all(session, _WAITING, now))[0]
    return row["open"], row["oldest"]


def _json(rows: Sequence[Mapping[str, object]]) -> str:
    return orjson.dumps(rows, default=str).decode()  # the driver's UUIDs are a class of their own
