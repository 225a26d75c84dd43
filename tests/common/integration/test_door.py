"""The one door: routes and table agree, each call leaves one entry, and nothing that is refused leaves anything else."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel

from common.access import PERMISSIONS, Reach, Table
from common.access.loading import table_from
from common.auth import TokenVerifier
from common.clock import Clock
from common.database import Database
from common.errors import ConflictError, NotFoundError, UnavailableError
from common.ids import new_id
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, client_of
from common.web.app import create_app
from common.web.door import AtDoor, Guarded
from tests.plugins.messaging import rows

AGENT = {"agent": {"scope": "own", "purposes": ["training", "quality-review"]}}
READ = {
    "service": "retention",
    "at": "GET /v1/things/{thing_id}",
    "does": "Read",
    "personal": "others",
    "roles": AGENT | {"customer": {"scope": "own", "implied": "own-record"}},
}
MAKE = READ | {"at": "POST /v1/things", "does": "Make", "assurance": {"aal": 3, "max_age": 60}}
ENTRIES = "SELECT user_id, action, outcome, record_ids, purpose FROM audit_entry ORDER BY position"
FAILURES = {"conflict": ConflictError("held"), "gone": NotFoundError("none"), "outage": UnavailableError("later")}


class Body(BaseModel):
    count: int


def everywhere(**operations: Any) -> Table:
    """The rows of health and documentation, and these."""
    mine = table_from({"operations": {name.replace("_", "."): row for name, row in operations.items()}})
    shared = [row for row in PERMISSIONS.rows.values() if row.service == "every" and row.public]
    return Table([*shared, *mine.rows.values()])


def routes() -> APIRouter:
    router = APIRouter(prefix="/v1", route_class=Guarded)

    @router.get("/things/{thing_id}", operation_id="thing.read")
    async def read(thing_id: UUID, door: AtDoor, how: str = "") -> str:
        if how == "unopened":
            return "nothing recorded"
        async with door.open("thing.make" if how == "another" else "thing.read", thing_id, fields=["name"]) as look:
            if how != "unasked" and not look.covers(Reach(own=True)):
                raise NotFoundError("not yours")
            if how in FAILURES:
                raise FAILURES[how]
        return look.purpose

    @router.post("/things", operation_id="thing.make")
    async def make(door: AtDoor, body: Body) -> int:
        async with door.open("thing.make") as look:
            look.touch(new_id(), fields=[str(sorted(look.scopes))])
        return body.count

    return router


def application(database: Database, issuer: Issuer, clock: Clock, table: Table | None = None) -> FastAPI:
    settings = ServiceSettings(profile="embedded", issuer=issuer.name, audience=issuer.audience, jwks=str(issuer.jwks))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock = database, clock
        app.state.verifier = TokenVerifier(settings, clock)
        yield

    return create_app(
        title="t", description="d", routers=[routes()], checks={}, settings=settings, lifespan=lifespan, service="retention",
        permissions=table or everywhere(thing_read=READ, thing_make=MAKE),
    )  # fmt: skip


@pytest.fixture
async def client(database: Database, issuer: Issuer, clock: FixedClock) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application(database, issuer, clock)) as opened:
        yield opened


@pytest.fixture
def agent(issuer: Issuer) -> Callable[..., dict[str, str]]:
    def headers(purpose: str = "training", **claims: Any) -> dict[str, str]:
        return issuer.headers("agent", **claims) | ({"Purpose-Of-Use": purpose} if purpose else {})

    return headers


Headers = Callable[..., dict[str, str]]


@pytest.mark.req("S3-101", "S3-106")
class TestEntries:
    """Each call of somebody who is known leaves exactly one entry."""

    async def test_what_is_done_is_recorded_with_what_was_touched(
        self, client: httpx.AsyncClient, database: Database, agent: Headers
    ) -> None:
        thing = new_id()
        answer = await client.get(f"/v1/things/{thing}", headers=agent())
        assert (answer.status_code, answer.json()) == (200, "training")
        sql = "SELECT user_id, terminal, roles, action, record_ids, fields, purpose, outcome FROM audit_entry"
        assert [tuple(r) for r in await rows(database, sql)] == [
            ("agent-1", "127.0.0.1", ["agent"], "thing.read", [str(thing)], ["name"], "training", "done")
        ]

    @pytest.mark.parametrize(("how", "status", "outcome"), [("conflict", 409, "refused"), ("gone", 404, "not_found")])
    async def test_a_refusal_inside_is_recorded_and_nothing_else_stays(
        self, client: httpx.AsyncClient, database: Database, agent: Headers, *, how: str, status: int, outcome: str
    ) -> None:
        thing = new_id()
        assert (await client.get(f"/v1/things/{thing}?how={how}", headers=agent())).status_code == status
        assert [tuple(r) for r in await rows(database, ENTRIES)] == [
            ("agent-1", "thing.read", outcome, [str(thing)], "training")
        ]

    async def test_an_engine_out_of_reach_refuses_nobody(
        self, client: httpx.AsyncClient, database: Database, agent: Headers
    ) -> None:
        assert (await client.get(f"/v1/things/{new_id()}?how=outage", headers=agent())).status_code == 503
        assert await rows(database, ENTRIES) == []

    @pytest.mark.parametrize(
        ("purpose", "claims", "status", "recorded"),
        [
            ("", {}, 403, ""),
            ("audit", {}, 403, "audit"),
            ("curious about 123-45-6789", {}, 403, ""),
            ("training", {"roles": ["auditor"]}, 403, "training"),
            ("training", {"roles": ["king"]}, 403, "training"),
            ("training", {"amr": ["pwd"]}, 401, "training"),
            ("training", {"pin": None}, 403, "training"),
            ("training", {"training_date": "2024-01-01"}, 403, "training"),
        ],
    )
    async def test_whom_the_table_refuses_is_recorded_before_anything_is_read(
        self, client: httpx.AsyncClient, database: Database, agent: Headers, *,
        purpose: str, claims: dict[str, Any], status: int, recorded: str,
    ) -> None:  # fmt: skip
        thing = new_id()
        answer = await client.get(f"/v1/things/{thing}", headers=agent(purpose, **claims))
        assert answer.status_code == status
        assert "123-45" not in answer.text
        assert [tuple(r) for r in await rows(database, ENTRIES)] == [
            ("agent-1", "thing.read", "refused", [str(thing)], recorded)
        ]

    @pytest.mark.parametrize("body", [b"{", b"[]", b'{"count": "x"}', b""])
    async def test_malformed_input_is_refused_and_recorded_too(
        self, client: httpx.AsyncClient, database: Database, issuer: Issuer, body: bytes
    ) -> None:
        headers = issuer.headers("customer", aal=3) | {"content-type": "application/json"}
        assert (await client.post("/v1/things", content=body, headers=headers)).status_code == 422
        assert (await client.get("/v1/things/no-id", headers=headers)).status_code == 422
        assert [tuple(r) for r in await rows(database, ENTRIES)] == [
            ("customer-1", "thing.make", "refused", [], "own-record"),
            ("customer-1", "thing.read", "refused", [], "own-record"),
        ]

    async def test_a_stranger_learns_nothing_about_what_is_asked_for(
        self, client: httpx.AsyncClient, database: Database
    ) -> None:
        for answer in (await client.get("/v1/things/no-id"), await client.post("/v1/things", content=b"{")):
            assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert await rows(database, ENTRIES) == []

    @pytest.mark.parametrize("how", ["unopened", "another", "unasked"])
    async def test_a_route_that_forgets_its_duty_answers_nothing(
        self, client: httpx.AsyncClient, database: Database, agent: Headers, how: str
    ) -> None:
        """No entry, the wrong operation, or no look at how far the caller reaches."""
        answer = await client.get(f"/v1/things/{new_id()}?how={how}", headers=agent())
        assert (answer.status_code, "nothing recorded" in answer.text) == (500, False)
        assert await rows(database, ENTRIES) == []


async def test_two_purposes_that_differ_are_refused_and_one_may_stand_in_the_address(
    client: httpx.AsyncClient, agent: Headers
) -> None:
    place = f"/v1/things/{new_id()}?purpose=quality-review"
    assert (await client.get(place, headers=agent(""))).json() == "quality-review"
    assert (await client.get(place, headers=agent("quality-review"))).status_code == 200
    assert (await client.get(place, headers=agent("training"))).status_code == 422


async def test_a_weak_or_stale_proof_is_challenged(
    client: httpx.AsyncClient, issuer: Issuer, clock: FixedClock
) -> None:
    weak = await client.post("/v1/things", json={"count": 3}, headers=issuer.headers("customer", aal=2))
    assert weak.status_code == 401
    assert weak.headers["WWW-Authenticate"] == (
        'Bearer error="insufficient_user_authentication", acr_values="aal3", max_age=60'
    )
    told = weak.json()
    assert (told["error"], told["acr_values"], told["max_age"], told["missing"]) == (
        "insufficient_user_authentication", ["aal3"], 60, ["token.aal"],
    )  # fmt: skip
    strong = issuer.headers("customer", aal=3)
    assert (await client.post("/v1/things", json={"count": 3}, headers=strong)).status_code == 200
    clock.turn(seconds=61)
    assert (await client.post("/v1/things", json={"count": 3}, headers=strong)).json()["missing"] == ["token.auth_time"]


@pytest.mark.req("S1-093")
class TestAgreement:
    """An application does not come into being where routes and table differ."""

    @pytest.mark.parametrize(
        ("operations", "said"),
        [
            ({"thing_read": READ}, "POST /v1/things has no row"),
            ({"thing_read": READ, "thing_make": MAKE, "thing_end": READ | {"at": "DELETE /v1/things"}},
             "thing.end has no route DELETE /v1/things"),
            ({"thing_read": READ, "thing_make": MAKE, "thing_send": READ | {"at": "frame send"}}, "thing.send has no route"),
            ({"thing_look": READ, "thing_make": MAKE}, "the route of thing.look has another operation_id"),
            ({"thing_read": {"service": "retention", "at": READ["at"], "does": "x", "public": "y"}, "thing_make": MAKE},
             "thing.read is public and asks for a token"),
        ],
    )  # fmt: skip
    async def test_what_differs_is_named(
        self, database: Database, issuer: Issuer, clock: FixedClock, operations: dict[str, Any], said: str
    ) -> None:
        with pytest.raises(ValueError, match=said):
            application(database, issuer, clock, everywhere(**operations))

    def test_a_route_that_asks_nobody_needs_a_row_that_says_so(self) -> None:
        router = APIRouter()

        @router.get("/v1/things/{thing_id}", operation_id="thing.read")
        async def read(thing_id: str) -> str:
            return thing_id

        with pytest.raises(ValueError, match=r"thing\.read stands open"):
            create_app(title="t", description="d", routers=[router], checks={}, settings=ServiceSettings(), service="retention",
                       permissions=everywhere(thing_read=READ))  # fmt: skip

    def test_a_frame_of_a_socket_needs_a_row_too(self) -> None:
        with pytest.raises(ValueError, match="frame send has no row"):
            create_app(title="t", description="d", routers=[], checks={}, settings=ServiceSettings(), service="retention",
                       permissions=everywhere(), frames=["send"])  # fmt: skip
