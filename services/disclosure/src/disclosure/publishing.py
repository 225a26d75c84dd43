"""Turns facts of this service into events of the published language, and puts them in the outbox."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal
from uuid import UUID

from common.contracts.disclosure import DisclosureDecided, DisclosureRequested, RecordAmended
from common.contracts.incidents import IncidentClosed, IncidentOpened
from common.database import WriteSession
from common.messaging import outbox
from disclosure.grants import Grant
from disclosure.question import Decision, Question

SOURCE: Final = "/muniment/disclosure"


async def tell_requested(session: WriteSession, question: Question, *, now: datetime) -> None:
    """Somebody asked, through this service's own door."""
    fact = DisclosureRequested(
        request_id=question.request_id,
        transcript_ids=question.transcript_ids,
        basis=question.basis,
        recipient_kind=question.recipient_kind,
        purpose=question.purpose,
        facts=dict(question.facts),
        requested_at=now,
    )
    await outbox.tell(session, fact, source=SOURCE, time=now)


async def tell_decided(
    session: WriteSession, question: Question, decision: Decision, *, decision_id: UUID, grant: Grant | None
) -> None:
    """A decision stands, and the grant that it led to. The request's row has to be locked: its decisions are told in order."""
    fact = DisclosureDecided(
        request_id=question.request_id,
        decision_id=decision_id,
        outcome=decision.outcome,
        basis=question.basis,
        rule_version=decision.rule_version,
        missing=decision.missing,
        transcript_ids=question.transcript_ids,
        accounting_id=grant.accounting_id if grant else None,
        decided_at=decision.decided_at,
        grant_id=grant.id if grant else None,
        grant_holder=grant.audience if grant else None,
        grant_expires_at=grant.expires_at if grant else None,
    )
    await outbox.tell(session, fact, source=SOURCE, time=decision.decided_at)


async def tell_amended(
    session: WriteSession,
    records: Sequence[UUID],
    *,
    amendment_id: UUID,
    kind: Literal["correction", "disagreement"],
    now: datetime,
) -> None:
    """These records were corrected, or are disputed from now on."""
    facts = [
        RecordAmended(record_id=record, amendment_id=amendment_id, kind=kind, amended_at=now)
        for record in sorted(set(records))
    ]
    await outbox.tell(session, *facts, source=SOURCE, time=now)


async def tell_incident_opened(session: WriteSession, incident_id: UUID, *, trigger: str, now: datetime) -> None:
    """An incident was entered: its record is to be kept (S2 item 13(c))."""
    fact = IncidentOpened(incident_id=incident_id, trigger=trigger, opened_at=now)
    await outbox.tell(session, fact, source=SOURCE, time=now)


async def tell_incident_closed(session: WriteSession, incident_id: UUID, *, opened_at: datetime, now: datetime) -> None:
    """An incident was closed; its row has to be locked."""
    fact = IncidentClosed(incident_id=incident_id, opened_at=opened_at, closed_at=now)
    await outbox.tell(session, fact, source=SOURCE, time=now)
