"""Rows of the registers as auditors see them: on a page, and as the document that was committed to when the row was made."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from common.contracts.disclosure import FactValue
from common.database import ReadSession
from common.protection.service_keys import ColumnKeys
from disclosure import commitments, rulebook
from disclosure.auditing import store
from disclosure.auditing.asked import Register
from disclosure.commitments import Document
from disclosure.question import Outcome
from disclosure.tables import Accounting, place


class RequestFound(BaseModel):
    """A request that records be disclosed."""

    id: UUID
    transcript_ids: list[UUID]
    basis: str
    recipient_kind: str
    purpose: str
    requested_by: str
    requested_at: datetime
    door: str = Field(description="http: asked for here; event: a case system told of it")
    outcome: Outcome | Literal["open"] = Field(description="Of its last decision; open: nobody decided it yet")


class DecisionFound(BaseModel):
    """A decision with the request that it answers. Its steps: `GET /v1/decisions/{id}`, or the export as JSON."""

    id: UUID
    request_id: UUID
    transcript_ids: list[UUID]
    basis: str
    recipient_kind: str
    purpose: str
    requested_by: str
    requested_at: datetime
    decided_by: str
    decided_at: datetime
    outcome: Outcome
    missing: list[str]
    rule_version: str
    holds_until: date | None
    facts: dict[str, FactValue]


class AccountingFound(BaseModel):
    """A row of the accounting of disclosures (5 U.S.C. 552a(c)(1))."""

    id: UUID
    decision_id: UUID
    request_id: UUID
    transcript_ids: list[UUID]
    disclosed_at: datetime
    nature: str
    basis: str
    purpose: str
    recipient_kind: str
    recipient_name: str
    recipient_address: str
    became: Literal["released", "refused", "expired", "awaited"] = Field(
        description="What became of it later; awaited: the grant can still be used, or word is on its way"
    )
    settled_at: datetime | None


class IndividualFound(BaseModel):
    """What somebody asked about their own record, without their name and words (5 U.S.C. 552a(d))."""

    id: UUID
    kind: str
    system: str
    office: str = Field(description="Whose queue it is in: the manager of the system as the notice names it")
    channel: str
    capacity: str
    state: str
    received_on: date
    acknowledged_on: date | None
    records: list[UUID]
    rerouted_to: str | None
    outcome: str | None = Field(description="Of the last decision")
    stage: str | None = Field(description="initial or review")
    grounds: list[str] | None
    decided_by: str | None
    decided_at: datetime | None


Shown = RequestFound | DecisionFound | AccountingFound | IndividualFound


@dataclass(frozen=True, slots=True)
class Row:
    """One row.

    Attributes:
        document: what its commitment covers; None where none was made.
        since: what came of it later, which no commitment to the row can cover.
    """

    id: UUID
    shown: Shown
    document: Document | None
    since: Mapping[str, Any] = field(default_factory=dict)

    def whole(self) -> Document:
        """All that an auditor takes away of it, as JSON has it."""
        return self.document or self.shown.model_dump(mode="json")


async def read(session: ReadSession, keys: ColumnKeys, register: Register, ids: Sequence[UUID]) -> list[Row]:
    """The rows with these ids, in this order."""
    match register:
        case "requests":
            found = await _requests(session, ids)
        case "decisions":
            found = await _decisions(session, ids)
        case "accountings":
            found = await _accountings(session, keys, ids)
        case "individual-requests":
            found = await _individuals(session, ids)
    return [found[one] for one in ids]


async def _requests(session: ReadSession, ids: Sequence[UUID]) -> dict[UUID, Row]:
    outcomes = await store.latest_outcomes(session, ids)
    return {
        row.id: Row(row.id, RequestFound(**row.model_dump(), outcome=outcomes.get(row.id, "open")), None)
        for row in (await store.requests(session, ids)).values()
    }


async def _decisions(session: ReadSession, ids: Sequence[UUID]) -> dict[UUID, Row]:
    rows = await store.decisions(session, ids)
    asked = await store.requests(session, (row.request_id for row in rows.values()))
    found = {}
    for row in rows.values():
        request = asked[row.request_id]
        shown = DecisionFound(**{**request.model_dump(), **row.model_dump()})
        found[row.id] = Row(row.id, shown, commitments.of_decision(row, request))
    return found


async def _accountings(session: ReadSession, keys: ColumnKeys, ids: Sequence[UUID]) -> dict[UUID, Row]:
    rows, records = await store.accountings(session, ids), await store.records_of(session, ids)
    became = await store.what_became(session, ids)
    return {row.id: _accounting(row, keys, records[row.id], became[row.id]) for row in rows.values()}


def _accounting(row: Accounting, keys: ColumnKeys, records: Sequence[UUID], became: Mapping[str, Any]) -> Row:
    opened = {
        name: keys.open(getattr(row, name), place(row.id, name)) for name in ("recipient_name", "recipient_address")
    }
    shown = AccountingFound(**{**row.model_dump(), **opened}, transcript_ids=list(records), **became)
    document = commitments.of_accounting(
        row, recipient_name=opened["recipient_name"], recipient_address=opened["recipient_address"], records=records
    )
    return Row(row.id, shown, document, became)


async def _individuals(session: ReadSession, ids: Sequence[UUID]) -> dict[UUID, Row]:
    found: Mapping[UUID, Mapping[str, Any]] = await store.individual_requests(session, ids)
    return {
        one: Row(one, IndividualFound(**{**dict(row), "office": office_of(row["system"])}), None)
        for one, row in found.items()
    }


def office_of(system: str) -> str:
    """The office that manages a system and works on what individuals ask about it (60-0383, system manager)."""
    return rulebook.current(system).notice.manager_office if system in rulebook.SYSTEMS else ""
