"""All questions to, and entries in, the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select

from common.contracts.disclosure import FactValue
from common.database import ReadSession, WriteSession, fetch_all
from disclosure.question import Question, TaxSpan
from disclosure.tables import (
    Accounting,
    AccountingTranscript,
    DecisionRow,
    DisclosureRequest,
    ReleaseGrant,
    RuleSet,
    SigningKey,
)

_ADD_TRANSCRIPTS = """
INSERT INTO known_transcript (transcript_id, sealed_at)
SELECT * FROM unnest($1::uuid[], $2::timestamptz[]) AS t (transcript_id, sealed_at) ORDER BY transcript_id
ON CONFLICT DO NOTHING
"""
_SEALED = "SELECT transcript_id FROM known_transcript WHERE transcript_id = ANY($1::uuid[])"
# Lists travel as JSON: an array of arrays of different lengths is none.
_ADD_REQUESTS = """
INSERT INTO disclosure_request
    (id, transcript_ids, basis, recipient_kind, purpose, facts, door, requested_by, requested_at)
SELECT t.id, ARRAY(SELECT i::uuid FROM jsonb_array_elements_text(t.transcript_ids::jsonb) AS i), t.basis,
       t.recipient_kind, t.purpose, t.facts::jsonb, t.door, t.requested_by, t.requested_at
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
            $9::timestamptz[]) WITH ORDINALITY
     AS t (id, transcript_ids, basis, recipient_kind, purpose, facts, door, requested_by, requested_at, n)
ORDER BY t.id, t.n
ON CONFLICT (id) DO NOTHING RETURNING id
"""


async def add_transcripts(session: WriteSession, sealed: Sequence[tuple[UUID, datetime]]) -> None:
    """Know these transcripts from now on; those known already stay as they are."""
    await fetch_all(session, _ADD_TRANSCRIPTS, [t for t, _ in sealed], [at for _, at in sealed])


async def sealed_among(session: ReadSession, transcript_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these are known to be sealed."""
    return frozenset(row["transcript_id"] for row in await fetch_all(session, _SEALED, list(transcript_ids)))


async def add_requests(session: WriteSession, requests: Sequence[DisclosureRequest]) -> set[UUID]:
    """Enter requests; the answer holds the ids that were not known before."""
    rows = await fetch_all(
        session,
        _ADD_REQUESTS,
        [r.id for r in requests],
        [orjson.dumps(r.transcript_ids).decode() for r in requests],
        [r.basis for r in requests],
        [r.recipient_kind for r in requests],
        [r.purpose for r in requests],
        [orjson.dumps(r.facts).decode() for r in requests],
        [r.door for r in requests],
        [r.requested_by for r in requests],
        [r.requested_at for r in requests],
    )
    return {row["id"] for row in rows}


async def request_of(session: ReadSession, request_id: UUID) -> DisclosureRequest | None:
    return await session.get(DisclosureRequest, request_id)


async def requests_of(session: ReadSession, request_ids: Sequence[UUID]) -> Sequence[DisclosureRequest]:
    query = select(DisclosureRequest).where(col(DisclosureRequest.id).in_(request_ids))
    return (await session.execute(query)).scalars().all()


async def lock_request(session: WriteSession, request_id: UUID) -> DisclosureRequest | None:
    """The request, held until the unit of work ends: its decisions come one after the other."""
    query = select(DisclosureRequest).where(col(DisclosureRequest.id) == request_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def open_requests(session: ReadSession, *, after: UUID | None, limit: int) -> Sequence[DisclosureRequest]:
    """Requests without a decision that settles them (none yet, or undecided so far), oldest first."""
    settled = select(DecisionRow.id).where(
        col(DecisionRow.request_id) == col(DisclosureRequest.id), col(DecisionRow.outcome).in_(("allow", "deny"))
    )
    query = select(DisclosureRequest).where(~settled.exists())
    if after is not None:
        query = query.where(col(DisclosureRequest.id) > after)
    return (await session.execute(query.order_by(col(DisclosureRequest.id)).limit(limit))).scalars().all()


async def is_released(session: ReadSession, request_id: UUID) -> bool:
    query = select(ReleaseGrant.id).where(col(ReleaseGrant.request_id) == request_id)
    return (await session.execute(query)).first() is not None


async def keep_rules(session: WriteSession, *, version: str, document: str, now: datetime) -> None:
    """Keep the text of these rules, once, in the transaction of a decision made under them."""
    if (await session.execute(select(RuleSet.version).where(col(RuleSet.version) == version))).first() is not None:
        return
    row = {"version": version, "document": document, "first_used_at": now}
    await session.execute(insert(RuleSet).values(row).on_conflict_do_nothing())


async def rules_text(session: ReadSession, version: str) -> str | None:
    found = await session.get(RuleSet, version)
    return found.document if found else None


async def decision_of(session: ReadSession, decision_id: UUID) -> DecisionRow | None:
    return await session.get(DecisionRow, decision_id)


async def facts_so_far(
    session: ReadSession, request: DisclosureRequest
) -> tuple[dict[str, FactValue], tuple[TaxSpan, ...]]:
    """What was shown for this request: with the request, and for its decisions up to the latest; and the lines there."""
    query = select(DecisionRow).where(col(DecisionRow.request_id) == request.id)
    latest = (await session.execute(query.order_by(col(DecisionRow.id).desc()).limit(1))).scalar_one_or_none()
    return ({**request.facts, **latest.facts}, spans_of(latest)) if latest else (dict(request.facts), ())


def spans_of(row: DecisionRow) -> tuple[TaxSpan, ...]:
    """The lines with return information that a decision knew of."""
    return tuple(TaxSpan(**{**span, "transcript_id": UUID(span["transcript_id"])}) for span in row.tax_spans)


async def decisions_of(session: ReadSession, request_id: UUID) -> Sequence[DecisionRow]:
    """Every decision on this request, first to last."""
    query = select(DecisionRow).where(col(DecisionRow.request_id) == request_id).order_by(col(DecisionRow.id))
    return (await session.execute(query)).scalars().all()


async def add_accounting(session: WriteSession, row: Accounting, records: Sequence[UUID]) -> None:
    """Account for a release; the store refuses it if its grant does not follow in this unit of work."""
    session.add(row)
    await session.flush()
    session.add_all([AccountingTranscript(transcript_id=t, accounting_id=row.id) for t in sorted(set(records))])
    await session.flush()


async def add_grant(session: WriteSession, grant: ReleaseGrant) -> None:
    """Enter a grant; the store refuses it without its decision, and without its accounting row where there has to be one."""
    session.add(grant)
    await session.flush()


async def accounting_of_decision(session: ReadSession, decision_id: UUID) -> UUID | None:
    query = select(Accounting.id).where(col(Accounting.decision_id) == decision_id)
    return (await session.execute(query)).scalar_one_or_none()


async def signing_keys(session: WriteSession, made: SigningKey) -> Sequence[SigningKey]:
    """The keys kept here, newest first; `made` is entered if there is none. Two processes that start at once agree."""
    await session.execute(text("LOCK TABLE signing_key IN SHARE ROW EXCLUSIVE MODE"))
    query = select(SigningKey).order_by(col(SigningKey.made_at).desc())
    kept = (await session.execute(query)).scalars().all()
    if kept:
        return kept
    session.add(made)
    await session.flush()
    return [made]


def question_of(
    request: DisclosureRequest,
    facts: dict[str, FactValue],
    sealed: frozenset[UUID],
    spans: tuple[TaxSpan, ...] = (),
) -> Question:
    """The request as the policy reads it, with the facts as they stand now."""
    return Question(
        request_id=request.id,
        transcript_ids=tuple(request.transcript_ids),
        basis=request.basis,
        recipient_kind=request.recipient_kind,
        purpose=request.purpose,
        facts=facts,
        sealed=sealed,
        spans=spans,
    )
