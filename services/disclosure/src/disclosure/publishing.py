"""Turns facts of this service into events of the published language, and puts them in the outbox."""

from datetime import datetime
from typing import Final
from uuid import UUID

from common.contracts.disclosure import DisclosureDecided, DisclosureRequested
from common.database import WriteSession
from common.messaging import outbox
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
    session: WriteSession, question: Question, decision: Decision, *, decision_id: UUID, accounting_id: UUID | None
) -> None:
    """A decision stands. The request's row has to be locked, so that its decisions are told in their order."""
    fact = DisclosureDecided(
        request_id=question.request_id,
        decision_id=decision_id,
        outcome=decision.outcome,
        basis=question.basis,
        rule_version=decision.rule_version,
        missing=decision.missing,
        transcript_ids=question.transcript_ids,
        accounting_id=accounting_id,
        decided_at=decision.decided_at,
    )
    await outbox.tell(session, fact, source=SOURCE, time=decision.decided_at)
