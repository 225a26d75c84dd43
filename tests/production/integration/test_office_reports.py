"""Who sees the reports of which office and region (S3 2.1): by the dated register of offices, then and now."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from common.auth import EMPLOYEES
from common.testing import Issuer, client_of
from production.app import make_app
from tests.production.integration.conftest import Store
from tests.production.work import KEYRING, MORNING, action

OFFICE, REGION, NAMED = "/v1/reports/offices/{}", "/v1/reports/regions/{}", "/v1/reports/daily/employees/{}"
DAY = {"date": "2026-03-02", "purpose": "reporting"}
Assign = Callable[..., Awaitable[httpx.Response]]

REGISTER = """
offices:
  S01: [{ from: 2020-01-01, answers_to: R1 }]
  S02: [{ from: 2020-01-01, answers_to: R1 }]
  S03: [{ from: 2020-01-01, answers_to: R2 }]
  S04: [{ from: 2020-01-01, answers_to: R2 }, { from: 2026-03-01, answers_to: R1 }]
  H01: [{ from: 2020-01-01, answers_to: headquarters }]
  H02: [{ from: 2020-01-01, answers_to: headquarters }, { from: 2026-03-05, answers_to: R1 }]
"""


@pytest.fixture
async def store(store: Store, tmp_path: Path) -> Store:
    file = tmp_path / "offices.yaml"
    file.write_text(REGISTER)
    store.settings = store.settings.model_copy(update={"offices_file": file})
    offices = (("S01", 2), ("S02", 1), ("S03", 1), ("S04", 1), ("H01", 1), ("H02", 1))
    await store.hear_data(*(action(office=office) for office, number in offices for _ in range(number)))
    return store


async def seen(client: httpx.AsyncClient, issuer: Issuer, role: str, path: str, **claims: str) -> int:
    day = claims.pop("day", "2026-03-02")
    answer = await client.get(path, params=DAY | {"date": day}, headers=issuer.headers(role, **claims))
    return answer.status_code


@pytest.mark.req("S3-036", "S3-037", "S3-038", "S3-039")
@pytest.mark.parametrize(
    ("role", "office", "region", "sees"),
    [
        ("analyst", "S01", "R1", {"S01"}),
        ("supervisor", "S02", "R1", {"S02"}),
        ("office_admin", "S03", "R2", {"S03"}),
        ("regional_admin", "S01", "R1", {"S01", "S02", "S04"}),
        ("regional_admin", "S03", "R2", {"S03"}),
        ("regional_admin", "H01", "headquarters", set()),
        ("hq_admin", "H09", "headquarters", {"H01", "H02"}),
        ("agent", "S01", "R1", set()),
        ("auditor", "S01", "R1", set()),
    ],
)
async def test_an_offices_totals_are_seen_by_who_is_over_it(
    client: httpx.AsyncClient, issuer: Issuer, *, role: str, office: str, region: str, sees: set[str]
) -> None:
    asked = ("S01", "S02", "S03", "S04", "H01", "H02", "S99")
    found = {one: await seen(client, issuer, role, OFFICE.format(one), office=office, region=region) for one in asked}
    assert {one for one, status in found.items() if status == 200} == sees
    assert set(found.values()) <= {200, 403}


@pytest.mark.req("S3-038", "S3-039")
async def test_a_regions_totals_are_seen_by_the_region_and_by_headquarters(
    client: httpx.AsyncClient, issuer: Issuer
) -> None:
    for role, region, sees in (
        ("hq_admin", "headquarters", {"R1", "R2"}),
        ("regional_admin", "R1", {"R1"}),
        ("regional_admin", "R2", {"R2"}),
        ("regional_admin", "headquarters", set()),
        *((role, "R1", set[str]()) for role in sorted(EMPLOYEES - {"hq_admin", "regional_admin"})),
    ):
        asked = ("R1", "R2", "R9", "headquarters")
        found = {one for one in asked if await seen(client, issuer, role, REGION.format(one), region=region) == 200}
        assert found == sees, (role, region)


async def test_what_an_office_answered_to_counts_then_and_now(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    """S04 came to R1 on 1 March, H02 goes to R1 on 5 March."""
    over_r1 = {"office": "S01", "region": "R1"}
    s04, h02 = OFFICE.format("S04"), OFFICE.format("H02")
    assert await seen(client, issuer, "regional_admin", s04, **over_r1) == 200
    assert await seen(client, issuer, "regional_admin", s04, day="2026-02-28", **over_r1) == 403
    assert await seen(client, issuer, "regional_admin", s04, day="2026-02-28", office="S03", region="R2") == 403
    assert await seen(client, issuer, "hq_admin", h02, office="H09") == 200
    store.clock.turn(days=4)
    assert await seen(client, issuer, "hq_admin", h02, office="H09") == 403
    headers = issuer.headers("hq_admin")
    then = await client.get(REGION.format("R1"), params=DAY | {"date": "2026-02-28"}, headers=headers)
    now = await client.get(REGION.format("R1"), params=DAY | {"date": "2026-03-05"}, headers=headers)
    assert [o["office"] for o in then.json()["offices"]] == ["S01", "S02"]
    assert [o["office"] for o in now.json()["offices"]] == ["H02", "S01", "S02", "S04"]


@pytest.mark.req("S3-036")
async def test_totals_of_an_office_name_nobody(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    late = (MORNING + timedelta(minutes=5)).isoformat()
    await store.hear_data(action(pii={"employee_pin": "100002"}, completed_at=late), action(form_type="N-400"))
    answer = await client.get(OFFICE.format("S01"), params=DAY, headers=issuer.headers("analyst"))
    report = answer.json()
    assert (report["office"], report["totals"]["actions"], report["totals"]["minutes"]) == ("S01", 4, 80.0)
    assert [(a["form_type"], a["actions"]) for a in report["actions"]] == [("I-90", 3), ("N-400", 1)]
    assert "10000" not in answer.text
    assert str(await store.employee("100001")) not in answer.text
    region = await client.get(REGION.format("R1"), params=DAY, headers=issuer.headers("hq_admin"))
    assert [(o["office"], o["totals"]["actions"]) for o in region.json()["offices"]] == [
        ("S01", 4), ("S02", 1), ("S04", 1),
    ]  # fmt: skip
    assert region.json()["totals"]["actions"] == 6
    entries = await store.rows("SELECT action, record_ids FROM audit_entry ORDER BY position")
    assert [tuple(e) for e in entries] == [
        ("report.office", ["office:S01"]),
        ("report.region", ["region:R1", "office:S01", "office:S02", "office:S04"]),
    ]


@pytest.mark.req("S3-036", "S3-037", "S3-038")
async def test_an_employees_day_is_seen_by_the_administrators_of_their_office_and_region_and_by_no_analyst(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    await assign("100001", {"valid_from": "2026-01-05", "office": "S01"})
    path = NAMED.format("100001")
    for role, office, region, status in (
        ("office_admin", "S01", "R1", 200),
        ("office_admin", "S02", "R1", 403),
        ("regional_admin", "S02", "R1", 200),
        ("regional_admin", "S03", "R2", 403),
        ("hq_admin", "H01", "headquarters", 403),
        ("analyst", "S01", "R1", 403),
        ("agent", "S01", "R1", 403),
    ):
        pin = {"pin": "900002"}
        assert await seen(client, issuer, role, path, office=office, region=region, **pin) == status, (role, office)
    assert await seen(client, issuer, "office_admin", NAMED.format("100099"), office="S01") == 403
    assert await seen(client, issuer, "office_admin", path, office="S01", day="2026-01-04") == 403, "not there yet"


async def test_a_register_that_does_not_hold_together_stops_the_service(store: Store, tmp_path: Path) -> None:
    for text in (
        "offices: { S01: [{ from: 2026-01-01, answers_to: R1 }, { from: 2025-01-01, answers_to: R2 }] }",
        "offices: { S01: [{ from: 2026-01-01, answer_to: R1 }] }",
        "office: {}",
    ):
        (tmp_path / "offices.yaml").write_text(text)
        with pytest.raises(ValueError, match="offices"):
            make_app(store.settings, clock=store.clock, keyring=KEYRING)
    (tmp_path / "offices.yaml").unlink()
    with pytest.raises(OSError, match="offices"):
        async with client_of(make_app(store.settings, clock=store.clock, keyring=KEYRING)):
            pass
