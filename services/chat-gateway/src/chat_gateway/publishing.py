"""Turns what was decided into events of `common.contracts`, encoded for the outbox."""

from datetime import datetime

import orjson

from chat_gateway import SOURCE
from chat_gateway.drafts import SessionState
from chat_gateway.model import EVENTS, Close, Entry, Kind, Participant
from common.contracts.envelope import Envelope, encode, encode_raw
from common.contracts.production import ActionCompleted, ActionPii
from common.ids import new_id, new_id_text
from common.messaging.broker import Record
from common.protection.events import seal_fact

_KEY, _TIME, _CUT = "(key)", "(time)", "(cut)"


class EntryHeaders:
    """Writes the headers of entries' events as JSON: what `encode_raw` makes, taken apart once for each kind of entry.

    The event's data is the entry's JSON as it stands, its key the session's id.
    """

    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent
        self._parts: dict[Kind, list[str]] = {}

    def of(self, session_key: str, entry: Entry) -> str:
        parts = self._parts.get(entry.kind)
        if parts is None:
            parts = self._parts[entry.kind] = self._taken_apart(entry.kind)
        before, between, further, after = parts
        return f"{before}{new_id_text()}{between}{session_key}{further}{entry.receipt.at}{after}"

    def _taken_apart(self, kind: Kind) -> list[str]:
        event_id = new_id()
        record = encode_raw(
            event_id=event_id,
            data_class=EVENTS[kind],
            source=SOURCE,
            time=_TIME,
            key=_KEY,
            value=b"",
            traceparent=self.traceparent,
        )
        text = orjson.dumps(record.headers).decode()
        for place in (str(event_id), _KEY, _TIME):
            text = text.replace(place, _CUT)
        return text.split(_CUT)


def action_record(
    state: SessionState, employee: Participant, *, chat_topic: str, closing: Close, at: str, traceparent: str
) -> Record:
    """The finished work of an employee who had the chat, under the session's key. There is no case, hence no case number.

    Whoever handed it on was done with it then, and not when it ended.
    """
    left_at = state.departed.get(employee.id)
    fact = ActionCompleted(
        action_id=new_id(),
        kind="chat_handled",
        form_type=chat_topic,
        outcome="transferred" if left_at else closing.reason,
        started_at=datetime.fromisoformat(employee.joined_at),
        completed_at=datetime.fromisoformat(left_at or at),
        session_id=state.id,
        office=employee.office,
        region=employee.region,
        pii=ActionPii(employee_pin=employee.pin),
    )
    moment = datetime.fromisoformat(at)
    told = seal_fact(fact, state.data_key)
    return encode(Envelope(new_id(), fact.event_type, SOURCE, fact.key, moment, told, traceparent))
