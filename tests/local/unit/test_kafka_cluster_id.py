"""The cluster id stands on command lines of Kafka's own tools."""

import uuid
from collections.abc import Iterator

import pytest

from muniment.kafka import new_cluster_id


def test_cluster_id_is_never_taken_for_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    dashed, plain = uuid.UUID(int=0xF9 << 120), uuid.UUID(int=0x12 << 120)
    drawn: Iterator[uuid.UUID] = iter((dashed, dashed, plain))
    monkeypatch.setattr(uuid, "uuid4", lambda: next(drawn))
    assert new_cluster_id() == "EgAAAAAAAAAAAAAAAAAAAA"
