"""Whoever asks that a record be destroyed is refused with the reasons, and the attempt is recorded (invariants 6 and 7)."""

import httpx
import pytest

from common.auth import ROLES
from common.testing import Issuer
from tests.retention.facts import transcript
from tests.retention.integration.conftest import Store

AUDIT = "SELECT user_id, action, outcome, record_ids FROM audit_entry ORDER BY position"


@pytest.mark.req("S1-090")
@pytest.mark.parametrize("role", [*sorted(ROLES), "nobody"])
async def test_destroying_an_unscheduled_record_is_refused_to_every_role(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, role: str
) -> None:
    fact = transcript()
    await store.hear(fact)
    answer = await client.post(f"/v1/records/{fact.transcript_id}/destruction", headers=issuer.headers(role))
    problem = answer.json()
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    assert [r["code"] for r in problem["reasons"]] == ["UNSCHEDULED"]
    assert "1225.16(c)(2)" in problem["reasons"][0]["citation"]
    assert "permanent" in problem["detail"]
    assert [tuple(row) for row in await store.rows(AUDIT)] == [
        (f"{role}-1", "record.destroy", "refused", [str(fact.transcript_id)])
    ]
    assert await store.count("record") == 1
