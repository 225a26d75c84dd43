"""What a record must be like for either engine to take it."""

from collections.abc import Iterable

from common.messaging.broker import Record

MAX_RECORD_BYTES = 1_000_000
"""Key, value and headers together: just under what a Kafka broker takes by default (message.max.bytes)."""


def record_bytes(record: Record) -> int:
    """Roughly the bytes a record takes on the wire; texts count by their characters."""
    return len(record.value) + len(record.key) + sum(len(name) + len(text) for name, text in record.headers.items())


def check_records(records: Iterable[Record]) -> None:
    """Refuse what no log would ever take, before it holds up the records behind it.

    Raises:
        ValueError: a record is larger than `MAX_RECORD_BYTES`, or its key is empty or holds a zero byte.
    """
    for record in records:
        size = record_bytes(record)
        if size > MAX_RECORD_BYTES:
            raise ValueError(f"a record for {record.topic} has {size} bytes; {MAX_RECORD_BYTES} are allowed")
        if not record.key or "\0" in record.key:
            raise ValueError(f"a record for {record.topic} has no usable key")
