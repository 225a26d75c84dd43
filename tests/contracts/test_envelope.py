"""The envelope against the CloudEvents package, in both directions and both content modes."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary, to_binary, to_structured
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from hypothesis import given
from hypothesis import strategies as st

from common.contracts import ALL_EVENTS
from common.contracts.envelope import Envelope, PlainPiiError, UnusableEventError, decode, encode
from common.contracts.production import ActionCompleted, ActionPii
from common.ids import new_id
from common.messaging.broker import Record
from common.protection.events import UnopenedError, open_events, seal_fact, shows_no_person
from common.testing import MemoryKeyring

KEYRING = MemoryKeyring()
AT = datetime(2026, 3, 2, 12, 0, 0, 5, UTC)


def action(outcome: str = "answered", case_number: str = "") -> ActionCompleted:
    return ActionCompleted(
        action_id=new_id(),
        kind="chat_handled",
        outcome=outcome,
        started_at=AT,
        completed_at=AT,
        office="S01",
        region="R1",
        pii=ActionPii(employee_pin="100001", case_number=case_number),
    )


def sealed(data: ActionCompleted) -> ActionCompleted:
    told = seal_fact(data, KEYRING.issue())
    assert isinstance(told, ActionCompleted)
    return told


def envelope(data: ActionCompleted) -> Envelope[ActionCompleted]:
    return Envelope(
        new_id(),
        data.event_type,
        "/muniment/test",
        data.key,
        AT,
        sealed(data),
        "00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    )


def test_the_cloudevents_package_reads_what_is_written_here() -> None:
    written = encode(sent := envelope(action()))
    message = KafkaMessage({k: v.encode() for k, v in written.headers.items()}, written.key, written.value)
    event = from_binary(message, JSONFormat(), CloudEvent)
    assert UUID(event.get_id()) == sent.id
    assert event.get_type() == "muniment.action.completed.v1"
    assert event.get_time() == AT
    assert event.get_subject() == sent.data.key
    assert event.get_extension("traceparent") == sent.traceparent
    assert event.get_extension("systemofrecords") == "DHS/ALL-019"
    assert event.get_data() == sent.data.model_dump(mode="json")


def _foreign(data: ActionCompleted) -> CloudEvent:
    return CloudEvent(
        {
            "id": str(new_id()),
            "source": "/case-system",
            "type": data.event_type,
            "time": AT,
            "specversion": "1.0",
            "datacontenttype": "application/json",
            "subject": data.key,
        },
        data.model_dump(mode="json"),
    )


@pytest.mark.parametrize("mode", [to_binary, to_structured])
def test_what_the_cloudevents_package_writes_is_read_here(mode: object) -> None:
    data = sealed(action(case_number="A-1"))
    message = mode(_foreign(data), JSONFormat())  # type: ignore[operator]
    record = Record("action.completed", data.key, message.value, {k: v.decode() for k, v in message.headers.items()})
    read = decode(record, ALL_EVENTS)
    assert read.data == data
    assert read.time == AT


@given(st.text(max_size=40), st.text(max_size=40))
async def test_any_text_survives_the_way(outcome: str, case_number: str) -> None:
    outcome, case_number = (t.encode("utf-8", "ignore").decode() for t in (outcome, case_number))
    sent = envelope(fact := action(outcome, case_number))
    read = decode(encode(sent), ALL_EVENTS)
    assert read == sent
    (opened,) = await open_events(KEYRING, [read])
    assert opened.data == fact


def test_a_person_s_values_travel_sealed_or_not_at_all() -> None:
    fact = action(case_number="EAC2612345678")
    with pytest.raises(PlainPiiError):
        encode(replace(envelope(fact), data=fact))
    record = encode(envelope(fact))
    assert b"EAC2612345678" not in record.value
    assert b"100001" not in record.value
    plain = orjson.dumps(fact.model_dump(mode="json"))
    with pytest.raises(PlainPiiError) as refused:
        decode(Record(record.topic, record.key, plain, record.headers), ALL_EVENTS)
    assert "EAC2612345678" not in str(refused.value)


async def test_what_is_sealed_opens_for_its_own_event_only() -> None:
    one, other = decode(encode(envelope(action())), ALL_EVENTS), decode(encode(envelope(action())), ALL_EVENTS)
    swapped = replace(one, data=one.data.model_copy(update={"pii": other.data.pii}))  # type: ignore[attr-defined]
    with pytest.raises(UnopenedError, match="does not open"):
        await open_events(KEYRING, [other, swapped])
    with pytest.raises(UnopenedError, match="no such key"):
        await open_events(MemoryKeyring(), [one])


@pytest.mark.parametrize(
    ("value", "keeps"),
    [
        (b'{"a":1}', True),
        (b'{"pii":{"key":"k","sealed":"s"}}', True),
        (b'{"specversion":"1.0","data":{"pii":{"key":"k","sealed":"s"}}}', True),
        (b'{"pii":{"employee_pin":"1"}}', False),
        (b'{"pii":{"key":"k","sealed":"s","text":"x"}}', False),
        (b'{"pii":"Jane"}', False),
        (b'{"specversion":"1.0","data":{"pii":{"pin":"1"}}}', False),
        (b'{"specversion":"1.0","data":"Jane"}', False),
        (b'{"specversion":"1.0","data_base64":"x","data":{}}', False),
        (b"Jane Smith", False),
        (b'["Jane"]', False),
    ],
)
def test_what_may_be_kept_as_it_came_is_an_object_whose_pii_is_sealed(value: bytes, *, keeps: bool) -> None:
    assert shows_no_person(value) is keeps


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"ce_type": "muniment.unheard.of.v1"}, "not known"),
        ({"ce_type": None}, "type is missing"),
        ({"ce_id": None}, "type is missing|id is missing|not"),
        ({"ce_id": "seventeen"}, "malformed"),
        ({"ce_time": "2026-03-02T12:00:00"}, "malformed"),
        ({"ce_specversion": "0.3"}, "specversion"),
    ],
)
def test_a_broken_envelope_is_named(change: dict[str, str | None], reason: str) -> None:
    record = encode(envelope(action()))
    headers = {k: v for k, v in (record.headers | change).items() if v is not None}
    with pytest.raises(UnusableEventError, match=reason):
        decode(Record(record.topic, record.key, record.value, headers), ALL_EVENTS)


def test_data_outside_its_schema_is_named_by_field_and_never_by_value() -> None:
    record = encode(envelope(action()))
    value = record.value.replace(b'"S01"', b'["123-45-6789"]')
    with pytest.raises(UnusableEventError) as refused:
        decode(Record(record.topic, record.key, value, record.headers), ALL_EVENTS)
    assert "data.office" in str(refused.value)
    assert "123-45-6789" not in str(refused.value)


def test_unknown_fields_are_passed_over() -> None:
    record = encode(sent := envelope(action()))
    value = record.value[:-1] + b',"added_later":1}'
    assert decode(Record(record.topic, record.key, value, record.headers), ALL_EVENTS).data == sent.data


def test_garbage_in_structured_mode_is_unusable() -> None:
    headers = {"content-type": "application/cloudevents+json"}
    with pytest.raises(UnusableEventError):
        decode(Record("action.completed", "k", b"{not json", headers), ALL_EVENTS)
