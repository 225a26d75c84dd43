"""The registers by any key: ids in a stable order, and the rows behind them. Every function runs in the caller's unit of work."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from uuid import UUID

from sqlmodel import col, select

from common.database import ReadSession, WriteSession, fetch_all
from common.protection.service_keys import ColumnKeys
from disclosure import policy
from disclosure.auditing import recipients
from disclosure.auditing.asked import Asked, Register
from disclosure.individuals import store as individual_store
from disclosure.tables import Accounting, AccountingTranscript, DecisionRow, DisclosureRequest

# Records that were found to be this person's on a request of theirs, after the identity gate.
_THEIRS = """
(SELECT coalesce(array_agg(DISTINCT one), '{}') FROM individual_decision i
 JOIN individual_request q ON q.id = i.request_id, unnest(i.records) AS one
 WHERE q.account = ANY(?::bytea[]) AND i.found AND i.verified)
"""
_OF_RECIPIENT = (
    "SELECT FROM accounting_recipient n JOIN accounting b ON b.id = n.accounting_id WHERE n.name = ANY(?::bytea[])"
)

_ASKED_OF_REQUEST = {
    "account_id": f"r.transcript_ids && {_THEIRS}",
    "record_id": "r.transcript_ids @> ARRAY[?::uuid]",
    "request_id": "r.id = ?",
    "recipient_kind": "r.recipient_kind = ?",
    "basis": "r.basis = ?",
    "purpose": "r.purpose = ?",
    "requested_by": "r.requested_by = ?",
}
_SELECT: Mapping[Register, str] = {
    "requests": "SELECT r.id FROM disclosure_request r",
    "decisions": "SELECT d.id FROM decision d JOIN disclosure_request r ON r.id = d.request_id",
    "accountings": """SELECT a.id FROM accounting a JOIN disclosure_request r ON r.id = a.request_id
                      JOIN decision d ON d.id = a.decision_id""",
    "individual-requests": "SELECT r.id FROM individual_request r",
}
_ID: Mapping[Register, str] = {
    "requests": "r.id", "decisions": "d.id", "accountings": "a.id", "individual-requests": "r.id",
}  # fmt: skip
# Conditions by key; `?` stands for the value. Whoever asks for what is no key of a register was refused before.
CONDITIONS: Mapping[Register, Mapping[str, str]] = {
    "requests": _ASKED_OF_REQUEST | {
        "recipient_name": f"EXISTS ({_OF_RECIPIENT} AND b.request_id = r.id)",
        "outcome": "(SELECT outcome FROM decision d WHERE d.request_id = r.id ORDER BY d.id DESC LIMIT 1) = ?",
        "rule_version": "EXISTS (SELECT FROM decision d WHERE d.request_id = r.id AND d.rule_version = ?)",
        "officer": "EXISTS (SELECT FROM decision d WHERE d.request_id = r.id AND d.decided_by = ?)",
        "day_from": "r.requested_at >= ?",
        "day_to": "r.requested_at < ?",
    },
    "decisions": _ASKED_OF_REQUEST | {
        "recipient_name": f"EXISTS ({_OF_RECIPIENT} AND b.decision_id = d.id)",
        "outcome": "d.outcome = ?",
        "rule_version": "d.rule_version = ?",
        "officer": "d.decided_by = ?",
        "day_from": "d.decided_at >= ?",
        "day_to": "d.decided_at < ?",
    },
    "accountings": _ASKED_OF_REQUEST | {
        "recipient_name": f"EXISTS ({_OF_RECIPIENT} AND n.accounting_id = a.id)",
        "outcome": """coalesce((SELECT o.outcome FROM release_grant g JOIN release_outcome o ON o.grant_id = g.id
            WHERE g.accounting_id = a.id), 'awaited') = ?""",
        "rule_version": "d.rule_version = ?",
        "officer": "d.decided_by = ?",
        "day_from": "a.disclosed_at >= ?",
        "day_to": "a.disclosed_at < ?",
    },
    "individual-requests": {
        "account_id": "r.account = ANY(?::bytea[])",
        "record_id": """(r.records @> ARRAY[?::uuid] OR EXISTS (
            SELECT FROM individual_decision d WHERE d.request_id = r.id AND d.records @> ARRAY[?::uuid]))""",
        "request_id": "r.id = ?",
        "outcome": "(SELECT outcome FROM individual_decision d WHERE d.request_id = r.id ORDER BY d.id DESC LIMIT 1) = ?",
        "officer": "EXISTS (SELECT FROM individual_step s WHERE s.request_id = r.id AND s.actor = ?)",
        "kind": "r.kind = ?",
        "state": "r.state = ?",
        "system": "r.system = ?",
        "day_from": "r.received_on >= ?",
        "day_to": "r.received_on < ?",
    },
}  # fmt: skip


@dataclass
class _Query:
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def where(self, condition: str, value: Any) -> None:
        self.values.append(value)
        self.conditions.append(condition.replace("?", f"${len(self.values)}"))


async def ids(
    session: WriteSession, keys: ColumnKeys, register: Register, asked: Asked, *, after: UUID | None, limit: int
) -> list[UUID]:
    """One page of ids, always in the same order: that of the ids, which is the one in which rows were made.

    Args:
        after: go on behind this one.
    """
    query = _Query()
    for name, value in asked.given().items():
        query.where(CONDITIONS[register][name], await _value(session, keys, register, name, value))
    if after is not None:
        query.where(f"{_ID[register]} > ?", after)
    where = f" WHERE {' AND '.join(query.conditions)}" if query.conditions else ""
    query.values.append(limit)
    sql = f"{_SELECT[register]}{where} ORDER BY {_ID[register]} LIMIT ${len(query.values)}"
    return [row["id"] for row in await fetch_all(session, sql, *query.values)]


async def _value(session: WriteSession, keys: ColumnKeys, register: Register, name: str, value: object) -> object:
    if name == "account_id":
        return keys.blinds(individual_store.ACCOUNT, str(value))
    if name == "recipient_name":
        return await recipients.look_up(session, keys, str(value))
    if isinstance(value, date):
        return _moment(register, value, last=name == "day_to")
    return value


def _moment(register: Register, day: date, *, last: bool) -> datetime | date:
    """Where a day begins at the agency's seat or, of the last one, where it is over."""
    if register == "individual-requests":
        return date.fromordinal(day.toordinal() + 1) if last else day
    return policy.end_of_day(day) if last else datetime.combine(day, time(), policy.AGENCY_TIME).astimezone(UTC)


async def requests(session: ReadSession, wanted: Iterable[UUID]) -> dict[UUID, DisclosureRequest]:
    query = select(DisclosureRequest).where(col(DisclosureRequest.id).in_(set(wanted)))
    return {row.id: row for row in (await session.execute(query)).scalars()}


async def decisions(session: ReadSession, wanted: Sequence[UUID]) -> dict[UUID, DecisionRow]:
    query = select(DecisionRow).where(col(DecisionRow.id).in_(wanted))
    return {row.id: row for row in (await session.execute(query)).scalars()}


async def latest_outcomes(session: ReadSession, request_ids: Sequence[UUID]) -> dict[UUID, str]:
    """How each of these requests was decided last; without those that nobody decided yet."""
    rows = await fetch_all(
        session,
        "SELECT DISTINCT ON (request_id) request_id, outcome FROM decision WHERE request_id = ANY($1::uuid[]) "
        "ORDER BY request_id, id DESC",
        list(request_ids),
    )
    return {row["request_id"]: row["outcome"] for row in rows}


async def accountings(session: ReadSession, wanted: Sequence[UUID]) -> dict[UUID, Accounting]:
    query = select(Accounting).where(col(Accounting.id).in_(wanted))
    return {row.id: row for row in (await session.execute(query)).scalars()}


async def records_of(session: ReadSession, accounting_ids: Sequence[UUID]) -> dict[UUID, list[UUID]]:
    """The records that each of these rows accounts for."""
    query = select(AccountingTranscript).where(col(AccountingTranscript.accounting_id).in_(accounting_ids))
    found: dict[UUID, list[UUID]] = {one: [] for one in accounting_ids}
    for row in (await session.execute(query.order_by(col(AccountingTranscript.transcript_id)))).scalars():
        found[row.accounting_id].append(row.transcript_id)
    return found


_BECAME = """
SELECT a.id, coalesce(o.outcome, 'awaited') AS became, o.settled_at FROM accounting a
LEFT JOIN release_grant g ON g.accounting_id = a.id LEFT JOIN release_outcome o ON o.grant_id = g.id
WHERE a.id = ANY($1::uuid[])
"""


async def what_became(session: ReadSession, accounting_ids: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """What became of each of these disclosures: `became` and `settled_at`."""
    rows = await fetch_all(session, _BECAME, list(accounting_ids))
    return {row["id"]: {"became": row["became"], "settled_at": row["settled_at"]} for row in rows}


_INDIVIDUAL = """
SELECT r.id, r.kind, r.system, r.channel, r.capacity, r.state, r.received_on, r.acknowledged_on, r.records, r.rerouted_to,
       d.outcome, d.stage, d.decided_by, d.decided_at, d.grounds
FROM individual_request r LEFT JOIN LATERAL (
    SELECT * FROM individual_decision i WHERE i.request_id = r.id ORDER BY i.id DESC LIMIT 1) d ON true
WHERE r.id = ANY($1::uuid[])
"""


async def individual_requests(session: ReadSession, wanted: Sequence[UUID]) -> dict[UUID, Mapping[str, Any]]:
    """Individuals' requests with their last decision; nothing that is sealed."""
    return {row["id"]: dict(row) for row in await fetch_all(session, _INDIVIDUAL, list(wanted))}
