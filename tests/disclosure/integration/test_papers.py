"""Agreements and consents stand in a register; decisions rest on it and not on what anybody says."""

from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from tests.disclosure.cases import base, with_facts
from tests.disclosure.desk import OFFICER, Desk

AGREEMENT: dict[str, Any] = {
    "reference": "SS00-26-40012", "kind": "contract", "partner": "contractor", "program": "TITLE-II",
    "begins_on": "2025-10-01", "ends_on": "2027-09-30", "elements": ["name", "benefits"],
}  # fmt: skip
CONSENT: dict[str, Any] = {
    "reference": "CONSENT-17", "form": "written", "signed_on": "2026-02-01", "identity": "ID-CHECK-17",
    "signer": "subject", "recipient_kind": "private-entity", "begins_on": "2026-02-01", "ends_on": "2026-12-31",
    "elements": ["name", "benefits"],
}  # fmt: skip


async def post(desk: Desk, path: str, body: dict[str, Any], *, sub: str = OFFICER) -> httpx.Response:
    return await desk.client.post(path, json=body, headers=desk.headers("privacy_officer", sub, str(uuid4())))


async def asked(desk: Desk, basis: str, kind: str, reference: str) -> Any:
    """A request that names a paper of that mark, with every finding signed."""
    question = with_facts(base(basis), {})
    bare = {n: v for n, v in question.facts.items() if not n.startswith(f"{kind}.") or n.endswith(("with-recipient",))}
    signed = {
        n: v for n, v in question.facts.items() if n.startswith(("consent.by-subject", "consent.recipient-named"))
    }
    request_id = await desk.asked(type(question)(
        question.request_id, question.transcript_ids, basis, question.recipient_kind, question.purpose,
        {**bare, **signed}, question.sealed,
    ))  # fmt: skip
    return request_id, {f"{kind}.reference": reference}


@pytest.mark.req("S3-112", "S1-058")
async def test_an_agreement_counts_when_somebody_else_approved_it_and_until_it_is_ended(desk: Desk) -> None:
    request_id, named = await asked(desk, "routine-use-4", "agreement", AGREEMENT["reference"])
    nothing = (await desk.decide(request_id, facts=named)).json()
    assert nothing["outcome"] == "undecided"
    assert "agreement.kind" in nothing["missing"]
    entered = await post(desk, "/v1/agreements", AGREEMENT)
    assert entered.status_code == 201, entered.text
    paper = entered.json()["id"]
    assert (await desk.decide(request_id)).json()["missing"] == ["agreement.approval"]
    approval = {"on_day": "2026-01-15", "record": "APPROVAL-2026-3"}
    assert (await post(desk, f"/v1/agreements/{paper}/approval", approval)).json()["type"].endswith("/own-paper")
    assert (await post(desk, f"/v1/agreements/{paper}/approval", approval, sub="officer-2")).status_code == 201
    allowed = (await desk.decide(request_id)).json()
    assert allowed["outcome"] == "allow"
    assert allowed["holds_until"] == "2027-09-30"
    end = {"on_day": "2026-01-20", "record": "END-1"}
    assert (await post(desk, f"/v1/agreements/{paper}/end", end)).status_code == 201
    assert (await post(desk, f"/v1/agreements/{paper}/end", end)).status_code == 409
    denied = (await desk.decide(request_id)).json()
    assert [reason["fact"] for reason in denied["reasons"]] == ["agreement.standing"]
    (row,) = (await desk.get("/v1/agreements")).json()["items"]
    assert [mark["mark"] for mark in row["marks"]] == ["approved", "ended"]


async def test_nobody_says_what_only_the_register_says(desk: Desk) -> None:
    request_id, named = await asked(desk, "routine-use-4", "agreement", "NONE-SUCH")
    answer = await desk.decide(request_id, facts=named | {"agreement.approval": "TRUST-ME"})
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["facts.agreement.approval"]


async def test_who_entered_an_agreement_cannot_approve_it_in_the_store_either(desk: Desk) -> None:
    paper = (await post(desk, "/v1/agreements", AGREEMENT)).json()["id"]
    with pytest.raises(asyncpg.CheckViolationError, match="who_enters_never_approves"):
        await desk.store.execute(
            "INSERT INTO paper_mark VALUES ($1, 'approved', $2, '2026-01-01', 'R', $2, now())", paper, OFFICER
        )


async def test_a_consent_is_used_within_its_words_until_it_is_taken_back(desk: Desk) -> None:
    request_id, named = await asked(desk, "consent", "consent", CONSENT["reference"])
    paper = (await post(desk, "/v1/consents", CONSENT)).json()["id"]
    assert (await desk.decide(request_id, facts=named)).json()["outcome"] == "allow"
    wide = (await desk.decide(request_id, facts={"elements": "name,ssn"})).json()
    assert [reason["fact"] for reason in wide["reasons"]] == ["consent.elements"]
    back = {"on_day": "2026-02-28", "record": "LETTER-9"}
    assert (await post(desk, f"/v1/consents/{paper}/end", back)).status_code == 201
    taken = (await desk.decide(request_id, facts={"elements": "name"})).json()
    assert [reason["fact"] for reason in taken["reasons"]] == ["consent.standing"]


@pytest.mark.parametrize(
    "changes",
    [
        {"form": "oral"}, {"elements": ["*"]}, {"elements": ["whole-record"]}, {"elements": []},
        {"ends_on": "2026-01-01"}, {"signer": "neighbor"}, {"identity": ""}, {"name": "Jane Roe"},
    ],
)  # fmt: skip
async def test_a_consent_that_is_none_is_not_entered(desk: Desk, changes: dict[str, Any]) -> None:
    answer = await post(desk, "/v1/consents", CONSENT | changes)
    assert answer.status_code == 422
    assert "Roe" not in answer.text
    assert await desk.count("paper") == 0


async def test_one_mark_names_one_paper(desk: Desk) -> None:
    assert (await post(desk, "/v1/consents", CONSENT)).status_code == 201
    assert (await post(desk, "/v1/consents", CONSENT | {"signer": "parent-of-minor"})).status_code == 409
    assert (await post(desk, "/v1/agreements", AGREEMENT | {"reference": CONSENT["reference"]})).status_code == 201
