"""A grant lets records out once: as fresh, flat copies of what somebody reviewed, and the sealed original stays as it is."""

import asyncio
import hashlib
import json
from typing import Any

import asyncpg
import orjson
import pytest

from common.contracts.disclosure import RELEASE_EVENTS, DisclosureDecided, DisclosureReleased, RecordAmended
from common.contracts.envelope import Envelope, EventData, decode, encode
from common.ids import new_id
from common.messaging.broker import ReceivedRecord, Record
from common.releases import settling
from tests.plugins.grants import signing_key
from tests.plugins.kit import execute_as_owner
from tests.transcripts.conversations import KEYRING
from tests.transcripts.releasing import NAME, SISTER, SSN, ReleaseDesk
from transcripts.app import make_subjects

HIDDEN_VALUES = (NAME.split()[1], SSN, SSN.replace("-", ""), *SISTER.split(), "customer-1")


async def told(releases: ReleaseDesk) -> list[DisclosureReleased]:
    rows = await releases.desk.store.rows(
        "SELECT topic, key, value, headers FROM outbox WHERE topic = 'disclosure.released' ORDER BY position"
    )
    records = [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]
    return [decode(record, RELEASE_EVENTS).data for record in records]  # type: ignore[misc]


async def hear(releases: ReleaseDesk, *facts: EventData) -> None:
    """The worker hears these."""
    store = releases.desk.store
    by_topic = {s.topics[0]: s for s in make_subjects(store.settings, store.clock, KEYRING)}
    for n, fact in enumerate(facts):
        record = encode(Envelope(new_id(), fact.event_type, "/muniment/disclosure", fact.key, store.clock.now(), fact))
        received = ReceivedRecord(record.topic, 0, n, record.key, record.value, dict(record.headers))
        await store.consumer_of(by_topic[record.topic]).handle([received])


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


@pytest.mark.req("S2-017")
async def test_a_grant_works_once_whoever_comes(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    token = releases.grant(transcript)
    answers = await asyncio.gather(*(releases.redeem(token, sub=f"privacy_officer-{n}") for n in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert (await releases.redeem(token)).json()["type"].endswith("/grant-used")
    back = await releases.post("/releases/refusals", {"grant": token, "reason": "wrong-recipient"})
    assert back.status_code == 409
    assert len(await told(releases)) == await releases.desk.store.count("release_copy") == 1


@pytest.mark.req("S2-005", "S2-017")
@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "production"}, "audience"),
        ({"iss": "somebody"}, "forged"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "not-yet"),
        ({"typ": "finding+jwt"}, "forged"),
        ({"typ": "accounting+jwt"}, "forged"),
        ({"transcript_ids": []}, "forged"),
    ],
)
async def test_what_is_no_grant_for_here_and_now_lets_nothing_out(
    releases: ReleaseDesk, changes: dict[str, Any], reason: str
) -> None:
    transcript = new_id()
    answer = await releases.redeem(releases.grant(str(transcript), **changes))
    assert (answer.status_code, answer.json()["reason"]) == (403, reason)
    assert await releases.desk.store.count("grant_use") == 0
    assert [row["outcome"] for row in await releases.desk.trail()][-1] == "refused"


async def test_a_forged_grant_and_one_that_is_none_are_refused(releases: ReleaseDesk) -> None:
    stranger = signing_key()
    as_ours = releases.grant("x", key=stranger)
    assert (await releases.redeem(as_ours)).json()["reason"] == "forged"
    header, _, rest = releases.grant(str(new_id())).partition(".")
    for token in (f"{header}.e30.{rest.partition('.')[2]}", "x" * 40, f"{header}.{rest.rpartition('.')[0]}."):
        assert (await releases.redeem(token)).status_code == 403, token
    assert (await releases.redeem(releases.grant(str(new_id())), role="auditor")).status_code == 403


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


async def test_a_grant_that_is_handed_back_is_settled_and_lets_nothing_out(releases: ReleaseDesk) -> None:
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    token = releases.grant(transcript)
    back = await releases.post("/releases/refusals", {"grant": token, "reason": "recipient-not-identified"})
    assert (back.status_code, back.json()["outcome"], back.json()["copies"]) == (201, "refused", [])
    assert (await releases.redeem(token)).status_code == 409
    assert [(fact.outcome, fact.reason) for fact in await told(releases)] == [("refused", "recipient-not-identified")]


@pytest.mark.parametrize("why", ["record-unknown", "record-destroyed"])
async def test_where_the_record_is_not_there_to_go_the_grant_is_settled_as_refused(
    releases: ReleaseDesk, why: str
) -> None:
    transcript = str(new_id())
    if why == "record-destroyed":
        transcript = await releases.kept()
        for row in await releases.desk.store.rows("SELECT DISTINCT key_id FROM entry WHERE key_id IS NOT NULL"):
            KEYRING.destroy(row["key_id"], "DISPOSITION-1", releases.desk.store.clock.now())
    said = (await releases.redeem(releases.grant(transcript))).json()
    assert (said["outcome"], said["reason"], said["copies"]) == ("refused", why, [])
    assert [(fact.outcome, fact.reason) for fact in await told(releases)] == [("refused", why)]


def decided(releases: ReleaseDesk, **changes: Any) -> DisclosureDecided:
    claims, now = releases.claims, releases.desk.store.clock.now()
    fields = {
        "request_id": claims["request_id"], "decision_id": claims["decision_id"], "outcome": "allow", "basis": "b6",
        "rule_version": "60-0383/2017+0", "transcript_ids": claims["transcript_ids"], "decided_at": now,
        "accounting_id": claims["accounting_id"], "grant_id": claims["jti"], "grant_holder": "transcripts",
        "grant_expires_at": claims["exp"],
    }  # fmt: skip
    return DisclosureDecided.model_validate(fields | changes)


async def test_a_grant_for_which_nobody_comes_is_settled_by_the_clock_and_works_no_more(releases: ReleaseDesk) -> None:
    store = releases.desk.store
    transcript = await releases.kept()
    await releases.reviewed(transcript)
    token = releases.grant(transcript, exp=4_000_000_000)  # the clock that settles and the one that signs may differ
    await hear(releases, decided(releases), decided(releases, grant_holder="production", grant_id=str(new_id())))
    for hours, settled in ((0, 0), (10**6, 1), (1, 0)):
        store.clock.turn(hours=hours)
        async with store.database.unit_of_work() as session:
            assert await settling.expire(session, holder="transcripts", now=store.clock.now()) == settled
    [fact] = await told(releases)
    assert (fact.outcome, str(fact.grant_id), fact.copies) == ("expired", releases.claims["jti"], ())
    store.clock.turn(hours=-(10**6) - 1)
    assert (await releases.redeem(token)).status_code == 409
    used = releases.grant(transcript)
    await hear(releases, decided(releases))
    assert (await releases.redeem(used)).status_code == 201
    store.clock.turn(hours=2)
    async with store.database.unit_of_work() as session:
        assert await settling.expire(session, holder="transcripts", now=store.clock.now()) == 0


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
