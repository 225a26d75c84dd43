"""Builds finished work and sealed transcripts, valid by default."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from common.contracts.envelope import EventData, encode_raw
from common.contracts.production import ActionCompleted
from common.contracts.transcripts import TranscriptClosed
from common.ids import new_id
from common.messaging.broker import ReceivedRecord, Record
from common.protection.events import packed
from common.testing import MemoryKeyring

MORNING = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SSN = "219-09-9999"
KEYRING = MemoryKeyring()
"""Where the keys of these events come from, and where the service finds them."""


def action(**fields: Any) -> dict[str, Any]:
    """An action's data as JSON values; `pii` is merged."""
    pii = {"employee_pin": "100001", "case_number": ""} | fields.pop("pii", {})
    return {
        "action_id": str(new_id()),
        "kind": "case_adjudicated",
        "form_type": "I-90",
        "hour_type": "regular",
        "outcome": "approved",
        "started_at": MORNING.isoformat(),
        "completed_at": (MORNING + timedelta(minutes=25)).isoformat(),
        "session_id": None,
        "office": "S01",
        "region": "R1",
        "pii": pii,
    } | fields


def chat(session_id: UUID, **fields: Any) -> dict[str, Any]:
    return action(kind="chat_handled", form_type="retirement", outcome="resolved", session_id=str(session_id), **fields)


def transcript(session_id: UUID, **fields: Any) -> dict[str, Any]:
    return {
        "transcript_id": str(new_id()),
        "session_id": str(session_id),
        "opened_at": MORNING.isoformat(),
        "closed_at": (MORNING + timedelta(minutes=20)).isoformat(),
        "sealed_at": (MORNING + timedelta(minutes=21)).isoformat(),
        "last_seq": 15,
        "message_count": 12,
        "digest": "0" * 64,
        "chat_topic": "retirement",
        "office": "S01",
        "close_reason": "agent_closed",
        "identity_assurance": 2,
    } | fields


def event(data: dict[str, Any], **changes: Any) -> Record:
    """The record of an event with this data; `changes` replace attributes of the record."""
    kind: type[EventData] = ActionCompleted if "kind" in data else TranscriptClosed
    data = sealed(data) if kind is ActionCompleted else data
    record = encode_raw(
        event_id=new_id(),
        data_class=kind,
        source="/case-systems/elis",
        time="2026-03-02T12:00:00.000000Z",
        key=str(data.get(kind.key_field, "")),
        value=orjson.dumps(data),
        traceparent="",
    )
    headers = record.headers | changes.pop("headers", {})
    return Record(**({"topic": record.topic, "key": record.key, "value": record.value, "headers": headers} | changes))


def sealed(data: dict[str, Any]) -> dict[str, Any]:
    """The data as a case system sends it: what it says of a person under a key that was issued to it."""
    key = KEYRING.issue()
    place = f"{ActionCompleted.event_type}|{data['action_id']}"
    return data | {"pii": {"key": key.text, "sealed": packed(key.seal(orjson.dumps(data["pii"]), place.encode()))}}


def received(*records: Record) -> list[ReceivedRecord]:
    return [ReceivedRecord(r.topic, 0, n, r.key, r.value, r.headers) for n, r in enumerate(records)]
