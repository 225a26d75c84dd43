"""The dated organisation chart: who may change it, and that nothing in it is lost."""

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
import httpx
import pytest

from common.auth import ROLES
from common.contracts.personal import SealedPii
from common.contracts.production import ChartPii, EmployeeAssigned
from common.ids import new_id
from common.protection.events import unpacked
from common.testing import Issuer
from tests.production.integration.conftest import ASSIGNMENTS, Store
from tests.production.work import KEYRING

PATH = ASSIGNMENTS.format("100001")
Assign = Callable[..., Awaitable[httpx.Response]]
HERE = {"office": "S01", "region": "R1", "supervisor_pin": "200001", "valid_from": "2026-01-05", "valid_to": None}


def body(*assignments: dict[str, Any]) -> dict[str, Any]:
    return {"assignments": [HERE | a for a in assignments]}


@pytest.fixture
def administrator(issuer: Issuer) -> dict[str, str]:
    return issuer.headers("office_admin", pin="900001")


async def test_a_history_is_put_and_read_back(client: httpx.AsyncClient, administrator: dict[str, str]) -> None:
    wanted = body({"valid_to": "2026-02-01"}, {"valid_from": "2026-02-01", "supervisor_pin": None})
    put = await client.put(PATH, json=wanted, headers=administrator)
    assert (put.status_code, put.headers["ETag"]) == (200, '"1"')
    got = await client.get(PATH, headers=administrator)
    assert got.json() == put.json()
    assert got.json()["assignments"] == wanted["assignments"]


async def test_a_change_is_told_whole_and_nobodys_number_is_in_the_open(
    store: Store, client: httpx.AsyncClient, administrator: dict[str, str]
) -> None:
    wanted = body({"valid_to": "2026-02-01"}, {"valid_from": "2026-02-01", "supervisor_pin": None})
    put = (await client.put(PATH, json=wanted, headers=administrator)).json()
    (row,) = await store.rows("SELECT key, value FROM outbox WHERE topic = 'employee.assigned'")
    told = EmployeeAssigned.model_validate_json(row["value"])
    assert (row["key"], told.revision) == (put["employee_id"], 1)
    assert [str(p.valid_from) for p in told.places] == ["2026-01-05", "2026-02-01"]
    assert isinstance(told.pii, SealedPii)
    keys = await KEYRING.find({told.pii.key})
    pii = ChartPii.model_validate_json(keys[told.pii.key].open(unpacked(told.pii.sealed), told.place.encode()))
    assert (pii.employee_pin, pii.supervisor_pins) == ("100001", ["200001", ""])


@pytest.mark.req("S3-044")
async def test_an_edit_keeps_what_was_there_and_who_changed_it(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, administrator: dict[str, str]
) -> None:
    await client.put(PATH, json=body({}), headers=administrator)
    store.clock.turn(minutes=5)
    other = issuer.headers("office_admin", sub="admin-2", pin="900002") | {"If-Match": '"1"'}
    assert (await client.put(PATH, json=body({"supervisor_pin": "200002"}), headers=other)).status_code == 200
    rows = await store.rows(
        "SELECT supervisor_id, recorded_by, superseded_by, superseded_at - recorded_at AS stood FROM assignment "
        "ORDER BY recorded_at"
    )
    assert [(r["supervisor_id"], r["recorded_by"], r["superseded_by"]) for r in rows] == [
        (await store.employee("200001"), "office_admin-1", "admin-2"),
        (await store.employee("200002"), "admin-2", None),
    ]
    assert rows[0]["stood"].total_seconds() == 300
    audit = await store.rows(
        "SELECT user_id, roles, action, outcome, record_ids, fields FROM audit_entry ORDER BY position"
    )
    assert [tuple(r)[:4] for r in audit] == [
        ("office_admin-1", ["office_admin"], "assignments.set", "done"),
        ("admin-2", ["office_admin"], "assignments.set", "done"),
    ]
    assert [len(r["record_ids"]) for r in audit] == [2, 3], "the employee, and the rows that came or went"


async def test_putting_what_is_there_changes_nothing(
    store: Store, client: httpx.AsyncClient, administrator: dict[str, str]
) -> None:
    await client.put(PATH, json=body({}), headers=administrator)
    again = await client.put(PATH, json=body({}), headers=administrator | {"If-Match": '"1"'})
    assert (again.status_code, again.headers["ETag"]) == (200, '"1"')
    assert await store.count("assignment") == 1


@pytest.mark.parametrize(("etag", "status"), [(None, 428), ('"0"', 412), ('"2"', 412), ("*", 412), ('W/"1"', 200)])
async def test_an_edit_names_the_version_it_means(
    store: Store, client: httpx.AsyncClient, administrator: dict[str, str], etag: str | None, status: int
) -> None:
    await client.put(PATH, json=body({}), headers=administrator)
    conditions = {} if etag is None else {"If-Match": etag}
    answer = await client.put(PATH, json=body({"supervisor_pin": "200002"}), headers=administrator | conditions)
    assert answer.status_code == status
    assert await store.count("assignment") == (2 if status == 200 else 1)


@pytest.mark.req("S3-020")
async def test_an_administrator_changes_rows_of_their_own_office_alone(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, administrator: dict[str, str]
) -> None:
    elsewhere = issuer.headers("office_admin", pin="900002", office="S02")
    assert (await client.put(PATH, json=body({}), headers=elsewhere)).status_code == 403
    assert (await client.put(PATH, json=body({}), headers=administrator)).status_code == 200
    left, come = {"valid_to": "2026-04-01"}, {"valid_from": "2026-04-01", "office": "S02"}
    for who, wanted, etag, status in (
        (administrator, body(left, come), '"1"', 403),
        (elsewhere, body(left, come), '"1"', 403),
        (administrator, body(left), '"1"', 200),
        (elsewhere, body(left, come), '"2"', 200),
        (elsewhere, body(come), '"3"', 403),
    ):
        answer = await client.put(PATH, json=wanted, headers=who | {"If-Match": etag})
        assert answer.status_code == status
    assert (await client.get(PATH, headers=elsewhere)).status_code == 200
    assert [r["outcome"] for r in await store.rows("SELECT outcome FROM audit_entry ORDER BY position")] == [
        "refused", "done", "refused", "refused", "done", "done", "refused", "done",
    ]  # fmt: skip


async def test_nobody_changes_their_own_place(client: httpx.AsyncClient, issuer: Issuer) -> None:
    answer = await client.put(PATH, json=body({}), headers=issuer.headers("office_admin", pin="100001"))
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (body({}, {"valid_from": "2026-02-01"}), ["assignments.1.valid_from"]),
        (body({"valid_to": "2026-01-05"}), ["assignments.0.valid_to"]),
        (body({"supervisor_pin": "100001"}), ["assignments.0.supervisor_pin"]),
        (body({"supervisor_pin": "Jane Smith"}), ["assignments.0.supervisor_pin"]),
        (body({"name": "Jane Smith"}), ["body.assignments.0.name"]),
        (body({"office": ""}), ["body.assignments.0.office"]),
    ],
)
async def test_a_history_that_contradicts_itself_is_refused(
    store: Store,
    client: httpx.AsyncClient,
    administrator: dict[str, str],
    wanted: dict[str, Any],
    fields: list[str],
) -> None:
    answer = await client.put(PATH, json=wanted, headers=administrator)
    assert (answer.status_code, [e["field"] for e in answer.json()["errors"]]) == (422, fields)
    assert "Jane" not in answer.text
    assert await store.count("assignment") == 0


@pytest.mark.req("S3-040", "S3-109")
async def test_only_office_administrators_keep_the_chart(client: httpx.AsyncClient, issuer: Issuer) -> None:
    for role in sorted(ROLES - {"office_admin"}):
        headers = issuer.headers(role, pin="900001", office="S01")
        assert (await client.put(PATH, json=body({}), headers=headers)).status_code == 403, role
        assert (await client.get(PATH, headers=headers)).status_code == 403, role


async def test_the_database_lets_an_employee_be_in_one_place_at_a_time(store: Store, assign: Assign) -> None:
    await assign("100001", {"valid_from": "2026-01-05"})
    sql = """
    INSERT INTO assignment (id, employee_id, office, region, valid_from, recorded_at, recorded_by, recorded_by_id)
    VALUES ($1, $2, 'S02', 'R1', '2026-05-01', now(), 'x', $3)
    """
    connection = await asyncpg.connect(store.url)
    with pytest.raises(asyncpg.ExclusionViolationError):
        await connection.execute(sql, new_id(), await store.employee("100001"), await store.employee("900001"))
    await connection.close()


async def test_the_database_lets_nobody_edit_their_own_place(store: Store, assign: Assign) -> None:
    """Separation of duties also against a fault in the service's code, and for entering as for replacing."""
    assert (await assign("100001", {"valid_from": "2026-01-05"})).status_code == 200
    row = (await store.rows("SELECT * FROM assignment"))[0]
    assert row["recorded_by_id"] not in {None, row["employee_id"]}
    connection = await asyncpg.connect(store.url)
    for column, value, rule in (
        ("recorded_by_id", row["employee_id"], "assignment_is_not_ones_own"),
        ("recorded_by_id", None, "assignment_is_recorded_by_an_employee"),
        ("superseded_by_id", row["employee_id"], "assignment_is_not_ones_own"),
        ("supervisor_id", row["employee_id"], "assignment_nobody_supervises_themselves"),
    ):
        with pytest.raises(asyncpg.CheckViolationError, match=rule):
            await connection.execute(f"UPDATE assignment SET {column} = $1", value)
    await connection.close()
