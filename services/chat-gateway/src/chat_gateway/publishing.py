"""Turns what was decided into events of `common.contracts`, encoded for the outbox."""

from datetime import datetime
from uuid import UUID

from chat_gateway import SOURCE
from chat_gateway.model import Close, Entry, Kind, Participant
from common.contracts.chat import MessagePosted, ParticipantJoined, SessionClosed, SessionEntry, SessionOpened
from common.contracts.envelope import Envelope, encode, encode_raw
from common.contracts.production import ActionCompleted, ActionPii
from common.ids import new_id
from common.messaging.broker import Record

EVENTS: dict[Kind, type[SessionEntry]] = {
    Kind.OPENED: SessionOpened,
    Kind.JOINED: ParticipantJoined,
    Kind.MESSAGE: MessagePosted,
    Kind.CLOSED: SessionClosed,
}


def entry_record(session_key: str, entry: Entry, traceparent: str) -> Record:
    """The event of one entry; its data is the entry's JSON as it stands."""
    return encode_raw(
        event_id=new_id(),
        data_class=EVENTS[entry.kind],
        source=SOURCE,
        time=entry.receipt.at,
        key=session_key,
        value=entry.value,
        traceparent=traceparent,
    )


def action_record(
    session_id: UUID, employee: Participant, *, chat_topic: str, closing: Close, at: str, traceparent: str
) -> Record:
    """The finished work of the employee who had the chat. There is no case, hence no case number."""
    fact = ActionCompleted(
        action_id=new_id(),
        kind="chat_handled",
        form_type=chat_topic,
        outcome=closing.reason,
        started_at=datetime.fromisoformat(employee.joined_at),
        completed_at=datetime.fromisoformat(at),
        session_id=session_id,
        office=employee.office,
        region=employee.region,
        pii=ActionPii(employee_pin=employee.pin),
    )
    moment = datetime.fromisoformat(at)
    return encode(Envelope(new_id(), fact.event_type, SOURCE, fact.key, moment, fact, traceparent))
