"""An employee's own day, a supervisor's team, and who is refused what (S3 2.1, 3.4)."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from common.auth import ROLES
from common.ids import new_id
from common.testing import Issuer
from production.permissions import EMPLOYEES
from tests.production.integration.conftest import Store
from tests.production.work import MORNING, action, chat, transcript

OWN = "/v1/reports/daily/me"
TEAM = "/v1/reports/team"
NAMED = "/v1/reports/daily/employees/{}"
DAY = {"date": "2026-03-02"}
FOR = DAY | {"purpose": "reporting"}
Assign = Callable[..., Awaitable[httpx.Response]]


@pytest.mark.req("S3-008")
async def test_own_day_counts_what_was_completed_and_how_long_it_took(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    session = new_id()
    await store.hear_data(
        action(),
        action(completed_at=(MORNING + timedelta(minutes=10)).isoformat()),
        action(form_type="N-400", kind="interview"),
        chat(session),
        transcript(session),
        action(pii={"employee_pin": "100002"}),
    )
    answer = await client.get(OWN, params=DAY, headers=issuer.headers("agent"))
    report = answer.json()
    assert answer.status_code == 200
    assert report["employee_pin"] == "100001"
    assert report["totals"] == {"actions": 4, "minutes": 85.0, "chats": 1, "messages": 12}
    assert [(a["kind"], a["form_type"], a["actions"], a["minutes"]) for a in report["actions"]] == [
        ("case_adjudicated", "I-90", 2, 35.0),
        ("chat_handled", "retirement", 1, 25.0),
        ("interview", "N-400", 1, 25.0),
    ]
    assert [(c["session_id"], c["message_count"]) for c in report["chats"]] == [(str(session), 12)]
