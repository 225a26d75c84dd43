"""A request goes in, and somebody else decides it on what is shown."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from common.contracts.disclosure import DisclosureDecided, DisclosureRequested
from common.testing import FixedClock
from tests.disclosure.cases import base, with_facts
from tests.disclosure.desk import ASKER, OFFICER, Desk
from tests.plugins.statements import statements

TABLES = ("decision", "accounting", "accounting_transcript", "release_grant", "rule_set")


async def test_undecided_names_what_is_missing_and_facts_may_follow(desk: Desk) -> None:
    request_id = await desk.asked(with_facts(base("routine-use-7"), {}, "archives.request"))
    first = (await desk.decide(request_id)).json()
    assert (first["outcome"], first["missing"]) == ("undecided", ["archives.request"])
    second = (await desk.decide(request_id, facts={"archives.request": "NARA-1"}, release=True)).json()
    assert second["outcome"] == "allow"
    detail = (await desk.get(f"/v1/requests/{request_id}")).json()
    assert [d["outcome"] for d in detail["decisions"]] == ["undecided", "allow"]


async def test_a_decision_goes_to_the_store_five_times_and_a_release_once_more(desk: Desk) -> None:
    """Begin; hold and claim; look; (no amendment meanwhile;) everything that is written, with the count of looks; commit."""
    before, first, second = [await desk.asked() for _ in range(3)]
    await desk.decide(before)
    with statements() as sent:
        await desk.decide(first)
        await asyncio.sleep(0)
        decided = list(sent)
        await desk.decide(second, release=True)
        await asyncio.sleep(0)
        released = sent[len(decided) :]
    assert [len(decided), len(released)] == [5, 6], sent
    assert (decided[0], decided[-1]) == ("BEGIN;", "COMMIT;")
    written = ("INSERT INTO decision", "INSERT INTO outbox", "UPDATE idempotency_key", "INSERT INTO audit_entry")
    assert all(one in decided[-2] for one in written)


async def test_facts_add_up_over_decisions_and_can_be_corrected(desk: Desk) -> None:
    bare = with_facts(base("routine-use-7"), {}, "archives.request", "archives.authority")
    request_id = await desk.asked(bare)
    first = (await desk.decide(request_id, facts={"archives.request": "NARA-1"})).json()
    assert first["missing"] == ["archives.authority"]
    wrong = (await desk.decide(request_id, facts={"archives.authority": "44-usc-3303a"})).json()
    assert wrong["outcome"] == "deny"
    right = (await desk.decide(request_id, facts={"archives.authority": "44-usc-2904"}, release=True)).json()
    assert right["outcome"] == "allow"
    for decision in (first, wrong, right):
        assert (await desk.get(f"/v1/decisions/{decision['id']}/replay")).json()["same"] is True


@pytest.mark.req("S1-055")
async def test_a_finding_serves_its_own_request_only_and_nobody_may_simply_state_it(desk: Desk) -> None:
    question = with_facts(base("routine-use-3"), {}, "compatibility")
    first, second = await desk.asked(question), await desk.asked(question)
    assert (await desk.find(first, "compatibility")).status_code == 201
    assert (await desk.decide(first, release=True)).status_code == 201
    borrowed = await desk.decide(second, release=True)
    assert borrowed.status_code == 422
    assert borrowed.json()["missing"] == ["compatibility"]
    for facts in ({"compatibility": True}, {"compatibility.request": str(second)}):
        stated = await desk.decide(second, facts=facts, release=True)
        assert stated.status_code == 422
        assert stated.json()["type"].endswith("/invalid")


async def test_who_asked_signs_no_finding_and_a_finding_is_one_that_is_asked_for(desk: Desk) -> None:
    request_id = await desk.asked(
        with_facts(base("routine-use-3"), {}, "compatibility"), role="privacy_officer", sub=OFFICER
    )
    own = await desk.find(request_id, "compatibility", sub=OFFICER)
    assert own.status_code == 403
    stray = await desk.find(request_id, "breach.risk-of-harm")
    assert stray.status_code == 422
    assert "compatibility" in stray.json()["errors"][0]["message"]


async def test_a_finding_is_signed_and_the_latest_counts(desk: Desk) -> None:
    request_id = await desk.asked(with_facts(base("routine-use-3"), {}, "compatibility"))
    said = (await desk.find(request_id, "compatibility", found=False)).json()
    keys = KeySet.import_key_set((await desk.client.get("/v1/keys")).json())
    claims = jwt.decode(said["signature"], keys).claims
    assert claims["sub"] == f"request:{request_id}"
    assert (claims["finding"], claims["found"], claims["by"]) == ("compatibility", False, "officer-9")
    assert (await desk.decide(request_id)).json()["outcome"] == "deny"
    await desk.find(request_id, "compatibility")
    decided = (await desk.decide(request_id)).json()
    assert decided["outcome"] == "allow"
    facts = (await desk.get(f"/v1/decisions/{decided['id']}")).json()["facts"]
    assert facts["compatibility.role"] == "privacy_officer"
    assert facts["compatibility.request"] == str(request_id)


async def test_who_asks_never_approves(desk: Desk) -> None:
    request_id = await desk.asked(role="privacy_officer", sub=OFFICER)
    refused = await desk.decide(request_id, sub=OFFICER, release=True)
    assert refused.status_code == 403
    assert refused.json()["type"].endswith("/own-request")
    assert await desk.count("decision") == 0
    assert (await desk.decide(request_id, sub="officer-2", release=True)).status_code == 201


@pytest.mark.parametrize(
    "role", ["analyst", "auditor", "supervisor", "case_system", "customer", "agent", "records_officer"]
)
async def test_only_a_privacy_officer_decides(desk: Desk, role: str) -> None:
    assert (await desk.decide(await desk.asked(), role=role)).status_code == 403
    assert await desk.count("decision") == 0


@pytest.mark.parametrize("role", ["customer", "agent", "auditor", "records_officer", "portal", "quality_reviewer"])
async def test_not_everybody_may_ask(desk: Desk, role: str) -> None:
    assert (await desk.ask(role=role)).status_code == 403
    assert await desk.count("disclosure_request") == 0


@pytest.mark.parametrize("role", ["analyst", "privacy_officer", "supervisor", "case_system"])
async def test_these_may_ask(desk: Desk, role: str) -> None:
    assert (await desk.ask(role=role)).status_code == 201


async def test_asking_twice_with_one_key_is_one_request(desk: Desk) -> None:
    transcript = await desk.transcript()
    one, two = [await desk.ask(transcripts=[transcript], key="k") for _ in range(2)]
    assert one.json() == two.json()
    assert await desk.count("disclosure_request") == 1
    assert len(await desk.told()) == 1
    other = await desk.ask(transcripts=[await desk.transcript()], key="k")
    assert other.status_code == 409
    without = await desk.client.post("/v1/requests", json={}, headers=desk.issuer.headers("analyst"))
    assert without.status_code == 422


@pytest.mark.req("S1-042")
@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"basis": "routine-use-13"}, "basis"),
        ({"recipient_kind": "neighbor"}, "recipient_kind"),
        ({"purpose": "curiosity"}, "purpose"),
        ({"facts": {"because": True}}, "facts"),
        ({"facts": {"archives.request": "Mrs. Jane Roe"}}, "facts.archives.request"),
        ({"facts": {"archives.request": "123-45-6789"}}, "facts.archives.request"),
        ({"transcript_ids": []}, "body.transcript_ids"),
    ],
)
async def test_words_that_the_notice_does_not_know_are_refused_by_field(
    desk: Desk, changes: dict[str, Any], field: str
) -> None:
    answer = await desk.ask(**changes)
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == [field]
    assert "Roe" not in answer.text
    assert "6789" not in answer.text
    assert await desk.count("disclosure_request") == 0
    assert await desk.told() == []


async def test_a_transcript_not_heard_of_yet_is_missing_until_it_is_heard_of(desk: Desk) -> None:
    late = uuid4()
    request_id = await desk.asked(transcripts=[await desk.transcript(), late])
    assert (await desk.decide(request_id)).json()["missing"] == [f"transcript.{late}"]
    assert (await desk.decide(request_id, release=True)).status_code == 422
    await desk.store.execute("INSERT INTO known_transcript VALUES ($1, $2)", late, desk.clock.now())
    said = (await desk.decide(request_id, release=True)).json()
    assert len(said["grant"]["transcript_ids"]) == 2
    assert await desk.count("accounting") == 1
    assert await desk.count("accounting_transcript") == 2


async def test_with_tax_information_withheld_the_original_stays(desk: Desk) -> None:
    question = with_facts(base("routine-use-7"), {"tax.return-information": "withheld"})
    request_id = await desk.asked(question)
    refused = await desk.decide(request_id, release=True, layer="original")
    assert refused.status_code == 422
    assert refused.json()["missing"] == ["tax.return-information"]
    assert await desk.count("release_grant") == 0
    assert (await desk.decide(request_id, release=True, layer="redacted")).status_code == 201


@pytest.mark.req("S1-061")
async def test_a_grant_ends_with_the_assignment_it_rests_on(desk: Desk, clock: FixedClock) -> None:
    """The assignment's last day ends at midnight at the agency's seat, before the hour of the grant is over."""
    clock.turn(seconds=(datetime(2026, 7, 1, 3, 30, tzinfo=UTC) - clock.now()).total_seconds())
    request_id = await desk.asked(base("routine-use-5"))
    said = (await desk.decide(request_id, release=True)).json()
    assert datetime.fromisoformat(said["grant"]["expires_at"]) == datetime(2026, 7, 1, 4, tzinfo=UTC)
    request_id = await desk.asked(base("routine-use-5"))
    clock.turn(minutes=31)
    refused = await desk.decide(request_id, release=True)
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == ["work.assignment-ends-on"]


async def test_events_say_what_happened_and_hold_nobody_s_values(desk: Desk) -> None:
    request_id = await desk.asked()
    said = (await desk.decide(request_id, release=True)).json()
    requested, decided = await desk.told()
    assert isinstance(requested.data, DisclosureRequested)
    assert isinstance(decided.data, DisclosureDecided)
    assert requested.subject == decided.subject == str(request_id)
    assert str(decided.data.decision_id) == said["id"]
    assert str(decided.data.accounting_id) == said["accounting_id"]
    assert decided.data.rule_version == said["rule_version"]
    for table in ("outbox", "audit_entry", "idempotency_key", "decision", "disclosure_request", "release_grant"):
        for row in await desk.store.fetch(f"SELECT * FROM {table}"):
            for value in row.values():
                text = value.decode() if isinstance(value, bytes) else str(value)
                assert "Quentin" not in text, table
                assert "Telltale" not in text, table


async def test_an_unknown_request_is_not_found(desk: Desk) -> None:
    assert (await desk.decide(uuid4())).status_code == 404


async def test_the_deciding_officer_s_facts_count_over_the_asker_s(desk: Desk) -> None:
    request_id = await desk.asked(role="analyst", sub=ASKER)
    said = (await desk.decide(request_id, facts={"archives.authority": "44-usc-3303a"})).json()
    assert said["outcome"] == "deny"


async def test_an_unknown_fact_of_the_officer_is_refused(desk: Desk) -> None:
    answer = await desk.decide(await desk.asked(), facts={"trust-me": True})
    assert answer.status_code == 422
    assert [e["field"] for e in answer.json()["errors"]] == ["facts"]
