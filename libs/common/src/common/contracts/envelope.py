"""The envelope: CloudEvents 1.0, binary content mode on the log (attributes in headers, data as JSON in the value).

Reading and writing the headers of binary mode is done here, because both stand on the hottest path of every service;
the `cloudevents` package reads structured mode (which case systems may send), and the contract tests hold both
directions against it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Generic, TypeVar
from uuid import UUID

import orjson
from cloudevents.core.bindings.kafka import KafkaMessage, from_structured
from cloudevents.core.exceptions import BaseCloudEventException
from cloudevents.core.formats.json import JSONFormat
from pydantic import BaseModel, ConfigDict

from common.clock import rfc3339
from common.contracts.personal import Pii, SealedPii
from common.ids import parse_id
from common.messaging.broker import ReceivedRecord, Record

CONTENT_TYPE = "application/json"


class EventData(BaseModel):
    """What an event says. Each class is one kind of fact in one version; its schema file is committed.

    A person's values stand in one field named `pii` and nowhere else. Fields that a reader does not know are passed
    over, so that a producer may add some (compatible change); removing or retyping one needs a new version.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    event_type: ClassVar[str]
    topic: ClassVar[str]
    key_field: ClassVar[str]
    system: ClassVar[str] = ""
    """Number of the system of records that it belongs to; empty: it is about nobody (data-dictionary.yaml says why)."""
    pii_type: ClassVar[type[Pii] | None] = None

    @property
    def key(self) -> str:
        return str(getattr(self, self.key_field))

    @property
    def place(self) -> str:
        """Where its `pii` belongs: sealed for this place, it opens in no other (associated data of the seal)."""
        return f"{self.event_type}|{self.key}"


DataT_co = TypeVar("DataT_co", bound=EventData, covariant=True)


@dataclass(frozen=True, slots=True)
class Envelope(Generic[DataT_co]):
    """A fact with its CloudEvents attributes. `traceparent` is the W3C trace context of the producer, or empty.

    `raw` is the data as it stood on the log (empty on the way out): whoever keeps it as evidence keeps also the fields
    that a newer producer added, which `data` passes over. `opened` is the JSON that was sealed in `pii`, for those who open it.
    """

    id: UUID
    type: str
    source: str
    subject: str
    time: datetime
    data: DataT_co
    traceparent: str = ""
    raw: bytes = field(default=b"", compare=False, repr=False)
    opened: bytes = field(default=b"", compare=False, repr=False)


class UnusableEventError(Exception):
    """The record is not an event of a known kind in its schema. The text names fields and rules, never values."""


class PlainPiiError(UnusableEventError):
    """A person's values came in the open. Nothing of the content may be kept."""

    def __init__(self) -> None:
        super().__init__("data.pii: a person's values must come sealed")


def encode(envelope: Envelope[EventData]) -> Record:
    """Write an event for the log.

    Raises:
        PlainPiiError: its `pii` is not sealed.
    """
    _require_sealed(envelope.data)
    return encode_raw(
        event_id=envelope.id,
        data_class=type(envelope.data),
        source=envelope.source,
        time=rfc3339(envelope.time),
        key=envelope.data.key,
        value=orjson.dumps(envelope.data.model_dump(mode="json")),
        traceparent=envelope.traceparent,
    )


def encode_raw(
    *,
    event_id: UUID,
    data_class: type[EventData],
    source: str,
    time: str,
    key: str,
    value: bytes,
    traceparent: str,
) -> Record:
    """Write an event whose data is JSON already (it must be what `data_class` describes: tests hold it against the schema)."""
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event_id),
        "ce_type": data_class.event_type,
        "ce_source": source,
        "ce_subject": key,
        "ce_time": time,
        "content-type": CONTENT_TYPE,
    }
    if data_class.system:
        headers["ce_systemofrecords"] = data_class.system
    if traceparent:
        headers["ce_traceparent"] = traceparent
    return Record(data_class.topic, key, value, headers)


def decode(record: ReceivedRecord | Record, kinds: Mapping[str, type[EventData]]) -> Envelope[EventData]:
    """Read an event of one of these kinds (by CloudEvents type).

    Raises:
        UnusableEventError: not CloudEvents 1.0, an unknown type, or data outside its schema.
        PlainPiiError: a person's values stand in it in the open.
    """
    headers, value = record.headers, record.value
    if "ce_id" not in headers and headers.get("content-type", "").startswith("application/cloudevents"):
        headers, value = _unpacked(record)
    try:
        event_type = headers["ce_type"]
        kind = kinds.get(event_type)
        if kind is None:
            raise UnusableEventError("the event's type is not known to this reader")
        if headers.get("ce_specversion") != "1.0":
            raise UnusableEventError("attribute specversion is not 1.0")
        data = kind.model_validate_json(value)
        _require_sealed(data)
        return Envelope(
            id=parse_id(headers["ce_id"]),
            type=event_type,
            source=headers["ce_source"],
            subject=headers.get("ce_subject", ""),
            time=_moment(headers["ce_time"]),
            data=data,
            traceparent=headers.get("ce_traceparent", ""),
            raw=value,
        )
    except KeyError as missing:
        raise UnusableEventError(f"attribute {missing.args[0].removeprefix('ce_')} is missing") from None
    except ValueError as error:
        raise UnusableEventError(explain(error)) from None


def _require_sealed(data: EventData) -> None:
    if data.pii_type is not None and not isinstance(getattr(data, "pii", None), SealedPii):
        raise PlainPiiError


def explain(error: ValueError) -> str:
    """Say what is wrong by field and rule; never with the value, which may be a person's."""
    if hasattr(error, "errors"):
        found = error.errors(include_input=False, include_url=False, include_context=False)
        return "; ".join(f"data.{'.'.join(map(str, e['loc']))}: {e['type']}" for e in found[:5])
    return "attribute id or time is malformed"


def _unpacked(record: ReceivedRecord | Record) -> tuple[dict[str, str], bytes]:
    """A structured event as binary mode would have it: attributes as headers, data as JSON."""
    try:
        message = KafkaMessage({k: v.encode() for k, v in record.headers.items()}, record.key, record.value)
        event = from_structured(message, JSONFormat())
        headers = {f"ce_{k}": str(v) for k, v in event.get_attributes().items() if k != "time"}
        if (time := event.get_time()) is not None:
            headers["ce_time"] = rfc3339(time)
        data = event.get_data()
        return headers, data if isinstance(data, bytes) else orjson.dumps(data)  # bytes: it came as data_base64
    except (BaseCloudEventException, ValueError, TypeError, AttributeError):
        # The package trusts the outer form: JSON that is no object ends in an AttributeError.
        raise UnusableEventError("the structured event cannot be read") from None


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("naive time")
    return moment
