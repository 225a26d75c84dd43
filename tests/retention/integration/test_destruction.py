"""Whoever asks that a record be destroyed is refused with the reasons, and the attempt is recorded (invariants 6 and 7)."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import httpx
import pytest

import retention
from common.auth import ROLES
from common.ids import new_id
from common.testing import Issuer
from retention.app import make_app
from retention.policy import VERSION
from tests.plugins.kit import REFUSED, execute_as_owner
from tests.retention.facts import action, requested, transcript
from tests.retention.integration.conftest import Store

AUDIT = "SELECT user_id, action, outcome, record_ids FROM audit_entry ORDER BY position"
ANYBODY = sorted(ROLES)


@pytest.mark.req("S1-090", "S1-091")
@pytest.mark.parametrize("role", ANYBODY)
async def test_destroying_an_unscheduled_record_is_refused_to_every_role(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, role: str
) -> None:
    fact = transcript()
    await store.hear(fact)
    answer = await client.post(f"/v1/records/{fact.transcript_id}/destruction", headers=issuer.headers(role))
    problem = answer.json()
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert problem["type"] == "https://muniment.dev/problems/destruction-refused"
    assert [r["code"] for r in problem["reasons"]] == ["UNSCHEDULED"]
    assert "1225.16(c)(2)" in problem["reasons"][0]["citation"]
    assert "permanent" in problem["detail"]
    assert [tuple(row) for row in await store.rows(AUDIT)] == [
        (f"{role}-1", "record.destroy", "refused", [str(fact.transcript_id)])
    ]
    assert await store.count("record") == 1


async def test_it_is_refused_to_all_roles_at_once(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    fact = requested()
    await store.hear(fact)
    headers = issuer.headers(*sorted(ROLES))
    assert (await client.post(f"/v1/records/{fact.request_id}/destruction", headers=headers)).status_code == 409


@pytest.mark.req("S3-026", "S3-028", "S3-076")
@pytest.mark.parametrize("years", [0, 16, 20])
async def test_a_production_record_of_any_age_is_kept_while_its_schedule_is_proposed(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, years: int
) -> None:
    done = datetime(2026 - years, 2, 1, 9, 0, tzinfo=UTC)
    fact = action(started_at=done, completed_at=done + timedelta(minutes=25))
    await store.hear(fact)
    path, officer = f"/v1/records/{fact.action_id}", issuer.headers("records_officer")
    refused = await client.post(f"{path}/destruction", headers=officer)
    assert refused.status_code == 409
    codes = [r["code"] for r in refused.json()["reasons"]]
    assert codes == ["UNSCHEDULED", "SCHEDULE_PROPOSED"]
    why = (await client.get(f"{path}/eligibility", headers=officer)).json()
    assert (why["outcome"], why["eligible_at"]) == ("not_eligible", None)
    assert [r["code"] for r in why["reasons"]] == codes
    assert await store.count("record") == 1


async def test_why_not_yet_names_every_reason_its_law_and_what_is_not_known(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    fact = transcript()
    await store.hear(fact)
    path = f"/v1/records/{fact.transcript_id}/eligibility"
    answer = (await client.get(path, headers=issuer.headers("auditor"))).json()
    assert answer["outcome"] == "not_eligible"
    assert answer["series"] == "chat-transcript"
    assert answer["missing"] == ["holds", "disputes"]
    assert answer["rule_version"] == VERSION
    assert answer["as_of"] == "2026-03-02T12:00:00Z"
    assert all(set(r) == {"code", "sentence", "citation"} and all(r.values()) for r in answer["reasons"])


async def test_whether_an_unknown_record_exists_is_told_to_those_who_may_look(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    absent = new_id()
    for role in ANYBODY:
        answer = await client.post(f"/v1/records/{absent}/destruction", headers=issuer.headers(role))
        assert answer.status_code == (404 if role in {"records_officer", "auditor"} else 403), role
    outcomes = {r["user_id"]: r["outcome"] for r in await store.rows(AUDIT)}
    assert len(outcomes) == len(ANYBODY)
    assert {user for user, outcome in outcomes.items() if outcome == "not_found"} == {"records_officer-1", "auditor-1"}


async def test_nobody_without_a_token_is_even_told_why(store: Store, client: httpx.AsyncClient) -> None:
    fact = transcript()
    await store.hear(fact)
    answer = await client.post(f"/v1/records/{fact.transcript_id}/destruction")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert "reasons" not in answer.json()


@pytest.mark.req("S1-091")
async def test_there_is_no_other_way_to_destroy(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    fact = transcript()
    await store.hear(fact)
    for method in ("DELETE", "PUT", "PATCH"):
        for path in (
            "/v1/records",
            f"/v1/records/{fact.transcript_id}",
            f"/v1/records/{fact.transcript_id}/destruction",
        ):
            answer = await client.request(method, path, headers=issuer.headers("records_officer"))
            assert answer.status_code == 405
    paths = make_app(store.settings).openapi()["paths"]
    changing = {path for path, methods in paths.items() if set(methods) - {"get"}}
    assert changing == {
        "/v1/records/{record_id}/destruction",
        "/v1/audit/entries/search",
    }  # a search: it changes nothing
    for source in Path(str(retention.__file__)).parent.rglob("*.py"):
        if "versions" not in source.parts:
            assert not re.search(r"\b(DELETE\s+FROM|TRUNCATE|UPDATE\s+record|session\.delete)\b", source.read_text()), (
                source
            )


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM record",
        "DELETE FROM record WHERE false",
        "TRUNCATE record",
        "UPDATE record SET status = 'UNSCHEDULED'",
        "UPDATE record SET closed_at = now()",
        "MERGE INTO record USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    ],
)
async def test_the_database_refuses_to_change_or_remove_a_line(store: Store, statement: str) -> None:
    """Also from a fault in the service's code, or by hand under the service's own role."""
    await store.hear(transcript())
    connection = await asyncpg.connect(store.url)
    with pytest.raises(REFUSED):
        await connection.execute(statement)
    await connection.close()
    with pytest.raises(asyncpg.RestrictViolationError):
        await execute_as_owner(store.url, statement)
    assert await store.count("record") == 1
