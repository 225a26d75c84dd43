"""Invariant 7 and need to know: who may see which transcript, for what, and the trace that each look leaves."""

import json
from hashlib import sha256

import pytest

from common.access import PURPOSES
from common.contracts.chat import EMPTY_DIGEST, canonical, commitment_to, covered, running_digest
from common.ids import new_id
from tests.plugins.kit import execute_as_owner
from tests.transcripts.conversations import BEGAN, KEYRING, Conversation, record_of
from tests.transcripts.desk import Desk


@pytest.mark.parametrize(
    ("role", "claims", "status"),
    [
        ("agent", {}, 200),
        ("agent", {"pin": "999999"}, 404),
        ("supervisor", {}, 200),
        ("supervisor", {"office": "S02"}, 404),
        ("quality_reviewer", {"office": "S02"}, 200),
        ("privacy_officer", {}, 200),
        ("records_officer", {}, 200),
        ("auditor", {}, 200),
        ("customer", {"sub": "customer-1"}, 200),
        ("customer", {"sub": "customer-2"}, 404),
        ("analyst", {}, 403),
        ("office_admin", {}, 403),
        ("hq_admin", {}, 403),
        ("portal", {}, 403),
        ("case_system", {}, 403),
    ],
)
@pytest.mark.req("S1-093", "S3-109")
async def test_each_role_sees_what_its_work_needs_and_each_try_is_recorded(
    desk: Desk, role: str, claims: dict[str, str], status: int
) -> None:
    [transcript_id] = await desk.keep(Conversation())
    answer = await desk.get(f"/v1/transcripts/{transcript_id}", role, **claims)
    assert answer.status_code == status, answer.text
    [entry] = await desk.trail()
    assert entry["action"] == "transcript.read"
    assert entry["outcome"] == ("done" if status == 200 else "refused")
    assert entry["record_ids"] == [transcript_id]
    assert entry["user_id"] == claims.get("sub", f"{role}-1")
    assert entry["roles"] == [role]


async def test_not_yours_and_not_there_are_the_same_answer(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    not_yours = await desk.get(f"/v1/transcripts/{transcript_id}", "customer", sub="somebody-else")
    not_there = await desk.get(f"/v1/transcripts/{new_id()}", "customer", sub="somebody-else")
    bodies = [{k: v for k, v in a.json().items() if k != "instance"} for a in (not_yours, not_there)]
    assert bodies[0] == bodies[1]
    assert bodies[0]["status"] == 404
    assert [e["outcome"] for e in await desk.trail()] == ["refused", "not_found"]


@pytest.mark.parametrize(
    ("role", "purpose", "status"),
    [
        ("supervisor", None, 403),
        ("supervisor", "curiosity", 403),
        ("supervisor", "123-45-6789", 403),
        ("supervisor", "audit", 403),
        ("agent", "quality-review", 403),
        ("auditor", "training", 403),
        ("supervisor", "own-record", 403),
        ("customer", "audit", 403),
    ],
)
@pytest.mark.req("S1-014")
async def test_a_look_needs_a_purpose_of_the_system_that_fits_the_role(
    desk: Desk, role: str, purpose: str | None, status: int
) -> None:
    [transcript_id] = await desk.keep(Conversation())
    answer = await desk.get(f"/v1/transcripts/{transcript_id}", role, purpose=purpose, sub="customer-1")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json().get("missing", []) == ([] if purpose else ["purpose"])
    assert answer.json()["purposes"], "the answer names what is possible"
    assert purpose is None or purpose not in answer.json()["detail"] or purpose == "audit"
    [entry] = await desk.trail()
    assert entry["outcome"] == "refused"
    assert entry["purpose"] == (purpose if purpose in PURPOSES else "")
    assert "cheque" not in answer.text


@pytest.mark.req("S1-099", "S1-101")
@pytest.mark.parametrize("claim", ["training_date", "sanctions_date"])
async def test_who_was_not_trained_or_did_not_sign_for_a_year_sees_nothing(desk: Desk, claim: str) -> None:
    [transcript_id] = await desk.keep(Conversation())
    answer = await desk.get(f"/v1/transcripts/{transcript_id}", "auditor", **{claim: "2025-03-01"})
    assert answer.status_code == 403
    assert answer.json()["missing"] == [f"token.{claim}"]
    [entry] = await desk.trail()
    assert (entry["outcome"], entry["purpose"]) == ("refused", "audit")


async def test_the_purpose_may_stand_in_the_address_but_not_twice_differently(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    path = f"/v1/transcripts/{transcript_id}?purpose=quality-review"
    assert (await desk.get(path, "supervisor", purpose=None)).status_code == 200
    assert (await desk.get(path, "supervisor", purpose="training")).status_code == 422


async def test_without_a_token_nothing_is_shown(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    answer = await desk.client.get(f"/v1/transcripts/{transcript_id}", headers={"Purpose-Of-Use": "audit"})
    assert answer.status_code == 401


@pytest.mark.req("S1-032")
async def test_a_transcript_shows_all_that_was_said_and_collected_by_source_and_anyone_can_recompute_it(
    desk: Desk,
) -> None:
    conversation = Conversation()
    [transcript_id] = await desk.keep(conversation)
    answer = await desk.get(f"/v1/transcripts/{transcript_id}", "customer", sub="customer-1")
    shown = answer.json()
    assert [e["content"]["pii"]["text"] for e in shown["entries"] if e["kind"] == "posted"] == list(conversation.texts)
    assert {e["content"]["role"] for e in shown["entries"]} == {"customer", "agent"}
    assert shown["entries"][0]["content"]["notice"]["version"] == "2026-01"
    digest = EMPTY_DIGEST
    for entry in shown["entries"]:
        digest = running_digest(digest, covered(entry["content"]))
        if "pii" in entry["content"]:
            assert commitment_to(canonical(entry["content"]["pii"])) == entry["content"]["commitment"]
        assert entry["digest"] == digest
    assert shown["digest"] == digest
    assert answer.headers["etag"] == f'"{digest}"'


async def test_asking_whether_it_changed_is_a_look_too(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    first = await desk.get(f"/v1/transcripts/{transcript_id}", "auditor")
    headers = desk.issuer.headers("auditor") | {"Purpose-Of-Use": "audit", "If-None-Match": first.headers["etag"]}
    again = await desk.client.get(f"/v1/transcripts/{transcript_id}", headers=headers)
    assert (again.status_code, again.content) == (304, b"")
    assert len(await desk.trail()) == 2


async def test_the_copy_is_a_file_that_proves_itself(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation(texts=['Ünïcode \u2028 "quoted"']))
    copy = await desk.get(f"/v1/transcripts/{transcript_id}/copy", "customer", sub="customer-1")
    shown = (await desk.get(f"/v1/transcripts/{transcript_id}", "customer", sub="customer-1")).json()
    # With nothing but the standard library, as README says.
    digest, content = bytes(32), sha256()
    for line in copy.content.split(b"\n")[:-1]:
        entry = json.loads(line)
        pii = entry.pop("pii", None)
        assert pii is None or sha256(plain_json(pii)).hexdigest() == entry["commitment"]
        digest = sha256(digest + plain_json(entry)).digest()
        content.update(plain_json(entry) + b"\n")
    assert (digest.hex(), content.hexdigest()) == (shown["digest"], shown["content_hash"])


def plain_json(content: object) -> bytes:
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


async def test_verification_holds_until_a_byte_is_changed_behind_the_services_back(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    path = f"/v1/transcripts/{transcript_id}/verification"
    before = (await desk.get(path, "auditor")).json()
    assert (before["holds"], before["first_wrong_seq"]) == (True, None)
    assert before["digest"] == before["recomputed_digest"]
    assert "SHA-256" in before["algorithm"]
    await execute_as_owner(
        desk.store.settings.database_url.get_secret_value(),
        "ALTER TABLE entry DISABLE TRIGGER entry_is_final",
        """UPDATE entry SET canonical = convert_to(replace(convert_from(canonical, 'UTF8'),
        '"role":"agent"', '"role":"customer"'), 'UTF8') WHERE seq = 4""",
    )
    after = (await desk.get(path, "auditor")).json()
    assert (after["holds"], after["first_wrong_seq"]) == (False, 4)
    assert after["digest"] != after["recomputed_digest"]


async def test_verification_finds_a_text_that_was_changed_behind_the_services_back(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    await execute_as_owner(
        desk.store.settings.database_url.get_secret_value(),
        "ALTER TABLE entry DISABLE TRIGGER entry_is_final",
        "UPDATE entry SET sealed = set_byte(sealed, 20, 255 - get_byte(sealed, 20)) WHERE seq = 5",
    )
    after = (await desk.get(f"/v1/transcripts/{transcript_id}/verification", "auditor")).json()
    assert (after["holds"], after["first_wrong_seq"]) == (False, 5)
    assert (await desk.get(f"/v1/transcripts/{transcript_id}", "auditor")).status_code == 500


async def test_what_was_destroyed_is_gone_and_the_chain_proves_the_rest(desk: Desk) -> None:
    conversation = Conversation(account="doomed-1")
    [transcript_id] = await desk.keep(conversation)
    KEYRING.destroy(conversation.key.id, "n1-47-10-1", BEGAN)
    for path in (f"/v1/transcripts/{transcript_id}", f"/v1/transcripts/{transcript_id}/copy"):
        gone = await desk.get(path, "auditor")
        assert (gone.status_code, gone.json()["reason"]) == (410, "n1-47-10-1")
        assert gone.json()["at"].startswith("2026-03-02")
    found = (await desk.get(f"/v1/transcripts/{transcript_id}/verification", "auditor")).json()
    assert (found["holds"], found["first_wrong_seq"], found["content_destroyed"]) == (True, None, True)
    assert [e["outcome"] for e in await desk.trail()] == ["refused", "refused", "done"]


async def test_verification_finds_an_entry_that_was_taken_away(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    await execute_as_owner(
        desk.store.settings.database_url.get_secret_value(),
        "ALTER TABLE entry DISABLE TRIGGER entry_is_final",
        "DELETE FROM entry WHERE seq = 7",
    )
    after = (await desk.get(f"/v1/transcripts/{transcript_id}/verification", "auditor")).json()
    assert (after["holds"], after["first_wrong_seq"]) == (False, 7)


@pytest.mark.req("S3-101", "S3-102", "S3-103", "S3-104", "S3-105")
async def test_every_route_leaves_who_where_when_and_what_without_values(desk: Desk) -> None:
    conversation = Conversation()
    [transcript_id] = await desk.keep(conversation)
    one = f"/v1/transcripts/{transcript_id}"
    paths = [
        one,
        f"{one}/copy",
        f"{one}/verification",
        f"{one}/accesses",
        "/v1/transcripts?chat_topic=retirement",
        "/v1/seal-failures",
    ]
    for path in paths:
        headers = desk.issuer.headers("auditor") | {"Purpose-Of-Use": "audit", "X-Forwarded-For": "6.6.6.6"}
        assert (await desk.client.get(path, headers=headers)).status_code == 200, path
    trail = await desk.trail()
    assert len(trail) == len(paths)
    for entry in trail:
        assert entry["user_id"] == "auditor-1"
        assert entry["terminal"] == "127.0.0.1"  # the connection's, not what a header claims
        assert entry["at"] == desk.store.clock.now()
        assert entry["fields"]
        for value in (conversation.account, conversation.pin, "Rivera", "cheque"):
            assert value not in str(dict(entry))
    assert all(entry["record_ids"] == [transcript_id] for entry in trail[:5])


async def test_auditors_and_the_person_see_who_looked(desk: Desk) -> None:
    [transcript_id] = await desk.keep(Conversation())
    one = f"/v1/transcripts/{transcript_id}"
    await desk.get(one, "supervisor")
    await desk.get(one, "supervisor", office="S02", sub="nosy")
    await desk.get("/v1/transcripts?chat_topic=retirement", "records_officer")
    full = (await desk.get(f"{one}/accesses", "auditor")).json()["items"]
    assert [(a["user_id"], a["action"], a["outcome"]) for a in full] == [
        ("records_officer-1", "transcript.search", "done"),
        ("nosy", "transcript.read", "refused"),
        ("supervisor-1", "transcript.read", "done"),
    ]
    own = (await desk.get(f"{one}/accesses", "customer", sub="customer-1")).json()["items"]
    assert [(a["roles"], a["purpose"], a["user_id"], a["terminal"]) for a in own] == [
        (["auditor"], "audit", None, None),
        (["records_officer"], "records-management", None, None),
        (["supervisor"], "quality-review", None, None),
    ]
    page = (await desk.get(f"{one}/accesses?limit=2", "auditor")).json()
    rest = (await desk.get(f"{one}/accesses?limit=2&cursor={page['next_cursor']}", "auditor")).json()
    assert len(page["items"]) == 2
    # The second page begins where the first ended, although the first look itself was added on top.
    assert [a["user_id"] for a in rest["items"]] == ["records_officer-1", "nosy"]


@pytest.mark.parametrize(
    ("role", "status"), [("supervisor", 403), ("agent", 403), ("records_officer", 403), ("privacy_officer", 200)]
)
async def test_who_looked_is_not_for_everyone(desk: Desk, role: str, status: int) -> None:
    [transcript_id] = await desk.keep(Conversation())
    assert (await desk.get(f"/v1/transcripts/{transcript_id}/accesses", role)).status_code == status
    stranger = await desk.get(f"/v1/transcripts/{transcript_id}/accesses", "customer", sub="stranger")
    assert stranger.status_code == 404


async def test_refused_seals_are_shown_to_records_officers_and_auditors(desk: Desk) -> None:
    conversation = Conversation()
    facts = conversation.facts()
    facts[3]["digest"] = "0" * 64
    await desk.store.consumer().handle([record_of(f) for f in facts])
    for role, status in (("records_officer", 200), ("auditor", 200), ("supervisor", 403)):
        answer = await desk.get("/v1/seal-failures", role)
        assert answer.status_code == status
        if status == 200:
            [failure] = answer.json()["items"]
            assert failure["session_id"] == str(conversation.session_id)
            assert (failure["rule"], failure["first_seq"]) == ("digest_does_not_follow", 4)


@pytest.mark.req("S1-025", "S1-028", "S1-029")
async def test_for_purposes_that_concern_an_employee_particulars_stay_out_unless_somebody_says_why(desk: Desk) -> None:
    said = "I am A. Customer, my number is 219-09-9999"
    [transcript] = await desk.keep(Conversation(texts=(said, "Thank you")))
    path = f"/v1/transcripts/{transcript}"
    full = await desk.get(path, "supervisor", purpose="quality-review")
    assert said in full.text
    without = await desk.get(path, "supervisor", purpose="performance-assessment")
    assert without.json()["redacted"] is True
    assert not [value for value in ("219-09-9999", "customer-1", "A. Customer") if value in without.text]
    assert without.headers["ETag"] != full.headers["ETag"]
    justified = await desk.get(f"{path}?relevance=MEMO-7", "supervisor", purpose="performance-assessment")
    assert said in justified.text
    assert "relevance:MEMO-7" in (await desk.trail())[-1]["fields"]
    file = await desk.get(f"{path}/copy", "supervisor", purpose="training")
    assert (file.status_code, file.json()["missing"]) == (403, ["query.relevance"])
    altered = await desk.get(f"{path}/altered", "quality_reviewer", purpose="training")
    assert altered.status_code == 200
    assert "219-09-9999" not in altered.text
    elsewhere = await desk.get(f"{path}/altered", "supervisor", purpose="training", office="S99")
    assert elsewhere.status_code == 404
    for role, purpose in (("agent", "program-administration"), ("supervisor", "quality-review"), ("auditor", "audit")):
        assert (await desk.get(f"{path}/altered", role, purpose=purpose)).status_code == 403, "only to train others"
