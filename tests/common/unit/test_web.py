"""The skeleton of every service's HTTP side, through a real application."""

from collections.abc import AsyncIterator
from typing import Annotated

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from pydantic import AfterValidator, BaseModel, ConfigDict

from common.errors import ConflictError, ForbiddenError, InvalidError, UnauthenticatedError
from common.settings import ServiceSettings
from common.testing import client_of
from common.web.app import NotReadyError, create_app
from common.web.exchange import MAX_BODY_BYTES

SSN = "123-45-6789"
SECRET_ENGINE = "postgresql://role:secret@host"


def _refuse(value: str) -> str:
    raise ValueError(f"not good: {value}")


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid")

    count: int
    name: str = ""
    checked: Annotated[str, AfterValidator(_refuse)] | None = None


def application(ready: dict[str, bool] | None = None) -> FastAPI:
    router = APIRouter()

    @router.post("/things")
    async def make(body: Body) -> Body:
        return body

    @router.get("/fail/{how}")
    async def fail(how: str) -> None:
        raise {
            "conflict": ConflictError("held", hold="H1"),
            "missing": InvalidError("a fact is missing", missing=["facts.consent"]),
            "forbidden": ForbiddenError("not yours"),
            "unknown": UnauthenticatedError("no token"),
            "outage": ConnectionRefusedError(SECRET_ENGINE),
            "bug": RuntimeError(f"quotes {SSN}"),
        }[how]

    state = ready or {}

    async def engine() -> None:
        if not state.get("engine", True):
            raise ConnectionRefusedError(SECRET_ENGINE)
        if state.get("explained"):
            raise NotReadyError("the consumer is stopped")

    return create_app(
        title="t", description="d", routers=[router], checks={"engine": engine}, settings=ServiceSettings()
    )


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application()) as opened:
        yield opened


@pytest.mark.parametrize(
    ("how", "status", "kind"),
    [
        ("conflict", 409, "conflict"),
        ("missing", 422, "invalid"),
        ("forbidden", 403, "forbidden"),
        ("unknown", 401, "unauthenticated"),
        ("outage", 503, "unavailable"),
        ("bug", 500, "internal"),
    ],
)
async def test_every_failure_has_its_problem_answer(
    client: httpx.AsyncClient, how: str, status: int, kind: str
) -> None:
    answer = await client.get(f"/fail/{how}")
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["type"].endswith(f"/{kind}")
    assert problem["status"] == status
    assert problem["instance"] == answer.headers["x-request-id"]
    assert SSN not in answer.text
    assert "secret" not in answer.text


async def test_a_problem_carries_what_is_missing_and_what_stands_in_the_way(client: httpx.AsyncClient) -> None:
    assert (await client.get("/fail/missing")).json()["missing"] == ["facts.consent"]
    assert (await client.get("/fail/conflict")).json()["hold"] == "H1"
    assert (await client.get("/fail/unknown")).headers["www-authenticate"] == "Bearer"


async def test_malformed_input_is_named_by_field_and_not_quoted(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", json={"count": SSN, "checked": SSN})
    assert answer.status_code == 422
    assert {e["field"] for e in answer.json()["errors"]} == {"body.count", "body.checked"}
    assert SSN not in answer.text


async def test_the_name_of_a_field_that_is_not_known_may_be_anybodys_and_is_not_said_again(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/things", json={"count": 1, "Quillfeather": 1, "ssn": SSN})
    assert [e["field"] for e in answer.json()["errors"]] == ["body.(unknown)", "body.ssn"]
    assert "Quillfeather" not in answer.text


async def test_a_missing_field_is_listed_as_missing(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", json={})
    assert answer.json()["missing"] == ["body.count"]


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[]", b"null", b'"text"'])
async def test_garbage_is_422(client: httpx.AsyncClient, body: bytes) -> None:
    answer = await client.post("/things", content=body, headers={"content-type": "application/json"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_body_beyond_the_limit_is_413(client: httpx.AsyncClient) -> None:
    answer = await client.post("/things", json={"count": 1, "name": "x" * MAX_BODY_BYTES})
    assert answer.status_code == 413
    assert answer.json()["type"].endswith("/too-large")


async def test_what_is_not_there_is_a_problem_too(client: httpx.AsyncClient) -> None:
    assert (await client.get("/nowhere")).json()["status"] == 404
    assert (await client.delete("/things")).json()["status"] == 405


async def test_a_correlation_id_is_taken_over_if_it_is_one(client: httpx.AsyncClient) -> None:
    answer = await client.get("/livez", headers={"x-request-id": "abc-123"})
    assert answer.headers["x-request-id"] == "abc-123"
    answer = await client.get("/livez", headers={"x-request-id": "x" * 65})
    assert len(answer.headers["x-request-id"]) == 36


async def test_ready_only_while_the_engines_answer() -> None:
    state = {"engine": True}
    async with client_of(application(state)) as client:
        assert (await client.get("/readyz")).status_code == 200
        state["engine"] = False
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"] == {"engine": "ConnectionRefusedError"}
        assert (await client.get("/livez")).status_code == 200
        state |= {"engine": True, "explained": True}
        assert (await client.get("/readyz")).json()["checks"] == {"engine": "the consumer is stopped"}


async def test_metrics_name_routes_not_paths(client: httpx.AsyncClient) -> None:
    await client.get(f"/fail/{SSN}")
    text = (await client.get("/metrics")).text
    assert 'route="/fail/{how}"' in text
    assert SSN not in text
