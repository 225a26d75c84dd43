"""All questions to, and entries in, the service's store. Every function runs in the caller's unit of work."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlmodel import col, select

from common.contracts.disclosure import FactValue
from common.database import ReadSession, WriteSession, fetch_all, later
from disclosure.entries import Asked, Known, Made
from disclosure.policy import agency_day
from disclosure.question import Question, TaxSpan
from disclosure.tables import (
    Accounting,
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
HOLD_REQUEST = "SELECT id FROM disclosure_request WHERE id = $5 FOR UPDATE"
"""For `once`: the decisions of a request come one after the other."""

# Asked after the lock is held, in a statement of its own: one that waited for it would answer with what stood before.
_KNOWN = """
SELECT r.id, r.transcript_ids, r.basis, r.recipient_kind, r.purpose, r.facts, r.requested_by, r.requested_at,
       EXISTS (SELECT FROM release_grant WHERE request_id = r.id) AS released,
       EXISTS (SELECT FROM record_dispute WHERE record_id = ANY(r.transcript_ids)) AS disputed,
       ARRAY(SELECT version FROM rule_set WHERE version = ANY($2::text[])) AS rules_kept,
       ARRAY(SELECT transcript_id FROM known_transcript WHERE transcript_id = ANY(r.transcript_ids)) AS sealed,
       latest.facts AS latest_facts, latest.tax_spans,
       (SELECT jsonb_agg(to_jsonb(f)) FROM (
            SELECT DISTINCT ON (finding) finding, found, found_by, role, found_at, record
            FROM finding WHERE request_id = r.id ORDER BY finding, id DESC) AS f) AS findings
FROM disclosure_request r
LEFT JOIN LATERAL (
    SELECT facts, tax_spans FROM decision WHERE request_id = r.id ORDER BY id DESC LIMIT 1) AS latest ON true
WHERE r.id = $1
"""
_ASKED = tuple(field.name for field in dataclasses.fields(Asked))
_KEEP_RULES = "INSERT INTO rule_set (version, document, first_used_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_ADD_DECISION = """
INSERT INTO decision (id, request_id, requested_by, decided_by, outcome, rule_version, facts, sealed, steps, missing,
                      holds_until, decided_at, tax_spans, salt)
VALUES ($1, $2, $3, $4, $5, $6, $7::text::jsonb, $8, $9::text::jsonb, $10, $11, $12, $13::text::jsonb, $14)
"""
_ADD_ACCOUNTING = """
INSERT INTO accounting (id, decision_id, request_id, outcome, disclosed_at, nature, basis, purpose, recipient_kind,
                        recipient_name, recipient_address, salt)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_ADD_RECORDS = """
INSERT INTO accounting_transcript (transcript_id, accounting_id) SELECT t, $2::uuid FROM unnest($1::uuid[]) AS t
"""
_ADD_GRANT = """
INSERT INTO release_grant (id, decision_id, accounting_id, request_id, basis, outcome, holder, layer, issued_at, expires_at,
                           key_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
"""


async def add_transcripts(session: WriteSession, sealed: Sequence[tuple[UUID, datetime]]) -> None:
    """Know these transcripts from now on; those known already stay as they are."""
    await fetch_all(session, _ADD_TRANSCRIPTS, [t for t, _ in sealed], [at for _, at in sealed])


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
    """The request, held until the unit of work ends: nothing is decided of it meanwhile."""
    query = select(DisclosureRequest).where(col(DisclosureRequest.id) == request_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def known_of(session: WriteSession, request_id: UUID, rule_versions: Sequence[str]) -> tuple[Asked, Known] | None:
    """A request and everything else that a decision on it hangs on, in one look. It has to be held (`HOLD_REQUEST`).

    Args:
        rule_versions: those that may apply; `Known.rules_kept` says which of them stand in the store already.
    """
    rows = await fetch_all(session, _KNOWN, request_id, list(rule_versions))
    if not rows:
        return None
    row, findings = rows[0], dict[str, FactValue]()
    for finding in row["findings"] or ():
        findings |= _finding_facts(request_id, finding)
    known = Known(
        released=row["released"],
        disputed=row["disputed"],
        rules_kept=frozenset(row["rules_kept"]),
        sealed=frozenset(row["sealed"]),
        shown={**row["facts"], **(row["latest_facts"] or {})},
        spans=_spans(row["tax_spans"] or ()),
        findings=findings,
    )
    return Asked(**{name: row[name] for name in _ASKED}), known


def _finding_facts(request_id: UUID, row: Mapping[str, Any]) -> dict[str, FactValue]:
    name = row["finding"]
    return {
        name: row["found"],
        f"{name}.request": str(request_id),
        f"{name}.by": row["found_by"],
        f"{name}.role": row["role"],
        f"{name}.on": agency_day(datetime.fromisoformat(row["found_at"])).isoformat(),
        f"{name}.record": row["record"],
    }


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
    await fetch_all(session, _KEEP_RULES, version, document, now)


async def add_decision(session: WriteSession, made: Made) -> None:
    """Enter a decision, with the next round trip of this unit of work."""
    await later(
        session,
        _ADD_DECISION,
        made.id,
        made.request_id,
        made.requested_by,
        made.decided_by,
        made.outcome,
        made.rule_version,
        _json(made.facts),
        made.sealed,
        _json(made.steps),
        made.missing,
        made.holds_until,
        made.decided_at,
        _json(made.tax_spans),
        made.salt,
    )


async def rules_text(session: ReadSession, version: str) -> str | None:
    found = await session.get(RuleSet, version)
    return found.document if found else None


async def decision_of(session: ReadSession, decision_id: UUID) -> DecisionRow | None:
    return await session.get(DecisionRow, decision_id)


def spans_of(row: DecisionRow) -> tuple[TaxSpan, ...]:
    """The lines with return information that a decision knew of."""
    return _spans(row.tax_spans)


def _spans(kept: Iterable[Mapping[str, Any]]) -> tuple[TaxSpan, ...]:
    return tuple(TaxSpan(**{**span, "transcript_id": UUID(span["transcript_id"])}) for span in kept)


async def decisions_of(session: ReadSession, request_id: UUID) -> Sequence[DecisionRow]:
    """Every decision on this request, first to last."""
    query = select(DecisionRow).where(col(DecisionRow.request_id) == request_id).order_by(col(DecisionRow.id))
    return (await session.execute(query)).scalars().all()


async def add_accounting(session: WriteSession, row: Accounting, records: Sequence[UUID]) -> None:
    """Account for a release; the store refuses it if its grant does not follow in this unit of work."""
    await later(
        session,
        _ADD_ACCOUNTING,
        row.id,
        row.decision_id,
        row.request_id,
        row.outcome,
        row.disclosed_at,
        row.nature,
        row.basis,
        row.purpose,
        row.recipient_kind,
        row.recipient_name,
        row.recipient_address,
        row.salt,
    )
    await later(session, _ADD_RECORDS, sorted(set(records)), row.id)


async def add_grant(session: WriteSession, grant: ReleaseGrant) -> None:
    """Enter a grant; the store refuses it without its decision, and without its accounting row where there has to be one."""
    await later(
        session,
        _ADD_GRANT,
        grant.id,
        grant.decision_id,
        grant.accounting_id,
        grant.request_id,
        grant.basis,
        grant.outcome,
        grant.holder,
        grant.layer,
        grant.issued_at,
        grant.expires_at,
        grant.key_id,
    )


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
    request: DisclosureRequest | Asked,
    facts: Mapping[str, FactValue],
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


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
