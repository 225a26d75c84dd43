"""Who hears an event is handed what it says of a person sealed, unless its subject asks for it to be opened."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from common.contracts.envelope import Envelope, EventData
from common.contracts.personal import SealedPii, opened
from common.contracts.production import ActionCompleted
from common.database import Database, WriteSession
from common.messaging.broker import ReceivedRecord, Record
from common.messaging.consumer import Consumer
from common.protection.errors import KeyServiceDeniedError
from common.protection.keyring import Keyring, NoKeyring
from common.testing import FixedClock, MemoryBroker, MemoryKeyring
from tests.plugins.messaging import AT, KEYRING, Effects, record, rows


class Reader(Effects):
    """Keeps what it was handed."""

    def __init__(self) -> None:
        super().__init__()
        self.handed: list[ActionCompleted] = []

    async def __call__(self, session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        self.handed += [e.data for e in envelopes if isinstance(e.data, ActionCompleted)]
        await super().__call__(session, envelopes)


def consumer(reader: Reader, database: Database, keyring: Keyring | None) -> Consumer:
    subject = replace(reader.subject(), opens=keyring)
    return Consumer(subject, database=database, broker=MemoryBroker(), clock=FixedClock())


def received(*records: Record) -> list[ReceivedRecord]:
    return [ReceivedRecord(r.topic, 0, n, r.key, r.value, r.headers) for n, r in enumerate(records)]


@pytest.mark.parametrize("opens", [True, False])
async def test_only_who_asks_is_handed_it_opened(database: Database, *, opens: bool) -> None:
    reader = Reader()
    await consumer(reader, database, KEYRING if opens else None).handle(received(record("one"), record("two")))
    assert len(reader.handed) == 2
    if opens:
        assert [opened(data.pii).employee_pin for data in reader.handed] == ["100001", "100001"]
    else:
        assert all(isinstance(data.pii, SealedPii) for data in reader.handed)


async def test_a_destroyed_key_sets_its_event_aside_and_the_others_go_on(database: Database) -> None:
    reader, doomed = Reader(), record("gone")
    key = next(reversed(KEYRING.keys))
    KEYRING.destroy(key, "n1-47-10-1", AT)
    await consumer(reader, database, KEYRING).handle(received(doomed, record("there")))
    (letter,) = await rows(database, "SELECT error_class, reason FROM dead_letter")
    assert tuple(letter) == ("UnopenedError", "data.pii: its key was destroyed, reason n1-47-10-1")
    assert [data.outcome for data in reader.handed] == ["there"]


class Refusing(MemoryKeyring):
    async def find(self, key_ids: object) -> dict[object, object]:  # type: ignore[override]
        raise KeyServiceDeniedError("as the test asked")


@pytest.mark.parametrize("keyring", [Refusing(), NoKeyring()], ids=["refused", "none"])
async def test_keys_that_cannot_be_had_are_waited_for_and_no_event_is_blamed(
    database: Database, keyring: Keyring
) -> None:
    reader = Reader()
    with pytest.raises((KeyServiceDeniedError, ConnectionError)):
        await consumer(reader, database, keyring).handle(received(record("one")))
    assert (reader.handed, await rows(database, "SELECT id FROM dead_letter")) == ([], [])
