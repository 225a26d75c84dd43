"""A dead letter that can never be handled is dismissed by a person, for a reason, and on the record."""

import pytest

from common.clock import SystemClock
from common.database import Database
from common.errors import OperatorError
from common.ids import new_id
from common.messaging import dead_letters
from common.messaging.broker import ReceivedRecord
from common.messaging.consumer import Consumer
from common.messaging.redriving import drop
from common.testing import FixedClock, MemoryBroker
from tests.plugins.messaging import Effects, record, rows

LETTERS = 'SELECT id, redriven_at IS NULL AS open, dropped_for FROM dead_letter ORDER BY "offset"'


@pytest.fixture
async def setting_aside(database: Database) -> Consumer:
    """A consumer that has set two events aside."""
    consumer = Consumer(Effects().subject(), database=database, broker=MemoryBroker(), clock=FixedClock())
    poison = [record("poison"), record("poison")]
    await consumer.handle([ReceivedRecord(r.topic, 0, n, r.key, r.value, r.headers) for n, r in enumerate(poison)])
    return consumer


async def counted(database: Database) -> int:
    async with database.reading() as session:
        return await dead_letters.count_open(session, "test.effects")


async def test_a_dismissed_letter_counts_no_more_and_leaves_an_entry(
    database: Database, setting_aside: Consumer
) -> None:
    first, second = await rows(database, LETTERS)
    await drop(database, first["id"], "sent-in-error", clock=SystemClock())
    assert await counted(database) == 1
    assert [(r["open"], r["dropped_for"]) for r in await rows(database, LETTERS)] == [
        (False, "sent-in-error"),
        (True, None),
    ]
    async with database.reading() as session:
        assert [letter["id"] for letter in await dead_letters.list_open(session)] == [second["id"]]
    (entry,) = await rows(database, "SELECT * FROM audit_entry")
    assert (entry["action"], entry["record_ids"]) == ("dead_letter.drop", [str(first["id"])])
    assert entry["fields"] == ["dropped_for:sent-in-error"]
    assert entry["user_id"].startswith("operator:")
    assert entry["terminal"].startswith("console:")


@pytest.mark.parametrize("reason", ["", "x", "John Smith 123-45-6789", "UPPER", "a" * 60])
async def test_without_a_coded_reason_nothing_is_dismissed(
    database: Database, setting_aside: Consumer, reason: str
) -> None:
    (first, _) = await rows(database, LETTERS)
    with pytest.raises(OperatorError, match="--reason"):
        await drop(database, first["id"], reason, clock=SystemClock())
    assert await counted(database) == 2
    assert await rows(database, "SELECT 1 FROM audit_entry") == []


async def test_what_is_not_set_aside_or_dismissed_already_is_said(database: Database, setting_aside: Consumer) -> None:
    (first, _) = await rows(database, LETTERS)
    await drop(database, first["id"], "superseded", clock=SystemClock())
    for letter in (first["id"], new_id()):
        with pytest.raises(OperatorError, match="is set aside here"):
            await drop(database, letter, "superseded", clock=SystemClock())
    assert len(await rows(database, "SELECT 1 FROM audit_entry")) == 1
