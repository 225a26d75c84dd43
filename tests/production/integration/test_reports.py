"""An employee's own day, a supervisor's team, and who is refused what (S3 2.1, 3.4)."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from common.auth import EMPLOYEES, ROLES
from common.ids import new_id
from common.testing import Issuer, client_of
from production.app import make_app
from tests.production.integration.conftest import Store
from tests.production.work import KEYRING, MORNING, action, chat, transcript

OWN = "/v1/reports/daily/me"
TEAM = "/v1/reports/team"
NAMED = "/v1/reports/daily/employees/{}"
DAY = {"date": "2026-03-02"}
FOR = DAY | {"purpose": "reporting"}
AUDIT = "SELECT user_id, action, outcome, purpose, record_ids, fields, terminal FROM audit_entry ORDER BY position"
Assign = Callable[..., Awaitable[httpx.Response]]


def of(pin: str, minutes: int = 25) -> dict[str, object]:
    return action(pii={"employee_pin": pin}, completed_at=(MORNING + timedelta(minutes=minutes)).isoformat())


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
        of("100002"),
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


async def test_a_chat_counts_before_its_transcript_is_sealed(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    session = new_id()
    await store.hear_data(chat(session))
    report = (await client.get(OWN, params=DAY, headers=issuer.headers("agent"))).json()
    assert report["totals"]["chats"] == 1
    assert [(c["session_id"], c["transcript_id"], c["message_count"]) for c in report["chats"]] == [
        (str(session), None, None)
    ]
    await store.hear_data(transcript(session))
    report = (await client.get(OWN, params=DAY, headers=issuer.headers("agent"))).json()
    assert report["totals"] == {"actions": 1, "minutes": 25.0, "chats": 1, "messages": 12}


async def test_a_day_begins_at_midnight_of_the_settings_zone(store: Store, issuer: Issuer) -> None:
    late = datetime(2026, 3, 3, 4, 59, tzinfo=UTC)  # 23:59 on 2 March in New York
    await store.hear_data(
        action(started_at=late.isoformat(), completed_at=late.isoformat()),
        action(started_at=late.isoformat(), completed_at=(late + timedelta(minutes=1)).isoformat()),
    )
    settings = store.settings.model_copy(update={"report_time_zone": "America/New_York"})
    async with client_of(make_app(settings, clock=store.clock, keyring=KEYRING)) as client:
        for day, actions in (("2026-03-02", 1), ("2026-03-03", 1), ("2026-03-04", 0)):
            report = (await client.get(OWN, params={"date": day}, headers=issuer.headers("agent"))).json()
            assert (report["totals"]["actions"], report["time_zone"]) == (actions, "America/New_York")


async def test_today_is_reported_where_no_day_is_named(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    await store.hear_data(action())
    report = (await client.get(OWN, headers=issuer.headers("agent"))).json()
    assert (report["date"], report["totals"]["actions"]) == ("2026-03-02", 1)


@pytest.mark.req("S3-035", "S3-064")
async def test_whose_day_it_is_stands_in_the_token_and_nowhere_else(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    await store.hear_data(action(), of("100002"))
    asked = DAY | {"pin": "100002", "employee_pin": "100002"}
    report = (await client.get(OWN, params=asked, headers=issuer.headers("agent"))).json()
    assert (report["employee_pin"], report["totals"]["actions"]) == ("100001", 1)
    for role in sorted(EMPLOYEES):
        refused = await client.get(NAMED.format("100002"), params=FOR, headers=issuer.headers(role))
        assert refused.status_code == 403, role
    without = await client.get(OWN, params=DAY, headers=issuer.headers("agent", pin=None))
    assert (without.status_code, without.json()["missing"]) == (403, ["token.pin"])


@pytest.mark.req("S3-008")
async def test_a_team_is_reported_employee_by_employee_and_as_a_whole(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    for pin in ("100001", "100002", "100003"):
        assert (await assign(pin, {"valid_from": "2026-01-05"})).status_code == 200
    assert (await assign("100004", {"valid_from": "2026-01-05", "supervisor_pin": "200002"})).status_code == 200
    session = new_id()
    await store.hear_data(
        chat(session), transcript(session), of("100001", 10), of("100002", 5), of("100004"), of("200001")
    )
    answer = await client.get(TEAM, params=FOR, headers=issuer.headers("supervisor", pin="200001"))
    report = answer.json()
    assert answer.status_code == 200
    assert [(e["employee_pin"], e["totals"]) for e in report["employees"]] == [
        ("100001", {"actions": 2, "minutes": 35.0, "chats": 1, "messages": 12}),
        ("100002", {"actions": 1, "minutes": 5.0, "chats": 0, "messages": 0}),
        ("100003", {"actions": 0, "minutes": 0.0, "chats": 0, "messages": 0}),
    ]
    assert report["totals"] == {"actions": 3, "minutes": 40.0, "chats": 1, "messages": 12}
    assert report["not_shown"] == 0


@pytest.mark.req("S3-065")
async def test_a_supervisor_loses_sight_of_an_employee_who_moves_away(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    old, new = (issuer.headers("supervisor", pin=pin, lifetime=timedelta(days=3)) for pin in ("200001", "200002"))
    await assign("100001", {"valid_from": "2026-01-05"})
    await store.hear_data(of("100001"))
    named = NAMED.format("100001")
    assert (await client.get(named, params=FOR, headers=old)).json()["totals"]["actions"] == 1
    await assign(
        "100001",
        {"valid_from": "2026-01-05", "valid_to": "2026-03-03"},
        {"valid_from": "2026-03-03", "supervisor_pin": "200002"},
    )
    assert (await client.get(named, params=FOR, headers=old)).status_code == 200, "still theirs on the last day"
    store.clock.turn(days=1)
    assert (await client.get(named, params=FOR, headers=old)).status_code == 403
    team = (await client.get(TEAM, params=FOR, headers=old)).json()
    assert (team["employees"], team["not_shown"]) == ([], 1)
    after = FOR | {"date": "2026-03-03"}
    assert (await client.get(named, params=after, headers=new)).status_code == 200
    assert (await client.get(named, params=FOR, headers=new)).status_code == 403, "that day belonged to another"


@pytest.mark.req("S3-020")
async def test_a_supervisor_of_another_office_sees_nobody_here(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    await assign("100001", {"valid_from": "2026-01-05"})
    await store.hear_data(of("100001"))
    elsewhere = issuer.headers("supervisor", pin="200009", office="S02")
    assert (await client.get(TEAM, params=FOR, headers=elsewhere)).json()["employees"] == []
    refused = await client.get(NAMED.format("100001"), params=FOR, headers=elsewhere)
    unknown = await client.get(NAMED.format("999999"), params=FOR, headers=elsewhere)
    assert (refused.status_code, unknown.status_code) == (403, 403)
    assert refused.json()["detail"] == unknown.json()["detail"], "whether there is such an employee is not told"
    chart = await client.get("/v1/employees/100001/assignments", headers=issuer.headers("office_admin", office="S02"))
    assert chart.status_code == 403


@pytest.mark.req("S3-085")
async def test_own_figures_can_be_seen_at_any_hour_alone_or_with_the_supervisor(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    await assign("100001", {"valid_from": "2026-01-05"})
    await store.hear_data(of("100001"))
    for _ in range(24):
        store.clock.turn(hours=1)
        own = await client.get(OWN, params=DAY, headers=issuer.headers("agent"))
        named = await client.get(NAMED.format("100001"), params=FOR, headers=issuer.headers("supervisor", pin="200001"))
        assert (own.status_code, named.status_code) == (200, 200)
        assert own.json()["totals"] == named.json()["totals"]


@pytest.mark.req("S3-040", "S3-109")
@pytest.mark.parametrize("role", [*sorted(ROLES), "nobody"])
async def test_each_role_opens_the_reports_of_its_duties_and_no_others(
    client: httpx.AsyncClient, issuer: Issuer, role: str
) -> None:
    headers = issuer.headers(role, pin="100001", office="S01")
    own, team, named, chart = [
        (await client.get(path, params=FOR, headers=headers)).status_code
        for path in (OWN, TEAM, NAMED.format("100001"), "/v1/employees/100009/assignments")
    ]
    assert own == (200 if role in EMPLOYEES else 403)
    assert team == (200 if role == "supervisor" else 403)
    assert named == 403, "not even one's own by this way"
    assert chart == 403


async def test_without_a_token_nothing_is_shown(client: httpx.AsyncClient) -> None:
    for path in (OWN, TEAM, NAMED.format("100001"), "/v1/employees/100001/assignments"):
        answer = await client.get(path, params=FOR)
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.req("S3-041")
async def test_there_are_three_purposes_and_no_fourth(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    supervisor = issuer.headers("supervisor", pin="200001")
    for purpose in ("production", "performance", "reporting"):
        for path in (OWN, TEAM):
            answer = await client.get(path, params=DAY | {"purpose": purpose}, headers=supervisor)
            assert (answer.status_code, answer.json()["purpose"]) == (200, purpose)
    assert [row["purpose"] for row in await store.rows(AUDIT)] == [
        "production", "production", "performance", "performance", "reporting", "reporting",
    ]  # fmt: skip
    for path in (OWN, TEAM):
        assert (await client.get(path, params=DAY | {"purpose": "discipline"}, headers=supervisor)).status_code == 403
    unsaid = await client.get(TEAM, params=DAY, headers=supervisor)
    assert (unsaid.status_code, unsaid.json()["missing"]) == (403, ["purpose"])
    assert unsaid.json()["purposes"] == ["performance", "production", "reporting"]
    said = await client.get(TEAM, params=DAY, headers=supervisor | {"Purpose-Of-Use": "production"})
    assert said.status_code == 200


@pytest.mark.req("S3-105")
async def test_every_look_leaves_one_entry_with_ids_and_fields_and_no_values(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    await assign("100001", {"valid_from": "2026-01-05"})
    await store.hear_data(of("100001"))
    mine = str(await store.employee("100001"))
    before = await store.count("audit_entry")
    await client.get(OWN, params=DAY, headers=issuer.headers("agent"))
    await client.get(TEAM, params=FOR, headers=issuer.headers("supervisor", pin="200001"))
    await client.get(TEAM, params=FOR, headers=issuer.headers("agent"))
    await client.get(NAMED.format("100001"), params=FOR, headers=issuer.headers("supervisor", pin="200002"))
    entries = (await store.rows(AUDIT))[before:]
    assert [tuple(e)[:5] for e in entries] == [
        ("agent-1", "report.own", "done", "performance", [mine]),
        ("supervisor-1", "report.team", "done", "reporting", [mine]),
        ("agent-1", "report.team", "refused", "reporting", []),
        ("supervisor-1", "report.named", "refused", "reporting", []),
    ]
    assert entries[0]["fields"] == ["kind", "form_type", "hour_type", "actions", "minutes", "messages"]
    assert all(e["terminal"] for e in entries)
    assert "100001" not in str([tuple(e) for e in await store.rows("SELECT * FROM audit_entry")])
