"""What a service may not keep, it keeps nothing of; and a record that breaks its reader breaks nothing else."""

import orjson
import pytest

from common.audit import AuditEvent, refusals_recorded
from common.auth import Principal
from common.contracts.envelope import EventData, UnusableEventError, decode
from common.contracts.production import ACTION_EVENTS
from common.database import Database, fetch_all
from common.errors import ForbiddenError, MunimentError, NotFoundError, PoisonEventError, UnavailableError
from common.ids import new_id
from common.messaging.broker import ReceivedRecord
from common.messaging.consumer import Consumer, Subject
from common.testing import FixedClock, MemoryBroker
from tests.plugins.messaging import Effects, record, rows

LETTERS = 'SELECT * FROM dead_letter ORDER BY "offset"'
SECRET = b"a secret"


def refuse_secrets(received: ReceivedRecord) -> None:
    if SECRET in received.value or SECRET.decode() in received.key:
        raise PoisonEventError("data: a secret stands in it", withhold=True)


def consumer(database: Database, effects: Effects) -> Consumer:
    plain = effects.subject()
    subject = Subject(plain.group, plain.topics, plain.kinds, plain.handler, screen=refuse_secrets)
    return Consumer(subject, database=database, broker=MemoryBroker(), clock=FixedClock())


def received(offset: int = 0, **changes: object) -> ReceivedRecord:
    made = record("done")
    fields = {"key": made.key, "value": made.value, "headers": made.headers} | changes
    return ReceivedRecord(made.topic, 0, offset, **fields)  # type: ignore[arg-type]


async def test_a_record_is_screened_before_it_is_read(database: Database) -> None:
    """Also one that could not be read: as an unreadable event it would be kept in full."""
    effects = Effects()
    await consumer(database, effects).handle([
        received(0, value=b"no JSON, " + SECRET),
        received(1, headers={"ce_type": "muniment.unknown.v1"}, value=SECRET),
        received(2, key=SECRET.decode()),
        received(3),
    ])  # fmt: skip
    letters = await rows(database, LETTERS)
    assert [(r["error_class"], r["value"], r["key"]) for r in letters] == [("PoisonEventError", None, "")] * 3
    assert SECRET.decode() not in str([tuple(r) for r in letters]).replace("a secret stands in it", "")
    assert len(await rows(database, "SELECT 1 FROM effect")) == 1


async def test_of_a_withheld_event_only_its_id_stays(database: Database) -> None:
    good, bad = record("poison withheld"), record("poison withheld")
    changed = bad.headers | {"ce_id": "no id but something personal"}
    effects = Effects()
    await consumer(database, effects).handle([
        received(0, value=good.value, headers=good.headers | {"x": "personal"}, key=good.key),
    ])  # fmt: skip
    headers = [orjson.loads(r["headers"]) for r in await rows(database, LETTERS)]
    assert headers == [{"ce_id": good.headers["ce_id"]}]
    await consumer(database, effects).handle([received(1, value=SECRET, headers=changed)])
    assert [orjson.loads(r["headers"]) for r in await rows(database, LETTERS)][1] == {}


async def test_redriving_screens_again(database: Database) -> None:
    member = consumer(database, Effects())
    with pytest.raises(PoisonEventError):
        await member.redrive(received(value=SECRET), letter_id=new_id())


@pytest.mark.parametrize(
    "value",
    [
        b"[1]",
        b'"text"',
        b"\xff\xfe",
        b'{"specversion":"1.0","id":"1","type":"muniment.action.completed.v1","source":"/x","data_base64":"aGVsbG8="}',
        b'{"specversion":"1.0","id":"1","type":"muniment.action.completed.v1","source":"/x","data":null}',
        b'{"specversion":1,"id":[],"type":{},"source":"/x"}',
    ],
)
async def test_no_structured_event_breaks_the_consumer(database: Database, value: bytes) -> None:
    odd = received(0, value=value, headers={"content-type": "application/cloudevents+json"})
    kinds: dict[str, type[EventData]] = ACTION_EVENTS
    with pytest.raises(UnusableEventError):
        decode(odd, kinds)
    await consumer(database, Effects()).handle([odd, received(1)])
    assert [r["error_class"] for r in await rows(database, LETTERS)] == ["UnusableEventError"]
    assert len(await rows(database, "SELECT 1 FROM effect")) == 1


async def test_a_key_that_no_text_column_takes_can_be_set_aside(database: Database) -> None:
    await consumer(database, Effects()).handle([received(0, key="a\0b", value=b"{}")])
    assert [r["key"] for r in await rows(database, LETTERS)] == ["a\N{REPLACEMENT CHARACTER}b"]


class TestRefusals:
    """A refusal is recorded although the unit of work that it ended is gone."""

    EVENT = AuditEvent(
        Principal("u1", frozenset({"agent"})), "127.0.0.1", "thing.read", "done", ["r1"], purpose="audit"
    )
    ENTRIES = "SELECT user_id, action, outcome, record_ids, purpose FROM audit_entry"

    @pytest.mark.parametrize(
        ("error", "outcome"),
        [(ForbiddenError("no"), "refused"), (NotFoundError("none"), "not_found"), (MunimentError("x"), None),
         (UnavailableError("later"), None)],
    )  # fmt: skip
    async def test_what_was_done_goes_and_the_refusal_stays(
        self, database: Database, error: MunimentError, outcome: str | None
    ) -> None:
        with pytest.raises(type(error)):
            async with refusals_recorded(database, self.EVENT, clock=FixedClock()) as session:
                await fetch_all(
                    session, "INSERT INTO effect (action_id, key, outcome) VALUES (gen_random_uuid(), '', '')"
                )
                raise error
        entries = [tuple(r) for r in await rows(database, self.ENTRIES)]
        assert entries == ([("u1", "thing.read", outcome, ["r1"], "audit")] if outcome else [])
        assert await rows(database, "SELECT 1 FROM effect") == []

    async def test_what_is_not_refused_records_itself(self, database: Database) -> None:
        async with refusals_recorded(database, self.EVENT, clock=FixedClock()):
            pass
        assert await rows(database, self.ENTRIES) == []
