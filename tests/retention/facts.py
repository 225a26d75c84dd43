"""Builds events of which a record comes about, valid by default."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from common.contracts.disclosure import DisclosureDecided, DisclosureRequested
from common.contracts.envelope import Envelope, EventData, encode
from common.contracts.incidents import IncidentClosed, IncidentOpened
from common.contracts.production import ActionCompleted
from common.contracts.transcripts import TranscriptClosed
from common.ids import new_id
from common.messaging.broker import ReceivedRecord
from common.protection.events import seal_fact
from common.testing import MemoryKeyring

KEYRING = MemoryKeyring()
MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def transcript(**fields: Any) -> TranscriptClosed:
    return TranscriptClosed.model_validate(
        {
            "transcript_id": new_id(),
            "session_id": new_id(),
            "opened_at": MORNING,
            "closed_at": MORNING + timedelta(minutes=20),
            "sealed_at": MORNING + timedelta(minutes=21),
            "last_seq": 15,
            "message_count": 12,
            "digest": "0" * 64,
            "chat_topic": "retirement",
            "office": "S01",
            "close_reason": "agent_closed",
            "identity_assurance": 2,
        }
        | fields
    )


def action(**fields: Any) -> ActionCompleted:
    return ActionCompleted.model_validate(
        {
            "action_id": new_id(),
            "kind": "case_adjudicated",
            "outcome": "approved",
            "started_at": MORNING,
            "completed_at": MORNING + timedelta(minutes=25),
            "office": "S01",
            "region": "R1",
            "pii": {"employee_pin": "100001", "case_number": "EAC2612345678"},
        }
        | fields
    )


def requested(**fields: Any) -> DisclosureRequested:
    return DisclosureRequested.model_validate(
        {
            "request_id": new_id(),
            "transcript_ids": (new_id(),),
            "basis": "routine-use-5",
            "recipient_kind": "congressional-office",
            "purpose": "constituent-inquiry",
            "requested_at": MORNING,
        }
        | fields
    )


def decided(request_id: UUID, **fields: Any) -> DisclosureDecided:
    return DisclosureDecided.model_validate(
        {
            "request_id": request_id,
            "decision_id": new_id(),
            "outcome": "allow",
            "basis": "routine-use-5",
            "rule_version": "1",
            "transcript_ids": (new_id(),),
            "decided_at": MORNING + timedelta(hours=1),
        }
        | fields
    )


def incident_opened(**fields: Any) -> IncidentOpened:
    return IncidentOpened.model_validate(
        {"incident_id": new_id(), "trigger": "wrong-mail", "opened_at": MORNING} | fields
    )


def incident_closed(incident_id: UUID, **fields: Any) -> IncidentClosed:
    closed_at = MORNING + timedelta(days=20)
    return IncidentClosed.model_validate(
        {"incident_id": incident_id, "opened_at": MORNING, "closed_at": closed_at} | fields
    )


def received(*facts: EventData, source: str = "/muniment/test", offset: int = 0) -> list[ReceivedRecord]:
    """The facts as they stand on the log, each an event of its own."""
    found = []
    for n, fact in enumerate(facts, offset):
        told = seal_fact(fact, KEYRING.issue())
        record = encode(Envelope(new_id(), fact.event_type, source, fact.key, MORNING, told))
        found.append(ReceivedRecord(record.topic, 0, n, record.key, record.value, record.headers))
    return found
