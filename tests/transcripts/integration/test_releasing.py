"""A grant lets records out once: as fresh, flat copies of what somebody reviewed, and the sealed original stays as it is."""

import hashlib
import json

import asyncpg
import orjson
import pytest

from common.contracts.disclosure import RecordAmended
from common.ids import new_id
from common.releases import settling
from tests.plugins.kit import execute_as_owner
from tests.transcripts.releasing import NAME, SISTER, SSN, ReleaseDesk, hear, told

HIDDEN_VALUES = (NAME.split()[1], SSN, SSN.replace("-", ""), *SISTER.split(), "customer-1")


@pytest.mark.req("S1-030", "S2-021", "S2-022", "S2-023", "S2-024")
async def test_a_grant_lets_a_fresh_flat_copy_out_and_the_original_stays_as_it_is(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    original = (await releases.desk.get(f"/v1/transcripts/{transcript}/copy", "privacy_officer")).content
    before = await releases.desk.store.rows("SELECT t.*, e.* FROM transcript AS t JOIN entry AS e USING (session_id)")
    await releases.reviewed(transcript)
    answer = await releases.redeem(releases.grant(transcript))
    assert answer.status_code == 201, answer.text
    said = answer.json()
    assert (said["outcome"], said["reason"], said["grant_id"]) == ("released", "", str(releases.grant_id))
    [copy] = said["copies"]
    fetched = await releases.copy(transcript)
    assert fetched.status_code == 200
    assert hashlib.sha256(fetched.content).hexdigest() == copy["copy_hash"]
    assert fetched.headers["ETag"] == f'"{copy["copy_hash"]}"'
    [sealed] = await releases.desk.store.rows("SELECT content_hash, session_id FROM transcript")
    assert copy["original_hash"] == sealed["content_hash"]
    assert len({copy["copy_hash"], copy["working_hash"], copy["original_hash"]}) == 3

    text = fetched.text
    assert not [value for value in HIDDEN_VALUES if value.lower() in text.lower()]
    lines = json.loads(text)["lines"]
    assert lines[2]["text"] == "I am [withheld] [withheld], my number is [withheld], and my cheque did not come"
    assert [line["who"] for line in lines[:4]] == ["customer", "employee 1", "customer", "employee 1"]
    # Nothing leads back: no ids, salts, commitments, digests, places or sizes of what was taken out.
    ids = [str(sealed["session_id"]), copy["original_hash"], copy["working_hash"]]
    for row in await releases.desk.store.rows("SELECT canonical FROM entry"):
        content = orjson.loads(bytes(row["canonical"]))
        ids += [str(content[name]) for name in ("entry_id", "participant_id", "commitment") if name in content]
    assert not [one for one in ids if one in text]
    assert not {"salt", "taken_out", "pii", "digest"} & {name for line in lines for name in line}

    after = await releases.desk.store.rows("SELECT t.*, e.* FROM transcript AS t JOIN entry AS e USING (session_id)")
    assert before == after
    again = (await releases.desk.get(f"/v1/transcripts/{transcript}/copy", "privacy_officer")).content
    assert again == original
    verified = await releases.desk.get(f"/v1/transcripts/{transcript}/verification", "auditor")
    assert verified.json()["holds"] is True


async def test_what_became_of_it_is_told_and_recorded_and_holds_nobodys_values(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    said = (await releases.redeem(releases.grant(transcript))).json()
    [fact] = await told(releases)
    assert (str(fact.grant_id), str(fact.accounting_id)) == (releases.claims["jti"], releases.claims["accounting_id"])
    assert (fact.outcome, fact.copies[0].copy_hash) == ("released", said["copies"][0]["copy_hash"])
    await releases.copy(transcript)
    trail = [(row["action"], row["outcome"]) for row in await releases.desk.trail()]
    assert trail[-2:] == [("release.redeem", "done"), ("release.copy", "done")]
    for table in ("outbox", "audit_entry", "redaction_span", "release_copy", "idempotency_key", "grant_use"):
        rows = await releases.desk.store.rows(f"SELECT row_to_json(t)::text FROM {table} AS t")
        plain = [r[0] for r in rows] + [bytes.fromhex(p).decode(errors="ignore") for r in rows for p in hexed(r[0])]
        assert not [v for v in (NAME, SSN, SISTER) if any(v in text for text in plain)], table


def hexed(text: str) -> list[str]:
    return [part.split('"')[0] for part in text.split("\\\\x")[1:]]


@pytest.mark.req("S2-005")
async def test_nothing_goes_that_nobody_reviewed(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    token = releases.grant(transcript)
    for _ in range(2):
        refused = await releases.redeem(token)
        assert (refused.status_code, refused.json()["missing"]) == (409, [f"layer.{transcript}"])
        if _ == 0:
            await releases.open(transcript)
    undecided = await releases.post(f"/transcripts/{transcript}/layers/redacted/review")
    assert undecided.status_code == 409
    assert undecided.json()["missing"]
    await releases.settle(transcript)
    assert (await releases.post(f"/transcripts/{transcript}/layers/redacted/review", role="analyst")).status_code == 403
    assert (await releases.post(f"/transcripts/{transcript}/layers/redacted/review")).status_code == 201
    assert (await releases.redeem(token)).status_code == 201, "it was not used up by what was refused before"


async def test_a_reviewed_layer_never_changes(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    late = {"seq": 4, "start": 0, "end": 3, "kind": "name", "decision": "redact", "reason": ""}
    path = f"/transcripts/{transcript}/layers/redacted"
    assert (await releases.post(f"{path}/decisions", {"decisions": [late]})).status_code == 409
    assert (
        await releases.post(f"/transcripts/{transcript}/layers", {"name": "redacted", "audience": "person"})
    ).status_code == 409
    for attempt in (
        "UPDATE redaction_span SET decision = 'keep', reason = 'x'",
        "DELETE FROM redaction_span",
        "UPDATE redaction_layer SET reviewed_by = 'somebody'",
        "INSERT INTO redaction_label SELECT id, 3, 'medical' FROM redaction_layer",
        "UPDATE grant_use SET outcome = 'expired'",
    ):
        if "grant_use" in attempt:
            await releases.redeem(releases.grant(transcript))
        with pytest.raises((asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)):
            await execute_as_owner(releases.desk.store.url, attempt)


@pytest.mark.req("S2-022")
async def test_what_was_taken_out_may_not_stand_elsewhere(releases: ReleaseDesk) -> None:
    """The reviewer added a place that no program found; the same value stands in another line."""
    transcript = await releases.kept(("The code word is bluebird", "You said blue-bird", "Yes", "Well"))
    await releases.open(transcript)
    place = {"seq": 3, "start": 17, "end": 25, "kind": "secret", "decision": "redact", "reason": ""}
    path = f"/transcripts/{transcript}/layers/redacted"
    settled = await releases.post(f"{path}/decisions", {"decisions": [place]})
    assert settled.json()["leaks"] == [4]
    await releases.post(f"{path}/review")
    refused = await releases.redeem(releases.grant(transcript))
    assert (refused.status_code, refused.json()["places"]) == (409, [f"{transcript}.4"])
    assert "bird" not in refused.text
    assert await releases.desk.store.count("grant_use") == 0
    wrong = await releases.open(transcript, "other")
    outside = {**place, "end": 900}
    assert (
        await releases.post(f"/transcripts/{transcript}/layers/other/decisions", {"decisions": [outside]})
    ).status_code == 422
    assert wrong["state"] == "open"


@pytest.mark.req("S2-022")
async def test_only_the_elements_that_were_decided_on_go(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript, keep="social-security-number", seq_3="benefits", seq_5="other-business")
    withheld = [{"transcript_id": transcript, "first": 7, "last": 8}]
    token = releases.grant(transcript, elements=["benefits", "name", "time-and-topic"], withheld=withheld)
    assert (await releases.redeem(token)).status_code == 201
    copy = json.loads((await releases.copy(transcript)).text)
    by_line = {line["line"]: line for line in copy["lines"]}
    assert copy["topic"] == "retirement"
    assert by_line[1]["name"] == "A. Customer"
    assert "name" not in by_line[2], "the employee's name is another element"
    assert "cheque did not come" in by_line[3]["text"]
    assert SSN not in by_line[3]["text"], "a reviewer let it stand, and nobody decided that it may go"
    assert by_line[4] == {"line": 4, "who": "employee 1", "event": "posted", "at": by_line[4]["at"]} | {
        "withheld": "not among the elements that may go"
    }
    assert by_line[5]["withheld"] == "not among the elements that may go"
    assert by_line[7] == {"line": 7, "withheld": "tax return information (26 U.S.C. 6103)"} == by_line[8] | {"line": 7}
    assert "31,112" not in str(copy)


async def test_where_parts_have_to_stay_the_original_does_not_go(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    for parts in ({"elements": ["name"]}, {"withheld": [{"transcript_id": transcript, "first": 1, "last": 1}]}):
        refused = await releases.redeem(releases.grant(transcript, layer="original", **parts))
        assert (refused.status_code, refused.json()["reason"]) == (403, "original")
    assert (await releases.redeem(releases.grant(transcript, layer="original"))).status_code == 201
    copy = (await releases.copy(transcript)).text
    assert SSN in copy
    assert "customer-1" not in copy, "the account is no element of the records"


async def test_the_bytes_are_for_who_took_the_grant_and_for_a_day(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    assert (await releases.redeem(releases.grant(transcript))).status_code == 201
    assert (await releases.copy(transcript, sub="privacy_officer-2")).status_code == 404
    assert (await releases.copy(transcript)).status_code == 200
    releases.desk.store.clock.turn(hours=25)
    assert (await releases.copy(transcript)).status_code == 410
    store = releases.desk.store
    async with store.database.unit_of_work() as session:
        await settling.forget_bytes(session, now=store.clock.now())
    assert [r["content"] for r in await store.rows("SELECT content FROM release_copy")] == [None]
    headers = releases.desk.issuer.headers("auditor") | {"Purpose-Of-Use": "audit"}
    found = await releases.desk.client.get(f"/v1/releases/{releases.grant_id}", headers=headers)
    assert found.json()["copies"][0]["copy_hash"]


async def test_amendments_stand_beside_the_seal_and_go_with_every_copy(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    read = f"/v1/transcripts/{transcript}"
    first = await releases.desk.get(read, "customer", sub="customer-1")
    assert first.json()["notations"] == []
    now = releases.desk.store.clock.now()
    fact = RecordAmended(record_id=transcript, amendment_id=new_id(), kind="disagreement", amended_at=now)
    await hear(releases, fact, fact)
    shown = await releases.desk.get(read, "customer", sub="customer-1")
    assert [one["kind"] for one in shown.json()["notations"]] == ["disagreement"]
    assert shown.headers["ETag"] != first.headers["ETag"]
    assert shown.json()["digest"] == first.json()["digest"]
    await releases.redeem(releases.grant(transcript))
    [noted] = json.loads((await releases.copy(transcript)).text)["notations"]
    assert noted == {"kind": "disagreement", "amended_on": now.date().isoformat(), "reference": str(fact.amendment_id)}
    assert (await releases.desk.get(f"{read}/verification", "auditor")).json()["holds"] is True


async def test_the_person_s_list_of_looks_does_not_tell_of_a_release(releases: ReleaseDesk) -> None:
    """A release for law enforcement is left out of the accounting (552a(c)(3)); a list of looks must not give it away."""
    transcript = await releases.kept()
    lists = (f"/v1/transcripts/{transcript}/accesses", "/v1/me/accesses")
    before = [(await releases.desk.get(path, "customer", sub="customer-1")).json()["items"] for path in lists]
    await releases.reviewed(transcript)
    assert (await releases.redeem(releases.grant(transcript, basis="b7"))).status_code == 201
    assert (await releases.copy(transcript)).status_code == 200
    after = [(await releases.desk.get(path, "customer", sub="customer-1")).json()["items"] for path in lists]
    looks = [
        [(one["action"]) for one in items if not one["action"].startswith("transcript.accesses")] for items in after
    ]
    assert looks == [
        [(one["action"]) for one in items if not one["action"].startswith("transcript.accesses")] for items in before
    ]
    everything = (await releases.desk.get(lists[0], "auditor")).json()["items"]
    assert {"release.redeem", "release.copy", "redaction.review"} <= {one["action"] for one in everything}
