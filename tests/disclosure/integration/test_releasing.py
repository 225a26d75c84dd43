"""What is allowed leaves with its accounting row and its grant, and nothing else leaves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from common.contracts.disclosure import DisclosureDecided, DisclosureRequested
from common.database import fetch_all
from common.testing import FixedClock
from disclosure import publishing, repository
from disclosure.model import COMPANIONS
from disclosure.question import Question, TaxSpan
from tests.disclosure.cases import APPEAL, BASES, SIGNATURE, base, rows, signed_facts
from tests.disclosure.desk import PERSON_ADDRESS, RECIPIENT, Desk

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
            request_id,
            spans=at(transcript, replace(case.question, spans=tuple(spans))),
            release=True,
            person_address=PERSON_ADDRESS if basis == "b8" else "",
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


async def test_the_release_is_one_transaction(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever part fails, and wherever: no decision, no accounting row, no grant, no event stands."""
    request_id = await desk.asked()

    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the power went out")

    whole = repository.add_grant

    async def half(session: Any, grant: Any) -> None:
        await whole(session, grant)
        assert await fetch_all(session, "SELECT FROM release_grant"), "it was not written"
        await fail()

    for target, name, broken in (
        (publishing, "tell_decided", fail),
        (repository, "add_grant", half),
        (repository, "keep_rules", fail),
    ):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, broken)
            assert (await desk.decide(request_id, release=True)).status_code == 500
        assert [await desk.count(t) for t in TABLES] == [0, 0, 0, 0, 0]
        assert len(await desk.told()) == 1
    assert repository.add_grant is whole
    assert (await desk.decide(request_id, release=True)).status_code == 201


async def test_a_killed_connection_leaves_nothing_of_a_release(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server ends the session after accounting row and grant were written and before the commit."""
    request_id = await desk.asked()
    whole = repository.add_grant

    async def then_die(session: Any, grant: Any) -> None:
        await whole(session, grant)
        assert await fetch_all(session, "SELECT FROM release_grant"), "it was not written"
        await desk.store.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND state = 'idle in transaction'"
        )

    with monkeypatch.context() as patch:
        patch.setattr(repository, "add_grant", then_die)
        assert (await desk.decide(request_id, release=True)).status_code == 503
    assert [await desk.count(t) for t in TABLES] == [0, 0, 0, 0, 0]
    assert (await desk.decide(request_id, release=True)).status_code == 201
