"""A request goes in, somebody else decides it, and what is allowed leaves with its accounting row and its grant."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from common.contracts.disclosure import DisclosureDecided, DisclosureRequested
from common.testing import FixedClock
from disclosure import publishing, repository
from disclosure.model import COMPANIONS
from disclosure.question import Question, TaxSpan
from tests.disclosure.cases import APPEAL, BASES, SIGNATURE, base, rows, signed_facts, with_facts
from tests.disclosure.desk import ASKER, OFFICER, RECIPIENT, Desk

TABLES = ("decision", "accounting", "accounting_transcript", "release_grant", "rule_set")


async def test_an_allowed_release_leaves_decision_accounting_and_grant(desk: Desk, clock: FixedClock) -> None:
    transcript = await desk.transcript()
    request_id = await desk.asked(transcripts=[transcript])
    answer = await desk.decide(request_id, release=True)
    assert answer.status_code == 201
    said = answer.json()
    assert (said["outcome"], said["missing"]) == ("allow", [])
    assert all(reason["citation"] for reason in said["reasons"])

    row = await desk.store.fetchrow("SELECT * FROM accounting")
    assert row is not None
    assert row["disclosed_at"] == clock.now()
    assert row["nature"] == "copy of 1 chat transcript(s), layer redacted"
    assert (row["basis"], row["purpose"]) == ("routine-use-7", "records-management-inspection")
    for column, value in RECIPIENT.items():
        assert value.encode() not in row[column]
        assert value not in str([tuple(r) for r in await desk.store.fetch("SELECT a::text FROM accounting AS a")])
    assert str(row["id"]) == said["accounting_id"]
    assert [r["transcript_id"] for r in await desk.store.fetch("SELECT * FROM accounting_transcript")] == [transcript]

    grant = said["grant"]
    keys = (await desk.client.get("/v1/keys")).json()
    claims = jwt.decode(grant["token"], KeySet.import_key_set(keys)).claims
    assert claims["aud"] == "transcripts"
    assert claims["jti"] == grant["id"]
    assert claims["transcript_ids"] == [str(transcript)]
    assert claims["layer"] == "redacted"
    assert claims["accounting_id"] == said["accounting_id"]
    assert claims["decision_id"] == said["id"]
    assert claims["exp"] == int((clock.now() + timedelta(hours=1)).timestamp())


async def test_a_decision_without_release_lets_nothing_out(desk: Desk) -> None:
    said = (await desk.decide(await desk.asked())).json()
    assert said["outcome"] == "allow"
    assert said["grant"] is None
    assert said["accounting_id"] is None
    assert [await desk.count(t) for t in TABLES] == [1, 0, 0, 0, 1]


async def test_undecided_names_what_is_missing_and_facts_may_follow(desk: Desk) -> None:
    request_id = await desk.asked(with_facts(base("routine-use-7"), {}, "archives.request"))
    first = (await desk.decide(request_id)).json()
    assert (first["outcome"], first["missing"]) == ("undecided", ["archives.request"])
    second = (await desk.decide(request_id, facts={"archives.request": "NARA-1"}, release=True)).json()
    assert second["outcome"] == "allow"
    detail = (await desk.get(f"/v1/requests/{request_id}")).json()
    assert [d["outcome"] for d in detail["decisions"]] == ["undecided", "allow"]


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


@pytest.mark.parametrize("basis", BASES)
async def test_a_release_that_is_not_allowed_is_refused_with_what_is_missing(desk: Desk, basis: str) -> None:
    """Each case of the table that does not allow: 422 with what stands against it, and nothing is stored or told."""
    transcript = await desk.transcript()
    for case in rows(basis):
        if case.outcome == "allow" or not reachable(case.question):
            continue
        request_id = await desk.asked(case.question, transcripts=[transcript])
        answer = await desk.decide(request_id, spans=at(transcript, case.question), release=True)
        assert answer.status_code == 422, case.name
        problem = answer.json()
        assert problem["type"].endswith("/not-allowed")
        assert problem["outcome"] == case.outcome
        assert problem.get("missing", []) == list(case.missing), case.name
        assert {e["field"] for e in problem["errors"]} == set(case.because or case.missing)
    assert [await desk.count(t) for t in TABLES] == [0, 0, 0, 0, 0]
    assert {e.data.event_type for e in await desk.told()} == {DisclosureRequested.event_type}


@pytest.mark.parametrize("basis", BASES)
async def test_every_case_that_allows_releases(desk: Desk, basis: str) -> None:
    for case in rows(basis):
        if case.outcome != "allow" or not reachable(case.question):
            continue
        transcript = await desk.transcript()
        request_id = await desk.asked(case.question, transcripts=[transcript])
        spans = [replace(s, authority="", authority_citation="") if not s.may_go else s for s in case.question.spans]
        answer = await desk.decide(
            request_id, spans=at(transcript, replace(case.question, spans=tuple(spans))), release=True
        )
        assert answer.status_code == 201, (case.name, answer.text)
        assert len(answer.json()["withheld"]) == case.withheld


def reachable(question: Question) -> bool:
    """Whether the store can come to hold such a question: no signature is missing a part, no dispute stands here."""
    broken = any(
        question.facts.get(f"{fact}.{part}") != SIGNATURE[part]
        for fact in signed_facts(question.basis) & set(question.facts)
        for part in COMPANIONS
    )
    return not broken and question.facts.get("dispute.standing") == "none"


def at(transcript: UUID, question: Question) -> list[TaxSpan] | None:
    return [replace(span, transcript_id=transcript) for span in question.spans] or None


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


@pytest.mark.req("S1-040", "S1-041")
async def test_lines_with_tax_information_stay_and_the_rest_goes(desk: Desk) -> None:
    transcript = await desk.transcript()
    request_id = await desk.asked(transcripts=[transcript])
    barred = {"transcript_id": str(transcript), "first": 3, "last": 4}
    lawful = {**barred, "first": 8, "last": 8, "authority": "statute", "authority_citation": "26-USC-6103-l-1"}
    spans = [TaxSpan(transcript, 3, 4), TaxSpan(transcript, 8, 8, "statute", "26-USC-6103-l-1")]
    assert (await desk.decide(request_id, spans=spans, release=True, layer="original")).status_code == 422
    unlawful = await desk.decide(request_id, spans=[TaxSpan(transcript, 3, 4, "agency-policy", "POLICY-1")])
    assert [e["field"] for e in unlawful.json()["errors"]] == ["tax_spans.0.authority"]
    stray = await desk.decide(request_id, spans=[TaxSpan(uuid4(), 1, 1)])
    assert [e["field"] for e in stray.json()["errors"]] == ["tax_spans.0.transcript_id"]
    said = (await desk.decide(request_id, spans=spans, release=True)).json()
    assert [(s["first"], s["last"]) for s in said["withheld"]] == [(3, 4)]
    claims = jwt.decode(
        said["grant"]["token"], KeySet.import_key_set((await desk.client.get("/v1/keys")).json())
    ).claims
    assert claims["withheld"] == [barred]
    assert lawful["first"] not in [s["first"] for s in claims["withheld"]]
    row = await desk.store.fetchrow("SELECT nature FROM accounting")
    assert row is not None
    assert "withheld" in row["nature"]
    assert (await desk.get(f"/v1/decisions/{said['id']}/replay")).json()["same"] is True


@pytest.mark.req("S1-057", "S1-063")
async def test_the_grant_names_the_elements_that_may_go(desk: Desk) -> None:
    said = (await desk.decide(await desk.asked(base("routine-use-6")), release=True)).json()
    claims = jwt.decode(
        said["grant"]["token"], KeySet.import_key_set((await desk.client.get("/v1/keys")).json())
    ).claims
    assert claims["elements"] == ["name", "time-and-topic"]
    assert claims["withheld"] == []


@pytest.mark.req("S3-084")
async def test_production_figures_that_leave_are_accounted_for(desk: Desk) -> None:
    """Under the other notice the records are named and held by production, so the grant is for that service."""
    export = uuid4()
    said = (await desk.decide(await desk.asked(base(APPEAL), transcripts=[export]), release=True)).json()
    assert said["rule_version"].startswith("DHS/ALL-019/2015+")
    claims = jwt.decode(
        said["grant"]["token"], KeySet.import_key_set((await desk.client.get("/v1/keys")).json())
    ).claims
    assert claims["aud"] == "production"
    row = await desk.store.fetchrow("SELECT nature, purpose FROM accounting")
    assert row is not None
    assert (row["nature"].split(",")[0], row["purpose"]) == (
        "copy of 1 set(s) of production figures",
        "performance-appeal",
    )


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


async def test_a_request_is_released_once(desk: Desk) -> None:
    request_id = await desk.asked()
    assert (await desk.decide(request_id, release=True)).status_code == 201
    again = await desk.decide(request_id, release=True)
    assert again.status_code == 409
    assert [await desk.count(t) for t in TABLES] == [1, 1, 1, 1, 1]


async def test_sent_again_it_is_answered_again_and_released_once(desk: Desk) -> None:
    request_id = await desk.asked(key="k")
    answers = await asyncio.gather(*(desk.decide(request_id, release=True, key="d") for _ in range(4)))
    assert {a.status_code for a in answers} == {201}
    assert len({a.content for a in answers}) == 1
    assert await desk.count("release_grant") == 1
    assert len([e for e in await desk.told() if isinstance(e.data, DisclosureDecided)]) == 1


async def test_two_officers_at_once_release_once(desk: Desk) -> None:
    request_id = await desk.asked()
    answers = await asyncio.gather(*(desk.decide(request_id, release=True, sub=f"officer-{n}") for n in range(4)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409, 409]
    assert await desk.count("accounting") == 1


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


async def test_the_release_is_one_transaction(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever part fails, and wherever: no decision, no accounting row, no grant, no event stands."""
    request_id = await desk.asked()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the power went out")

    whole = repository.add_release

    async def half(session: Any, row: Any, _grant: Any, _records: Any) -> None:
        session.add(row)
        await session.flush()
        await fail()

    for target, name, broken in (
        (publishing, "tell_decided", fail),
        (repository, "add_release", half),
        (repository, "keep_rules", fail),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, broken)
            assert (await desk.decide(request_id, release=True)).status_code == 500
        assert [await desk.count(t) for t in TABLES] == [0, 0, 0, 0, 0]
        assert len(await desk.told()) == 1
    assert repository.add_release is whole
    assert (await desk.decide(request_id, release=True)).status_code == 201


async def test_a_killed_connection_leaves_nothing_of_a_release(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the session after accounting row and grant were written and before the commit."""
    request_id = await desk.asked()
    whole = repository.add_release

    async def then_die(session: Any, row: Any, grant: Any, records: Any) -> None:
        await whole(session, row, grant, records)
        await desk.store.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )

    with monkeypatch.context() as patch:
        patch.setattr(repository, "add_release", then_die)
        assert (await desk.decide(request_id, release=True)).status_code == 503
    assert [await desk.count(t) for t in TABLES] == [0, 0, 0, 0, 0]
    assert (await desk.decide(request_id, release=True)).status_code == 201


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
