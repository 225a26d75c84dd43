"""Whether a message may go, asked by HTTP."""

from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from common.testing import FixedClock, client_of
from disclosure.app import make_app
from disclosure.settings import DisclosureSettings
from tests.disclosure.desk import Desk

URL = "/v1/outbound-judgements"
SSN = "219-09-9999"
PERSON = {"id": "claimant", "given": ["Quentin"], "family": "Telltale", "ssn": SSN, "case_number": "50012345"}
OUTSIDE = [{"address": "someone@outside.example", "group": "claimant"}]
INSIDE = [{"address": "colleague@agency.example"}]


async def ask(desk: Desk, role: str = "agent", *, sanitise: bool = False, claims: dict[str, Any] | None = None, **message: Any) -> httpx.Response:  # fmt: skip
    headers = desk.issuer.headers(role, **(claims or {})) | {"Purpose-Of-Use": "program-administration"}
    body = {"message": {"recipients": OUTSIDE, "persons": [PERSON], **message}, "sanitise": sanitise}
    return await desk.client.post(URL, json=body, headers=headers)


@pytest.mark.req("S2-029")
async def test_a_message_that_may_not_go_is_blocked_with_why_and_what_else(desk: Desk) -> None:
    answer = await ask(desk, subject="Telltale", body=f"Quentin Telltale, {SSN}", sanitise=True)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["judgement"], told["audience"]) == ("block", "outside")
    assert [v["rule"] for v in told["violations"]] == ["subject-names-nobody", "outside-nothing-protected"]
    assert told["violations"][1]["cites"].startswith("item 4")
    assert told["violations"][1]["instead"] == ["encrypted-attachment", "telephone", "mail"]
    assert [(f["kind"], f["place"]) for f in told["violations"][1]["findings"]] == [("social-security-number", "body")]
    assert told["sanitised"]["may_go"] is True
    assert SSN not in answer.text
    assert "Telltale" not in told["sanitised"]["subject"]


async def test_a_message_that_may_go_is_allowed(desk: Desk) -> None:
    told = (await ask(desk, body="This is about Telltale 9999.")).json()
    assert (told["judgement"], told["violations"], told["sanitised"]) == ("allow", [], None)


@pytest.mark.req("S2-030", "S2-031", "S2-032")
async def test_inside_is_what_the_agency_lists_from_a_device_that_is_attested(
    settings: DisclosureSettings, desk: Desk, clock: FixedClock
) -> None:
    own = settings.model_copy(update={"agency_domains": "Agency.example; other.example"})
    message: dict[str, Any] = {"body": "Quentin Telltale, case 50012345", "recipients": INSIDE, "managed_device": True}
    async with client_of(make_app(own, clock)) as client:
        there = Desk(client, desk.issuer, desk.store, clock)
        assert (await ask(there, **message)).json()["audience"] == "outside"
        attested = await ask(there, claims={"managed_device": True}, **message)
        assert (attested.json()["audience"], attested.json()["judgement"]) == ("inside", "allow")
        program = await ask(there, "case_system", **message)
        assert program.json()["audience"] == "inside"
        elsewhere = await ask(there, claims={"managed_device": True}, **message | {"managed_device": False})
        assert elsewhere.json()["judgement"] == "block"
    assert (await ask(desk, claims={"managed_device": True}, **message)).json()["audience"] == "outside"


async def test_who_asked_is_recorded_with_kinds_and_without_a_value(
    desk: Desk, logged: list[MutableMapping[str, Any]]
) -> None:
    await ask(desk, subject="Telltale", body=f"Quentin Telltale, {SSN}", attachments=[{"name": f"{SSN}.txt"}])
    rows = await desk.store.fetch("SELECT * FROM audit_entry")
    assert [(row["action"], row["outcome"], row["purpose"]) for row in rows] == [
        ("outbound.judge", "done", "program-administration")
    ]
    assert rows[0]["fields"] == ["name", "social-security-number", "unreadable"]
    for kept in (repr(rows), repr(logged)):
        assert SSN not in kept
        assert "Telltale" not in kept


@pytest.mark.parametrize("role", ["customer", "portal"])
async def test_who_has_no_part_in_the_work_is_refused(desk: Desk, role: str) -> None:
    assert (await ask(desk, role, body="hello")).status_code == 403


@pytest.mark.parametrize(
    ("message", "field"),
    [
        ({"persons": [PERSON | {"known": {"Quentin": ["1"]}}]}, "message.persons.0.known"),
        ({"attachments": [{"attachments": [{"holds": ["Telltale"]}]}]}, "message.attachments"),
        ({"persons": [PERSON | {"ssn": "Telltale"}]}, "body.message.persons.0"),
        ({"body": "x" * 200_001}, "body.message.body"),
        ({"channel": "pigeon"}, "body.message.channel"),
    ],
)
async def test_what_cannot_be_judged_is_refused_without_repeating_it(
    desk: Desk, message: dict[str, Any], field: str
) -> None:
    answer = await ask(desk, **message)
    assert answer.status_code == 422
    assert field in {error["field"] for error in answer.json()["errors"]}
    assert "Quentin" not in answer.text
    assert "Telltale" not in answer.text
