"""Invariants 3 and 8 on a real PostgreSQL: whole, once, final."""

import asyncio
from collections.abc import Sequence
from random import Random
from typing import Any
from unittest.mock import patch

import asyncpg
import orjson
import pytest

from common.contracts.chat import covered
from common.database import fetch_all
from common.messaging import outbox
from common.messaging.broker import ReceivedRecord
from common.protection.events import packed
from tests.plugins.kit import REFUSED, execute_as_owner
from tests.transcripts.conversations import Conversation, Fact, record_of
from tests.transcripts.store import Store


async def sealed_digests(store: Store) -> dict[str, str]:
    return {str(r["session_id"]): r["digest"] for r in await store.rows("SELECT session_id, digest FROM transcript")}


def digests(*conversations: Conversation) -> dict[str, str]:
    return {str(c.session_id): c.facts()[-1]["digest"] for c in conversations}


@pytest.mark.req("S1-003")
async def test_a_batch_of_interleaved_sessions_is_kept_whole_and_sealed(store: Store) -> None:
    conversations = [Conversation(texts=[f"text {n}" for n in range(i % 7)]) for i in range(60)]
    facts = {str(c.session_id): c.facts() for c in conversations}
    every = [fact for entries in facts.values() for fact in entries]
    Random(7).shuffle(every)  # noqa: S311 - any order will do
    records = [record_of(fact) for fact in every]
    consumer = store.consumer()
    for start in range(0, len(records), 100):
        await consumer.handle(records[start : start + 100])
    assert await sealed_digests(store) == {s: f[-1]["digest"] for s, f in facts.items()}
    for session_id, entries in facts.items():
        rows = await store.rows("SELECT * FROM entry WHERE session_id = $1 ORDER BY seq", session_id)
        assert [r["seq"] for r in rows] == list(range(1, len(entries) + 1))
        assert [r["canonical"] for r in rows] == [
            covered({k: v for k, v in f.items() if k != "_kind"}) for f in entries
        ]
        kept = [{"key": str(r["key_id"]), "sealed": packed(r["sealed"])} for r in rows if r["sealed"]]
        assert kept == [f["pii"] for f in entries if "pii" in f]
    assert await store.count("dead_letter") == 0


async def test_what_was_sealed_is_told_once_and_without_a_persons_values(store: Store) -> None:
    conversation = Conversation()
    await store.consumer().handle(conversation.records())
    [told] = await store.rows("SELECT topic, key, value FROM outbox")
    [transcript] = await store.rows("SELECT id FROM transcript")
    data = orjson.loads(told["value"])
    assert told["topic"] == "transcript.closed"
    assert told["key"] == data["transcript_id"] == str(transcript["id"])
    assert data["session_id"] == str(conversation.session_id)
    assert (data["last_seq"], data["message_count"]) == (7, 4)
    assert data["digest"] == digests(conversation)[str(conversation.session_id)]
    for value in (conversation.account, conversation.pin, "Rivera", "cheque"):
        assert value.encode() not in told["value"]


async def test_repeated_entries_do_no_harm_before_and_after_the_seal(store: Store) -> None:
    conversation = Conversation()
    facts = conversation.facts()
    consumer = store.consumer()
    await consumer.handle([record_of(f) for f in facts[:4] + facts[2:4]])  # twice in a batch, as events of their own
    await consumer.handle([record_of(f) for f in facts[1:]])
    await consumer.handle([record_of(f) for f in facts])
    assert await sealed_digests(store) == digests(conversation)
    assert (await store.count("entry"), await store.count("outbox"), await store.count("dead_letter")) == (7, 1, 0)


async def test_the_same_event_delivered_again_is_dropped(store: Store) -> None:
    records = Conversation().records()
    await store.consumer().handle(records)
    await store.consumer().handle(records)
    assert (await store.count("transcript"), await store.count("outbox"), await store.count("inbox")) == (1, 1, 7)


async def test_workers_that_share_sessions_seal_each_exactly_once(store: Store) -> None:
    conversations = [Conversation() for _ in range(40)]
    halves: tuple[list[ReceivedRecord], list[ReceivedRecord]] = ([], [])
    for conversation in conversations:
        for n, record in enumerate(conversation.records()):
            halves[n % 2].append(record)
    for half in halves:
        Random(len(half)).shuffle(half)  # noqa: S311 - any order will do
    # Both hold a part of every session, so that neither completes one alone; each part is delivered to both at last.
    work = [(store.consumer(), half[i : i + 30]) for half in halves for i in range(0, len(half), 30)]
    await asyncio.gather(*(consumer.handle(batch) for consumer, batch in work))
    await asyncio.gather(*(store.consumer().handle(half) for half in (*halves, *halves)))
    assert await sealed_digests(store) == digests(*conversations)
    assert (await store.count("outbox"), await store.count("dead_letter")) == (40, 0)


async def test_a_crash_before_the_commit_leaves_nothing_and_the_redelivery_everything(store: Store) -> None:
    records = Conversation().records()
    real = outbox.tell

    async def tells_and_dies(*args: Any, **kwargs: Any) -> None:
        await real(*args, **kwargs)
        raise ConnectionResetError  # an outage: the loop neither sets aside nor goes on

    with patch("transcripts.publishing.outbox.tell", tells_and_dies), pytest.raises(ConnectionResetError):
        await store.consumer().handle(records)
    for table in ("entry", "assembly", "transcript", "outbox", "inbox"):
        assert await store.count(table) == 0, table
    await store.consumer().handle(records)
    assert (await store.count("transcript"), await store.count("outbox")) == (1, 1)


async def test_a_number_taken_by_another_entry_is_set_aside_and_the_rest_goes_on(store: Store) -> None:
    facts, other = Conversation().facts(), Conversation()
    consumer = store.consumer()
    await consumer.handle([record_of(f) for f in facts[:3]])
    forged = record_of(facts[2] | {"commitment": "ab" * 32})
    await consumer.handle([forged, *map(record_of, facts[3:]), *other.records()])
    [letter] = await store.rows("SELECT reason, error_class FROM dead_letter")
    assert letter["error_class"] == "EntryConflictError"
    assert "data.seq" in letter["reason"]
    assert await store.count("transcript") == 2


async def test_nothing_can_be_added_to_a_sealed_session(store: Store) -> None:
    conversation = Conversation()
    facts = conversation.facts()
    await store.consumer().handle(conversation.records())
    late = facts[-2] | {"seq": 8, "entry_id": str(conversation.customer)}
    await store.consumer().handle([record_of(late)])
    [letter] = await store.rows("SELECT error_class FROM dead_letter")
    assert letter["error_class"] == "SessionSealedError"
    assert await store.count("entry") == 7


async def test_an_entry_beyond_the_closing_one_is_set_aside_while_the_session_is_open(store: Store) -> None:
    facts = Conversation().facts()
    beyond = facts[2] | {"seq": 9, "entry_id": facts[0]["entry_id"]}
    await store.consumer().handle([record_of(f) for f in (facts[6], beyond)])
    [letter] = await store.rows("SELECT error_class FROM dead_letter")
    assert letter["error_class"] == "BeyondClosingError"
    await store.consumer().handle([record_of(f) for f in facts[:6]])
    assert await store.count("transcript") == 1


def with_wrong_digest(facts: list[Fact], seq: int) -> list[Fact]:
    return [f | {"digest": "0" * 64} if f["seq"] == seq else f for f in facts]


@pytest.mark.parametrize("seq", [1, 3, 7])
async def test_digests_that_disagree_are_never_sealed_and_are_reported(store: Store, seq: int) -> None:
    facts, whole = Conversation().facts(), Conversation()
    await store.consumer().handle([*map(record_of, with_wrong_digest(facts, seq)), *whole.records()])
    assert await sealed_digests(store) == digests(whole)
    [failure] = await store.rows("SELECT session_id, rule, first_seq, resolved_at FROM seal_failure")
    assert (str(failure["session_id"]), failure["rule"]) == (facts[0]["session_id"], "digest_does_not_follow")
    assert (failure["first_seq"], failure["resolved_at"]) == (seq, None)
    [letter] = await store.rows("SELECT error_class FROM dead_letter")
    assert letter["error_class"] == "SealRefusedError"
    assert await store.count("outbox") == 1


async def test_a_refused_session_is_sealed_once_the_right_entry_comes(store: Store) -> None:
    facts = Conversation().facts()
    consumer = store.consumer()
    await consumer.handle([record_of(f) for f in with_wrong_digest(facts, 7)])
    assert await store.count("transcript") == 0
    await consumer.handle([record_of(facts[6])])
    [failure] = await store.rows("SELECT resolved_at FROM seal_failure")
    assert failure["resolved_at"] == store.clock.now()
    assert await store.count("transcript") == 1


async def test_redriving_a_refused_seal_tries_again_and_says_why_not(store: Store) -> None:
    facts = Conversation().facts()
    consumer = store.consumer()
    completing = record_of(with_wrong_digest(facts, 7)[6])
    await consumer.handle([*map(record_of, facts[:6]), completing])
    [letter] = await store.rows("SELECT id FROM dead_letter")
    with pytest.raises(Exception, match="digest_does_not_follow at entry 7"):
        await consumer.redrive(completing, letter["id"])
    assert (await store.rows("SELECT redriven_at FROM dead_letter"))[0]["redriven_at"] is None


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE entry SET canonical = '{}'",
        "UPDATE transcript SET digest = repeat('0', 64)",
        "UPDATE party SET office = 'S99'",
        "DELETE FROM entry",
        "DELETE FROM party",
        "DELETE FROM transcript",
        "TRUNCATE transcript CASCADE",
        "TRUNCATE entry",
        "INSERT INTO entry SELECT session_id, 99, kind, digest, canonical FROM entry LIMIT 1",
    ],
)
async def test_the_store_itself_refuses_to_change_what_is_sealed(store: Store, statement: str) -> None:
    await store.consumer().handle(Conversation().records())
    with pytest.raises(REFUSED, match=r"never changed|sealed|permission denied"):
        async with store.database.unit_of_work() as session:
            await fetch_all(session, statement)
    with pytest.raises(asyncpg.RestrictViolationError, match=r"never changed|sealed"):
        await execute_as_owner(store.settings.database_url.get_secret_value(), statement)
    assert (await store.count("entry"), await store.count("transcript"), await store.count("party")) == (7, 1, 2)


async def test_the_seal_cannot_be_given_twice(store: Store) -> None:
    conversation = Conversation()
    await store.consumer().handle(conversation.records())
    again = "INSERT INTO transcript SELECT gen_random_uuid(), session_id, opened_at, closed_at, sealed_at, last_seq, \
        message_count, digest, content_hash, chat_topic, office, close_reason, 1, 1, '' FROM transcript"
    with pytest.raises(asyncpg.UniqueViolationError):
        async with store.database.unit_of_work() as session:
            await fetch_all(session, again)


async def test_an_opening_alone_keeps_the_session_open(store: Store) -> None:
    records: Sequence[ReceivedRecord] = Conversation().records()
    await store.consumer().handle(records[:1])
    [assembly] = await store.rows("SELECT held, top_seq, last_seq, state FROM assembly")
    assert tuple(assembly) == (1, 1, None, "open")
