"""Nobody carries off everybody's records: bulk looks and exports raise an alert and end at a limit, counted from the audit
trail, and files do not go onto removable media.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from prometheus_client import REGISTRY

from common.access import PERMISSIONS, Table
from common.access.loading import table_from
from common.auth import PROGRAMS, TokenVerifier
from common.bulk import FAR, is_export
from common.database import Database, fetch_all
from common.ids import new_id
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, client_of
from common.web.app import create_app
from common.web.door import AtDoor, Guarded
from tests.plugins.messaging import rows

WHO = {
    "agent": {"scope": "any", "purposes": ["training"]},
    "customer": {"scope": "any", "implied": "own-record"},
    "case_system": {"scope": "any", "implied": "training"},
}
ROW = {"service": "retention", "does": "Read", "personal": "others", "roles": WHO}
OPERATIONS = {
    "thing.read": ROW | {"at": "GET /v1/things/{thing_id}"},
    "thing.search": ROW | {"at": "GET /v1/things"},
    "thing.copy": ROW | {"at": "GET /v1/things/{thing_id}/copy"},
    "figure.read": ROW | {"at": "GET /v1/figures/{thing_id}", "personal": "none"},
}
ENTRIES = "SELECT action, outcome, fields FROM audit_entry WHERE action = 'bulk.alert' ORDER BY position"
BOUNDS = {"bulk_looks_soft": 3, "bulk_looks_hard": 5, "bulk_exports_soft": 1, "bulk_exports_hard": 2}


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1", route_class=Guarded)

    @router.get("/things/{thing_id}", operation_id="thing.read")
    async def read(thing_id: UUID, door: AtDoor) -> str:
        return await look("thing.read", door, thing_id)

    @router.get("/things/{thing_id}/copy", operation_id="thing.copy")
    async def copy(thing_id: UUID, door: AtDoor) -> str:
        return await look("thing.copy", door, thing_id)

    @router.get("/figures/{thing_id}", operation_id="figure.read")
    async def figure(thing_id: UUID, door: AtDoor) -> str:
        return await look("figure.read", door, thing_id)

    @router.get("/things", operation_id="thing.search")
    async def search(door: AtDoor, many: int) -> str:
        return await look("thing.search", door, *(new_id() for _ in range(many)))

    return router


async def look(operation: str, door: Any, *ids: UUID) -> str:
    async with door.open(operation, *ids) as inside:
        assert inside.scopes
    return "the record"


def application(database: Database, issuer: Issuer, clock: FixedClock, **more: Any) -> FastAPI:
    settings = ServiceSettings(profile="embedded", issuer=issuer.name, jwks=str(issuer.jwks), **(BOUNDS | more))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock = database, clock
        app.state.verifier = TokenVerifier(settings, clock)
        yield

    shared = [row for row in PERMISSIONS.rows.values() if row.service == "every" and row.public]
    table = Table([*shared, *table_from({"operations": OPERATIONS}).rows.values()])
    return create_app(
        title="t", description="d", routers=[routes()], checks={}, settings=settings, lifespan=lifespan,
        service="retention", permissions=table,
    )  # fmt: skip


@pytest.fixture
async def client(database: Database, issuer: Issuer, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(database, issuer, clock)) as opened:
        yield opened


Asked = Callable[..., Any]


@pytest.fixture
def get(client: httpx.AsyncClient, issuer: Issuer) -> Asked:
    async def ask(path: str, role: str = "agent", **headers: str) -> int:
        sent = issuer.headers(role, exp=4102444800)
        purpose = {"Purpose-Of-Use": "training"} if role == "agent" else {}
        answer = await client.get(path, headers=sent | purpose | headers)
        return answer.status_code

    return ask


def alerts(limit: str, level: str) -> float:
    return REGISTRY.get_sample_value("muniment_bulk_alerts_total", {"limit": limit, "level": level}) or 0.0


@pytest.mark.req("S3-100")
async def test_looks_raise_an_alert_and_then_end(get: Asked, database: Database, client: httpx.AsyncClient) -> None:
    soft, hard = alerts("looks", "soft"), alerts("looks", "hard")
    things = [new_id() for _ in range(5)]
    assert [await get(f"/v1/things/{one}") for one in things[:2]] == [200, 200]
    assert await rows(database, ENTRIES) == []
    assert [await get(f"/v1/things/{one}") for one in things[2:]] == [200, 200, 200]
    assert alerts("looks", "soft") == soft + 1
    assert await get(f"/v1/things/{new_id()}") == 429
    assert alerts("looks", "hard") == hard + 1
    assert [tuple(row) for row in await rows(database, ENTRIES)] == [
        ("bulk.alert", "done", ["looks.soft"]),
        ("bulk.alert", "refused", ["looks.hard"]),
    ]
    last = await rows(database, "SELECT outcome FROM audit_entry WHERE action = 'thing.read' ORDER BY position DESC")
    assert last[0]["outcome"] == "refused"
    # Their own work of today goes on, and what is no person's record is not counted.
    assert [await get(f"/v1/things/{one}") for one in things] == [200] * 5
    assert await get(f"/v1/figures/{new_id()}") == 200


@pytest.mark.req("S3-100")
async def test_a_search_that_would_go_beyond_shows_nothing(get: Asked, database: Database) -> None:
    assert await get("/v1/things?many=5") == 200
    assert await get("/v1/things?many=1") == 429
    done = await rows(database, "SELECT 1 FROM audit_entry WHERE action = 'thing.search' AND outcome = 'done'")
    assert len(done) == 1


@pytest.mark.req("S3-100")
async def test_exports_have_a_limit_of_their_own(get: Asked, database: Database) -> None:
    assert [await get(f"/v1/things/{new_id()}/copy") for _ in range(3)] == [200, 200, 429]
    assert await get(f"/v1/things/{new_id()}") == 200
    assert [row["fields"] for row in await rows(database, ENTRIES)] == [
        ["exports.soft"],
        ["looks.soft"],
        ["exports.hard"],
    ] or ([row["fields"] for row in await rows(database, ENTRIES)][:1] == [["exports.soft"]])


@pytest.mark.req("S3-100")
async def test_the_day_slides(get: Asked, clock: FixedClock) -> None:
    assert await get("/v1/things?many=5") == 200
    clock.turn(hours=23)
    assert await get("/v1/things?many=1") == 429
    clock.turn(hours=1, seconds=1)
    assert await get("/v1/things?many=5") == 200


@pytest.mark.req("S3-100")
async def test_many_at_once_do_not_slip_through_together(get: Asked, database: Database) -> None:
    answers = await asyncio.gather(*(get(f"/v1/things/{new_id()}") for _ in range(12)))
    assert sorted(answers) == [200] * 5 + [429] * 7


async def test_one_callers_count_is_not_anothers(
    database: Database, issuer: Issuer, clock: FixedClock, get: Asked, client: httpx.AsyncClient
) -> None:
    assert await get("/v1/things?many=5") == 200
    other = issuer.headers("agent", sub="agent-2") | {"Purpose-Of-Use": "training"}
    assert (await client.get("/v1/things?many=5", headers=other)).status_code == 200
    refused = await client.get("/v1/things?many=1", headers=other)
    assert refused.json()["type"].endswith("/bulk-limit")
    assert "privacy officer" in refused.json()["detail"]
    assert refused.json()["limit"] == 5


@pytest.mark.req("S3-100")
async def test_a_program_that_hands_in_all_day_is_not_stopped(
    client: httpx.AsyncClient, issuer: Issuer, database: Database
) -> None:
    for _ in range(8):
        answer = await client.get(f"/v1/things/{new_id()}", headers=issuer.headers("case_system"))
        assert answer.status_code == 200
    assert await rows(database, ENTRIES) == []


def test_programs_hand_in_and_are_shown_nothing() -> None:
    """What exempts them from the count of looks."""
    for row in PERMISSIONS.rows.values():
        if row.personal == "others" and not PROGRAMS.isdisjoint(row.grants):
            assert {method for method, _ in row.places} == {"POST"}, row.operation
            assert not is_export(row.operation)


@pytest.mark.req("S2-015")
async def test_files_go_onto_removable_media_only_where_that_is_permitted(
    get: Asked, database: Database, issuer: Issuer, clock: FixedClock
) -> None:
    path = f"/v1/things/{new_id()}/copy"
    assert await get(path) == 200
    assert await get(path, **{"Export-Destination": "managed"}) == 200
    for elsewhere in ("removable", "usb", "", "MANAGED"):
        assert await get(path, **{"Export-Destination": elsewhere}) == 403
    refused = await rows(database, "SELECT record_ids FROM audit_entry WHERE outcome = 'refused'")
    assert len(refused) == 4
    # A member of the public takes a copy of their own record wherever they like.
    assert await get(path, role="customer", **{"Export-Destination": "removable"}) == 200
    permitted = application(database, issuer, clock, export_destinations=("managed", "removable"))
    async with client_of(permitted) as client:
        headers = issuer.headers("agent") | {"Purpose-Of-Use": "training", "Export-Destination": "removable"}
        assert (await client.get(path, headers=headers)).status_code == 200


async def test_one_caller_s_looks_wait_for_each_other_only_near_a_limit(
    database: Database, issuer: Issuer, clock: FixedClock
) -> None:
    lock = "SELECT pg_advisory_xact_lock(hashtextextended('muniment bulk agent-1', 0))"
    headers = issuer.headers("agent", exp=4102444800, sub="agent-1") | {"Purpose-Of-Use": "training"}
    for soft, waits in ((FAR, True), (FAR + 2, False)):
        async with client_of(
            application(database, issuer, clock, bulk_looks_soft=soft, bulk_looks_hard=9999)
        ) as client:
            async with database.unit_of_work() as other:
                await fetch_all(other, lock)
                asked = asyncio.create_task(client.get(f"/v1/things/{new_id()}", headers=headers))
                done, _ = await asyncio.wait({asked}, timeout=0.3 if waits else 10)
                assert (not done) is waits
            assert (await asked).status_code == 200
