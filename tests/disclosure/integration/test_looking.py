"""Explaining, replaying, the accounting, the notice; who may look, and that every look is recorded."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from disclosure import rulebook
from disclosure.settings import DisclosureSettings
from tests.disclosure.cases import base, rows, stricter, with_facts
from tests.disclosure.desk import ASKER, OFFICER, RECIPIENT, Desk
from tests.plugins.kit import execute_as_owner


async def test_a_decision_is_explained_step_by_step(desk: Desk) -> None:
    request_id = await desk.asked(with_facts(base("routine-use-1"), {"inquiry.from-recipient": False}))
    decision_id = (await desk.decide(request_id)).json()["id"]
    said = (await desk.get(f"/v1/decisions/{decision_id}")).json()
    assert said["outcome"] == "deny"
    assert (said["requested_by"], said["decided_by"]) == (ASKER, OFFICER)
    (against,) = [s for s in said["steps"] if s["answer"] == "no"]
    assert against["fact"] == "inquiry.from-recipient"
    assert against["citation"] == "60-0383, routine use 1 (inquiry from that office)"
    assert all(step["citation"] and step["asks"] for step in said["steps"])
    assert said["facts"]["inquiry.from-recipient"] is False


@pytest.mark.parametrize("basis", ["routine-use-3", "routine-use-5", "routine-use-7"])
async def test_a_decision_is_replayed_to_the_same_end(desk: Desk, basis: str) -> None:
    for case in list(rows(basis))[:6]:
        decision_id = (await desk.decide(await desk.asked(case.question))).json()["id"]
        said = (await desk.get(f"/v1/decisions/{decision_id}/replay")).json()
        assert said["same"] is True
        assert said["differences"] == []
        assert said["outcome_then"] == said["outcome_now"]


@pytest.mark.req("S1-120")
async def test_a_later_version_leaves_earlier_decisions_and_their_rules_as_they_were(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (await desk.decide(await desk.asked())).json()
    later = stricter()
    whole = rulebook.current
    monkeypatch.setattr(
        rulebook, "current", lambda system=rulebook.SYSTEM: later if system == rulebook.SYSTEM else whole(system)
    )
    after = (await desk.decide(await desk.asked())).json()
    assert (before["outcome"], after["outcome"]) == ("allow", "undecided")
    assert after["missing"] == ["archives.inspector"]
    assert before["rule_version"] != after["rule_version"]
    for decision in (before, after):
        said = (await desk.get(f"/v1/decisions/{decision['id']}/replay")).json()
        assert (said["same"], said["outcome_now"]) == (True, decision["outcome"])
    now = (await desk.get("/v1/routine-uses")).json()
    assert (now["rule_version"], now["notice"]["previous"]) == (later.version, "2017")
    then = (await desk.get("/v1/routine-uses", version=before["rule_version"])).json()
    assert (then["rule_version"], then["notice"]["previous"]) == (before["rule_version"], None)
    assert (await desk.get("/v1/routine-uses", version="60-0383/1999")).status_code == 404


async def test_a_replay_that_comes_out_otherwise_says_so(desk: Desk, settings: DisclosureSettings) -> None:
    """Somebody with full power over the store changed a stored decision: the replay shows it."""
    decision_id = (await desk.decide(await desk.asked())).json()["id"]
    url = settings.database_url.get_secret_value()
    await execute_as_owner(url, "ALTER TABLE decision DISABLE TRIGGER USER", "UPDATE decision SET outcome = 'deny'")
    said = (await desk.get(f"/v1/decisions/{decision_id}/replay")).json()
    assert (said["same"], said["differences"]) == (False, ["outcome"])
    await execute_as_owner(
        url,
        "ALTER TABLE rule_set DISABLE TRIGGER USER",
        "UPDATE rule_set SET document = replace(document, 'Under which mark', 'Below which mark')",
    )
    said = (await desk.get(f"/v1/decisions/{decision_id}/replay")).json()
    assert said["differences"] == ["rule_version", "outcome", "steps"]


async def test_the_accounting_of_a_transcript_is_read_page_by_page(desk: Desk) -> None:
    transcript, other = await desk.transcript(), await desk.transcript()
    for _ in range(3):
        await desk.decide(await desk.asked(transcripts=[transcript]), release=True)
        desk.clock.turn(days=1)
    await desk.decide(await desk.asked(transcripts=[other]), release=True)
    first = (await desk.get("/v1/accountings", transcript_id=transcript, limit=2)).json()
    rest = (await desk.get("/v1/accountings", transcript_id=transcript, limit=2, cursor=first["next_cursor"])).json()
    items = first["items"] + rest["items"]
    assert len(items) == len({i["id"] for i in items}) == 3
    assert rest["next_cursor"] is None
    assert [i["disclosed_at"] for i in items] == sorted(i["disclosed_at"] for i in items)
    for item in items:
        assert item["recipient_name"] == RECIPIENT["recipient_name"]
        assert item["recipient_address"] == RECIPIENT["recipient_address"]
        assert item["nature"]
        assert item["purpose"] == "records-management-inspection"
    assert (await desk.get("/v1/accountings", transcript_id=uuid4())).json()["items"] == []


async def test_open_requests_are_listed_until_they_are_settled(desk: Desk) -> None:
    allowed, undecided, waiting = [await desk.asked() for _ in range(3)]
    await desk.decide(allowed)
    await desk.decide(undecided, facts={"tax.return-information": "included"})
    page = (await desk.get("/v1/requests", limit=1)).json()
    assert [r["id"] for r in page["items"]] == [str(undecided)]
    page = (await desk.get("/v1/requests", cursor=page["next_cursor"])).json()
    assert [r["id"] for r in page["items"]] == [str(waiting)]
    assert page["next_cursor"] is None


PATHS = {
    "/v1/requests": {"privacy_officer", "auditor", "analyst"},
    "/v1/requests/{request}": {"privacy_officer", "auditor", "analyst"},
    "/v1/decisions/{decision}": {"privacy_officer", "auditor", "analyst"},
    "/v1/decisions/{decision}/replay": {"privacy_officer", "auditor"},
    "/v1/accountings?transcript_id={transcript}": {"privacy_officer", "auditor"},
}


async def places(desk: Desk) -> dict[str, UUID]:
    transcript = await desk.transcript()
    request_id = await desk.asked(transcripts=[transcript])
    decided = (await desk.decide(request_id, release=True)).json()
    return {"request": request_id, "decision": UUID(decided["id"]), "transcript": transcript}


@pytest.mark.parametrize("path", PATHS)
async def test_each_look_needs_a_role_and_is_recorded_with_its_purpose(desk: Desk, path: str) -> None:
    ids = await places(desk)
    for role in ("privacy_officer", "auditor", "analyst", "supervisor", "records_officer", "agent", "customer"):
        seen = len(await desk.audited())
        answer = await desk.get(path.format(**ids), role=role)
        assert answer.status_code == (200 if role in PATHS[path] else 403), role
        (entry,) = (await desk.audited())[seen:]
        assert entry["outcome"] == ("done" if role in PATHS[path] else "refused")
        assert (entry["user_id"], entry["purpose"], entry["terminal"]) == (f"{role}-1", "oversight", "127.0.0.1")


@pytest.mark.req("S1-014")
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("purpose", ["", "curiosity about Jane Roe", "answer-inquiry"])
async def test_no_look_without_a_registered_purpose(desk: Desk, path: str, purpose: str) -> None:
    ids = await places(desk)
    seen = len(await desk.audited())
    headers = desk.issuer.headers("privacy_officer") | {"Purpose-Of-Use": purpose}
    answer = await desk.client.get(path.format(**ids), headers=headers)
    assert answer.status_code == 403
    assert answer.json().get("missing", []) == ([] if purpose else ["purpose"])
    assert answer.json()["purposes"], "the answer names what is possible"
    (entry,) = (await desk.audited())[seen:]
    assert entry["outcome"] == "refused"
    assert "Roe" not in entry["purpose"]
    by_query = path.format(**ids) + ("&" if "?" in path else "?") + "purpose=audit"
    assert (await desk.client.get(by_query, headers=desk.issuer.headers("privacy_officer"))).status_code == 200


async def test_acts_are_recorded_with_what_they_touched(desk: Desk) -> None:
    ids = await places(desk)
    asked, decided = await desk.audited()
    assert (asked["action"], asked["user_id"], asked["outcome"]) == ("disclosure.ask", ASKER, "done")
    assert asked["purpose"] == "disclosure-processing"
    assert {str(ids["request"]), str(ids["transcript"])} == set(asked["record_ids"])
    assert (decided["action"], decided["user_id"], decided["outcome"]) == ("disclosure.decide", OFFICER, "done")
    assert {str(ids["request"]), str(ids["decision"]), str(ids["transcript"])} < set(decided["record_ids"])
    await desk.get("/v1/accountings", transcript_id=ids["transcript"])
    assert (await desk.audited())[-1]["fields"] == ["recipient_name", "recipient_address"]


async def test_refused_acts_are_recorded(desk: Desk) -> None:
    request_id = await desk.asked(with_facts(base("routine-use-7"), {}, "archives.request"))
    await desk.decide(request_id, release=True)
    await desk.decide(request_id, role="analyst")
    await desk.decide(uuid4())
    await desk.ask(basis="routine-use-13")
    entries = (await desk.audited())[1:]
    assert [(e["action"], e["outcome"]) for e in entries] == [
        ("disclosure.decide", "refused"),
        ("disclosure.decide", "refused"),
        ("disclosure.decide", "not_found"),
        ("disclosure.ask", "refused"),
    ]
    assert entries[0]["record_ids"] == [str(request_id)]


@pytest.mark.req("S1-011")
async def test_the_notice_tells_where_the_system_is_and_who_manages_it(desk: Desk) -> None:
    said = (await desk.get("/v1/routine-uses", role="customer")).json()
    notice = rulebook.current().notice
    assert said["notice"]["system"] == "60-0383"
    assert (
        said["notice"]["location"]
        == notice.location
        == "Robert M. Ball Building, 6401 Security Boulevard, Baltimore, MD 21235"
    )
    assert said["notice"]["manager_address"] == notice.manager_address
    assert len(said["notice"]["routine_uses"]) == 12
    assert (await desk.client.get("/v1/routine-uses")).status_code == 401


async def test_nothing_but_the_keys_and_health_is_open_to_strangers(desk: Desk) -> None:
    ids = await places(desk)
    for path in PATHS:
        assert (await desk.client.get(path.format(**ids))).status_code == 401
    assert (await desk.client.post("/v1/requests", json={})).status_code == 401
    assert (await desk.client.post(f"/v1/requests/{ids['request']}/decision", json={})).status_code == 401
    keys = (await desk.client.get("/v1/keys")).json()["keys"]
    assert all("d" not in key for key in keys)


async def test_no_log_line_holds_a_recipient(
    desk: Desk, logged: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    request_id = await desk.asked()
    await desk.decide(request_id, release=True, layer="no such layer!")
    await desk.decide(request_id, release=True)
    await desk.decide(request_id, release=True)
    assert not [line for line in logged if "Quentin" in str(line) or "Telltale" in str(line)]
