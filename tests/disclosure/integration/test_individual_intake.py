"""Requests come in by each way, and none goes round the identity gate."""

from typing import Any
from uuid import uuid4

import pytest

from disclosure.individuals.identity import table
from tests.disclosure.requests_desk import ADDRESS, AMENDMENT, BY_MAIL, CERTIFICATION, NAME, NUMBER, Counter

FACTS = BY_MAIL["evidence"]["facts"]


def evidence(certification: str = "", /, **facts: Any) -> dict[str, Any]:
    return {"evidence": {"facts": facts, "certification": certification}}


@pytest.mark.req("S1-103", "S1-118", "S2-004")
async def test_somebody_signed_in_asks_whether_there_is_a_record_and_learns_yes_or_no(counter: Counter) -> None:
    for found, record in ((True, [str(uuid4())]), (False, [])):
        request = (await counter.file("notification", records=[]))["id"]
        own = await counter.own(request)
        assert (own["state"], own["found"], own["letters"]) == ("received", None, [])
        ruling = {"outcome": "granted", "found": found, "records": record}
        await counter.act(request, "decision", ruling)
        own = await counter.own(request)
        assert own["found"] is found
        assert set(own) == {
            "id", "kind", "state", "says", "waits_for", "possible", "received_on", "acknowledged_on", "rerouted_to",
            "missing", "clocks", "found", "outcome", "letters",
        }  # fmt: skip
        assert not any(one in str(own) for one in record)


@pytest.mark.req("S1-111")
async def test_an_account_that_was_not_proved_has_to_write(counter: Counter) -> None:
    body = {"kind": "access", "system": "60-0383"}
    weak = await counter.do("POST", "/me/individual-requests", body, role="customer", ial=1)
    assert (weak["state"], weak["missing"]) == ("identity-pending", ["token.level"])
    letter = (await counter.own(weak["id"]))["letters"][0]["text"]
    assert "by mail" in letter
    refused = await counter.send(
        "POST", f"/individual-requests/{weak['id']}/decision", {"outcome": "granted", "found": False}
    )
    assert refused.status_code == 409
    proof = {"channel": "mail"} | evidence(
        **{"written-request": "SCAN-2", "request.signed": True, "notarised-statement": "N-1"}
    )
    still = await counter.act(weak["id"], "identity", proof["evidence"] | {"channel": "mail"})
    assert (still["state"], still["missing"]) == ("identity-pending", ["particulars.given"])


@pytest.mark.req("S1-106", "S1-107")
async def test_by_mail_notarised_or_certified_and_nothing_less(counter: Counter) -> None:
    letter: dict[str, Any] = {"written-request": "SCAN-1", "request.signed": True}
    notarised = await counter.take_in(**evidence(**letter, **{"notarised-statement": "NOTARY-1"}))
    assert notarised["state"] == "received"
    assert (await counter.take_in())["state"] == "received"
    bare = await counter.take_in(**evidence(**letter))
    assert (bare["state"], bare["missing"]) == ("identity-pending", ["notarised-statement"])
    without = CERTIFICATION.replace(table().clauses["offence"], "it is wrong to lie")
    lacking = await counter.take_in(**evidence(without, **FACTS))
    assert (lacking["state"], lacking["missing"]) == ("identity-pending", ["certification.offence"])
    proved = await counter.act(lacking["id"], "identity", {"facts": {}, "certification": CERTIFICATION})
    assert (proved["state"], proved["missing"]) == ("received", [])
    gate = (await counter.detail(lacking["id"]))["identity"]
    assert [(one["verified"], one["way"]) for one in gate] == [(False, "certified"), (True, "certified")]


@pytest.mark.req("S1-109", "S1-110")
async def test_in_person_with_and_without_documents(counter: Counter) -> None:
    at_office: dict[str, Any] = {"channel": "in-person"}
    paper: dict[str, Any] = {"written-request": "FORM-1"}
    shown = await counter.take_in(
        role="agent", **at_office, **evidence(**paper, **{"identity-document.plain": "union-card"})
    )
    assert shown["state"] == "received"
    (gate,) = (await counter.detail(shown["id"]))["identity"]
    assert gate["note"] == "the document bears no photograph"
    signed: dict[str, Any] = {"certification.signed": True, "certification.day": "2026-03-02"}
    certified = await counter.take_in(**at_office, **evidence(CERTIFICATION, **paper, **signed))
    assert certified["state"] == "received"
    nothing = await counter.take_in(**at_office, **evidence(**paper))
    assert (nothing["state"], nothing["missing"]) == ("identity-pending", ["identity-document.photograph"])


@pytest.mark.req("S1-104")
async def test_a_call_opens_nothing(counter: Counter) -> None:
    refused = await counter.take_in(channel="telephone", status=422)
    assert refused["type"].endswith("/closed-channel")
    assert refused["instead"] == ["sign-in", "mail", "in-person"]
    assert await counter.store.fetchval("SELECT count(*) FROM individual_request") == 0


@pytest.mark.req("S1-105", "S1-108")
async def test_somebody_has_to_be_named_and_a_number_is_one_way_of_three(counter: Counter) -> None:
    refused = await counter.take_in(requester={"address": ADDRESS}, status=422)
    assert refused["missing"] == ["requester.name", "requester.ssn", "requester.other"]
    for one in ({"name": NAME}, {"ssn": NUMBER}, {"other": "born in Springfield"}):
        assert (await counter.take_in(requester=one))["state"] == "received"


@pytest.mark.req("S3-086", "S3-088", "S3-093")
async def test_a_former_employee_asks_by_form_or_mail_without_signing_in(counter: Counter) -> None:
    former: dict[str, Any] = {
        "subject": "former-employee",
        "system": "DHS/ALL-019",
        "kind": "amendment",
        "amendment": AMENDMENT,
    }
    named: dict[str, Any] = {"description": "My time entries of May"}
    by_form = await counter.take_in(role="portal", channel="electronic-form", **former, **named)
    by_mail = await counter.take_in(channel="mail", **former, **named)
    assert (by_form["state"], by_mail["state"]) == ("received", "received")
    public = await counter.take_in(role="portal", channel="electronic-form", status=422)
    assert public["type"].endswith("/closed-channel")
    employee = await counter.do(
        "POST", "/me/individual-requests", {"kind": "access", "system": "DHS/ALL-019"}, role="agent"
    )
    assert employee["state"] == "received"


@pytest.mark.req("S2-062")
async def test_a_representative_shows_the_persons_authority(counter: Counter) -> None:
    for_her: dict[str, Any] = {"capacity": "representative", "about": {"name": "Ann Absent"}}
    pending = await counter.take_in(**for_her)
    assert pending["state"] == "identity-pending"
    assert "authority.document" in pending["missing"]
    authority = {
        "authority.document": "AUTH-1",
        "authority.signed-by-subject": True,
        "authority.covers-request": True,
        "authority.until": "2026-12-31",
    }
    proved = await counter.act(pending["id"], "identity", {"facts": authority})
    assert proved["state"] == "received"
    nobody = await counter.take_in(capacity="guardian", status=422)
    assert nobody["missing"] == ["about.name", "about.ssn", "about.other"]
    online = {"kind": "access", "system": "60-0383", "capacity": "parent", "about": {"name": "Child Absent"}}
    parent = await counter.do("POST", "/me/individual-requests", online, role="customer")
    assert (parent["state"], parent["missing"]) == ("identity-pending", ["parenthood.document", "subject.minor-until"])


async def test_a_name_beside_ones_own_account_is_refused(counter: Counter) -> None:
    body = {"kind": "access", "system": "60-0383", "about": {"name": "Somebody Else"}}
    assert (await counter.send("POST", "/me/individual-requests", body, role="customer")).status_code == 422


@pytest.mark.req("S1-114", "S1-115", "S1-116")
@pytest.mark.parametrize("left_out", ["contested", "action", "grounds", "justification"])
async def test_a_request_to_amend_says_what_how_and_why(counter: Counter, left_out: str) -> None:
    incomplete = {k: v for k, v in AMENDMENT.items() if k != left_out}
    body = {"kind": "amendment", "system": "60-0383", "records": [str(uuid4())], "amendment": incomplete}
    refused = await counter.send("POST", "/me/individual-requests", body, role="customer")
    assert refused.status_code == 422
    assert [name.split(".")[-1] for name in refused.json()["missing"]] == [left_out]
    wrong = {"action": "rewrite", "grounds": ["annoying"]}
    if left_out in wrong:
        body["amendment"] = AMENDMENT | {left_out: wrong[left_out]}
        assert (await counter.send("POST", "/me/individual-requests", body, role="customer")).status_code == 422


@pytest.mark.req("S1-113")
async def test_an_amendment_that_names_no_record_goes_back_and_its_clock_runs_on(counter: Counter) -> None:
    filed = await counter.file("amendment", records=[])
    assert (filed["state"], filed["waits_for"]) == ("clarification-pending", "person")
    due = filed["clocks"][0]["due_on"]
    assert "Which record" in (await counter.own(filed["id"]))["letters"][0]["text"]
    assert (await counter.detail(filed["id"]))["steps"][0]["codes"]["clock"] == {
        "name": "acknowledge",
        "effect": "runs-on",
        "due_on": due,
    }
    path = f"/me/individual-requests/{filed['id']}/answer"
    empty = await counter.do("POST", path, {"description": ""}, role="customer")
    assert empty["state"] == "clarification-pending"
    clear = await counter.do("POST", path, {"description": "the one of 3 March"}, role="customer")
    assert (clear["state"], clear["clocks"][0]["due_on"]) == ("received", due)


async def test_the_wrong_door_costs_no_time(counter: Counter) -> None:
    sent = await counter.take_in(kind="amendment", aim="earnings-record", received_on="2026-02-20")
    assert (sent["state"], sent["rerouted_to"], sent["received_on"]) == (
        "rerouted",
        "Correction of earnings records",
        "2026-02-20",
    )
    filed = (await counter.file())["id"]
    later = await counter.act(filed, "rerouting", {"aim": "claim-determination"}, role="analyst")
    assert later["rerouted_to"] == "Programme appeal"
    step = (await counter.detail(filed))["steps"][-1]
    assert step["codes"]["received_on"] == "2026-03-02"
    assert "2 March 2026" in (await counter.own(filed))["letters"][-1]["text"]


async def test_what_was_not_received_yet_is_not_taken_in(counter: Counter) -> None:
    assert (await counter.take_in(received_on="2026-03-03", status=422))["errors"][0]["field"] == "received_on"
    assert (await counter.take_in(system="60-9999", status=422))["errors"][0]["field"] == "system"


async def test_an_official_cannot_state_what_the_service_finds(counter: Counter) -> None:
    refused = await counter.take_in(**evidence(**FACTS, **{"certification.offence": True}), status=422)
    assert [e["field"] for e in refused["errors"]] == ["evidence.facts"]


async def test_the_same_request_sent_twice_is_one(counter: Counter) -> None:
    first = await counter.send("POST", "/individual-requests", BY_MAIL, role="analyst", key="k-1")
    again = await counter.send("POST", "/individual-requests", BY_MAIL, role="analyst", key="k-1")
    assert first.json() == again.json()
    assert await counter.store.fetchval("SELECT count(*) FROM individual_request") == 1
