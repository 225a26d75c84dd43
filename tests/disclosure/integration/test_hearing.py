"""What comes as events: requests straight from case systems, this service's own, and sealed transcripts."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from common.contracts.disclosure import DisclosureRequested
from common.contracts.transcripts import TranscriptClosed
from common.ids import new_id
from common.messaging.broker import Record
from tests.disclosure.cases import base, said
from tests.disclosure.desk import Desk
from tests.disclosure.ears import CASE_SYSTEM, Ears, event

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)


def requested(request_id: UUID | None = None, **changes: Any) -> DisclosureRequested:
    question = base("routine-use-7")
    fields = {
        "request_id": request_id or new_id(), "transcript_ids": [uuid4()], "basis": question.basis,
        "recipient_kind": question.recipient_kind, "purpose": question.purpose, "facts": said(question),
        "requested_at": AT,
    }  # fmt: skip
    return DisclosureRequested.model_validate(fields | changes)


def closed(transcript_id: UUID) -> TranscriptClosed:
    return TranscriptClosed(
        transcript_id=transcript_id, session_id=uuid4(), opened_at=AT, closed_at=AT, sealed_at=AT, last_seq=4,
        message_count=2, digest="0" * 64, chat_topic="benefits", office="S01", close_reason="customer_left",
        identity_assurance=2,
    )  # fmt: skip


async def test_a_request_of_a_case_system_is_decided_like_any_other(desk: Desk, ears: Ears) -> None:
    transcript = uuid4()
    fact = requested(transcript_ids=[transcript])
    await ears.hear([event(fact)])
    assert (await desk.decide(fact.request_id)).json()["missing"] == [f"transcript.{transcript}"]
    await ears.hear([event(closed(transcript))])
    said = (await desk.decide(fact.request_id, release=True)).json()
    assert said["outcome"] == "allow"
    assert said["grant"]["transcript_ids"] == [str(transcript)]
    row = (await desk.get(f"/v1/requests/{fact.request_id}")).json()
    assert row["requested_by"] == CASE_SYSTEM
    assert datetime.fromisoformat(row["requested_at"]) == AT


async def test_its_own_request_comes_back_and_is_known(desk: Desk, ears: Ears) -> None:
    request_id = await desk.asked()
    (row,) = await desk.store.fetch("SELECT topic, key, value, headers FROM outbox")
    await ears.hear([Record(row["topic"], row["key"], row["value"], orjson.loads(row["headers"]))])
    assert await desk.count("disclosure_request") == 1
    assert await desk.count("dead_letter") == 0
    assert (await desk.get(f"/v1/requests/{request_id}")).json()["requested_by"] == "analyst-7"


async def test_the_same_events_again_change_nothing(desk: Desk, ears: Ears) -> None:
    records = [event(requested()) for _ in range(3)]
    transcripts = [event(closed(uuid4())) for _ in range(3)]
    for _ in range(2):
        await ears.hear(records)
        await ears.hear(transcripts)
    # The same facts under new event ids, as a producer that lost its memory would send them.
    again = requested()
    await ears.hear([event(again), event(again)])
    assert await desk.count("disclosure_request") == 4
    assert await desk.count("known_transcript") == 3
    assert await desk.count("dead_letter") == 0


async def test_a_request_whose_id_is_taken_by_other_content_is_set_aside(desk: Desk, ears: Ears) -> None:
    fact = requested()
    other = requested(fact.request_id, purpose="appeal")
    await ears.hear([event(fact), event(other)])
    await ears.hear([event(other)])
    assert await desk.count("disclosure_request") == 1
    assert await desk.store.fetchval("SELECT purpose FROM disclosure_request") == fact.purpose
    letters = await desk.store.fetch("SELECT reason FROM dead_letter")
    assert [row["reason"] for row in letters] == [
        "data.request_id: a request of this id is known with other content"
    ] * 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"basis": "routine-use-13"}, "data.basis: is not known"),
        ({"recipient_kind": "Jane Roe"}, "data.recipient_kind: is not known"),
        ({"purpose": "Jane Roe"}, "data.purpose: is not known"),
        ({"facts": {"Jane Roe": True}}, "data.facts: is not known"),
        ({"facts": {"archives.request": "for Jane Roe"}}, "data.facts.archives.request: must be a mark"),
        ({"transcript_ids": [uuid4() for _ in range(101)]}, "data.transcript_ids: more than 100"),
    ],
)
async def test_an_event_that_cannot_be_meant_is_set_aside_and_the_rest_goes_on(
    desk: Desk, ears: Ears, changes: dict[str, Any], reason: str
) -> None:
    await ears.hear([event(requested()), event(requested(**changes)), event(requested())])
    assert await desk.count("disclosure_request") == 2
    (letter,) = await desk.store.fetch("SELECT reason, error_class FROM dead_letter")
    assert letter["reason"].startswith(reason)
    assert "Roe" not in letter["reason"]
    assert letter["error_class"] == "PoisonEventError"


async def test_what_holds_a_social_security_number_is_not_even_kept_as_a_dead_letter(desk: Desk, ears: Ears) -> None:
    await ears.hear([event(requested(facts={"archives.request": "123-45-6789"}))])
    assert await desk.count("disclosure_request") == 0
    (letter,) = await desk.store.fetch("SELECT * FROM dead_letter")
    assert letter["value"] is None
    assert "6789" not in str(dict(letter))


async def test_a_large_batch_is_entered_as_one(desk: Desk, ears: Ears) -> None:
    await ears.hear([event(closed(uuid4())) for _ in range(500)])
    await ears.hear([event(requested(transcript_ids=[uuid4() for _ in range(n % 5 + 1)])) for n in range(500)])
    assert await desk.count("known_transcript") == 500
    assert await desk.count("disclosure_request") == 500
    assert await desk.store.fetchval("SELECT max(cardinality(transcript_ids)) FROM disclosure_request") == 5
