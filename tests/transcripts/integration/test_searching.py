"""Finding transcripts by the keys of the notice, as far as each role reaches; each search leaves its trace."""

from datetime import timedelta
from typing import Any

import pytest

from common.audit import term
from tests.transcripts.conversations import BEGAN, Conversation
from tests.transcripts.desk import PURPOSE, Desk


async def found(desk: Desk, role: str, asked: dict[str, Any], **claims: Any) -> list[str]:
    headers = desk.issuer.headers(role, **claims) | {"Purpose-Of-Use": PURPOSE[role]}
    answer = await desk.client.post("/v1/transcripts/search", json=asked, headers=headers)
    assert answer.status_code == 200, answer.text
    return [item["id"] for item in answer.json()["items"]]


@pytest.mark.req("S1-085")
async def test_transcripts_are_found_by_topic_of_chat(desk: Desk) -> None:
    ids = await desk.keep(Conversation(), Conversation(chat_topic="disability"), Conversation())
    answer = await desk.get("/v1/transcripts?chat_topic=retirement", "auditor")
    assert [item["id"] for item in answer.json()["items"]] == [ids[2], ids[0]]
    assert "cheque" not in answer.text


@pytest.mark.req("S1-086")
async def test_transcripts_are_found_by_date_with_the_boundaries_in_utc(desk: Desk) -> None:
    midnight = BEGAN.replace(hour=0, minute=0)
    ids = await desk.keep(*(Conversation(began=midnight + timedelta(seconds=s)) for s in (-2, -1, 86398, 86399)))
    # The opening entry comes one second after the beginning: a second before midnight, midnight, and the same a day on.
    day = f"opened_from={midnight:%Y-%m-%dT%H:%M:%SZ}&opened_to={midnight + timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    answer = await desk.get(f"/v1/transcripts?{day}", "auditor")
    assert {item["id"] for item in answer.json()["items"]} == {ids[1], ids[2]}
    elsewhere = {"opened_from": "2026-03-01T19:00:00-05:00", "opened_to": "2026-03-02T19:00:00-05:00"}
    assert set(await found(desk, "auditor", elsewhere)) == {ids[1], ids[2]}
    naive = await desk.get("/v1/transcripts?opened_from=2026-03-02T00:00:00", "auditor")
    assert naive.status_code == 422


@pytest.mark.req("S1-088")
async def test_transcripts_are_found_by_the_employees_pin_as_far_as_the_role_reaches(desk: Desk) -> None:
    ids = await desk.keep(
        Conversation(pin="111111"), Conversation(pin="222222"), Conversation(pin="222222", office="S02")
    )
    assert await found(desk, "auditor", {"employee_pin": "222222"}) == [ids[2], ids[1]]
    assert await found(desk, "supervisor", {"employee_pin": "222222"}, office="S02") == [ids[2]]
    assert await found(desk, "agent", {"employee_pin": "222222"}, pin="111111") == []
    assert await found(desk, "agent", {"employee_pin": "111111"}, pin="111111") == [ids[0]]
    assert await found(desk, "auditor", {"employee_pin": "customer-1"}) == []
    for entry in await desk.trail():
        assert "222222" not in str(dict(entry))
        assert "key.employee_pin" in entry["fields"]


@pytest.mark.req("S3-105")
async def test_a_search_for_a_person_is_recorded_under_a_keyed_digest_of_the_term(desk: Desk) -> None:
    await desk.keep(Conversation(account="acc-1"))
    await found(desk, "privacy_officer", {"account_id": "acc-1", "employee_pin": "222222"})
    refused = {"account_id": "acc-1", "cursor": "nonsense"}
    headers = desk.issuer.headers("auditor") | {"Purpose-Of-Use": "audit"}
    assert (await desk.client.post("/v1/transcripts/search", json=refused, headers=headers)).status_code == 422
    key = desk.store.settings.term_key()
    done, not_done = await desk.trail()
    assert done["terms"] == [term(key, "account_id", "acc-1"), term(key, "employee_pin", "222222")]
    assert (not_done["outcome"], not_done["terms"]) == ("refused", [term(key, "account_id", "acc-1")])


async def test_a_customer_sees_who_looked_at_their_transcripts_without_names(desk: Desk) -> None:
    mine, _ = await desk.keep(Conversation(account="acc-1"), Conversation(account="acc-2"))
    assert (await desk.get(f"/v1/transcripts/{mine}", "quality_reviewer", sub="reviewer-7")).status_code == 200
    answer = await desk.get("/v1/me/accesses", "customer", sub="acc-1")
    assert [(one["action"], one["purpose"]) for one in answer.json()["items"]] == [
        ("transcript.read", "quality-review")
    ]
    assert "reviewer-7" not in answer.text
    assert (await desk.get("/v1/me/accesses", "customer", sub="acc-2")).json()["items"] == []


async def test_transcripts_are_found_by_account_and_session(desk: Desk) -> None:
    conversations = [Conversation(account="acc-1"), Conversation(account="acc-2")]
    ids = await desk.keep(*conversations)
    assert await found(desk, "privacy_officer", {"account_id": "acc-2"}) == [ids[1]]
    assert await found(desk, "privacy_officer", {"session_id": str(conversations[0].session_id)}) == [ids[0]]
    assert await found(desk, "privacy_officer", {"account_id": "acc-1", "chat_topic": "disability"}) == []


async def test_a_search_is_recorded_with_what_it_gave_and_one_without_a_key_is_refused(desk: Desk) -> None:
    ids = await desk.keep(Conversation(), Conversation())
    await desk.get("/v1/transcripts?chat_topic=retirement", "records_officer")
    assert (await desk.get("/v1/transcripts", "records_officer")).status_code == 422
    assert (await desk.get("/v1/transcripts?chat_topic=x&cursor=nonsense", "records_officer")).status_code == 422
    done, *refused = await desk.trail()
    assert (done["action"], done["record_ids"], done["purpose"]) == (
        "transcript.search",
        ids[::-1],
        "records-management",
    )
    assert [e["outcome"] for e in refused] == ["refused", "refused"]


async def test_pages_follow_each_other_without_gap_or_repetition(desk: Desk) -> None:
    ids = await desk.keep(*(Conversation() for _ in range(7)))
    seen: list[str] = []
    cursor = ""
    while True:
        path = f"/v1/transcripts?chat_topic=retirement&limit=3{cursor and f'&cursor={cursor}'}"
        page = (await desk.get(path, "auditor")).json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = page["next_cursor"]
    assert seen == ids[::-1]


async def test_a_person_finds_their_own_transcripts_and_no_others(desk: Desk) -> None:
    ids = await desk.keep(Conversation(account="me"), Conversation(account="other"), Conversation(account="me"))
    answer = await desk.get("/v1/me/transcripts", "customer", sub="me")
    assert [item["id"] for item in answer.json()["items"]] == [ids[2], ids[0]]
    refused = await desk.get("/v1/me/transcripts", "agent")
    assert refused.status_code == 403
    assert [(e["outcome"], e["purpose"]) for e in await desk.trail()] == [
        ("done", "own-record"),
        ("refused", "program-administration"),
    ]
