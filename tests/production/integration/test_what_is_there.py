"""What this service holds and offers is exactly what is listed: a field or a way in more is a decision, not an accident."""

import ast
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import MetaData
from sqlalchemy.ext.asyncio import create_async_engine

import production
from common.contracts.topics import TOPICS
from common.ids import new_id
from common.registers.coverage import Dictionary, uncovered
from common.settings import ServiceSettings
from common.testing import Issuer
from production.app import make_app
from production.model import Figure
from production.settings import ProductionSettings
from production.tables import Base
from tests.production.integration.conftest import ASSIGNMENTS, Store
from tests.production.work import KEYRING

SOURCES = Path(str(production.__file__)).parent
DICTIONARY = SOURCES.parents[1] / "data-dictionary.yaml"
ROUTES = {
    ("POST", "/v1/actions"),
    ("POST", "/v1/data-keys"),
    ("GET", "/v1/reports/daily/me"),
    ("GET", "/v1/reports/daily/employees/{pin}"),
    ("GET", "/v1/reports/team"),
    ("GET", "/v1/reports/offices/{office}"),
    ("GET", "/v1/reports/regions/{region}"),
    ("GET", "/v1/employees/{pin}/assignments"),
    ("PUT", "/v1/employees/{pin}/assignments"),
    ("POST", "/v1/releases"),
    ("POST", "/v1/releases/refusals"),
    ("GET", "/v1/releases/{grant_id}"),
    ("GET", "/v1/releases/{grant_id}/copies/{record_id}"),
}
HEALTH = {("GET", "/livez"), ("GET", "/readyz"), ("GET", "/metrics")}


def routes(app: FastAPI) -> set[tuple[str, str]]:
    listed: list[Any] = list(app.openapi()["paths"].items())
    found = {(method.upper(), path) for path, methods in listed for method in methods}
    found |= {(m, r.path) for r in app.routes if isinstance(r, APIRoute) for m in r.methods or ()}
    return {route for route in found if not route[1].startswith("/v1/audit/")}  # every service's, over its trail


@pytest.mark.req("S3-014", "S3-015")
async def test_every_column_was_assessed_for_the_reporting_tools(store: Store) -> None:
    """That every column stands in the dictionary is shown for all services at once (tests/architecture/test_coverage.py)."""
    rows = await store.rows(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public'"
    )
    tables = Dictionary.read(DICTIONARY, shown_as=DICTIONARY.name).tables
    assert (
        list(uncovered([pair for pair in map(tuple, rows) if pair[0] in tables], tables, path="", inner="columns"))
        == []
    )
    for table, home in tables.items():
        for column, entry in home.entries.items():
            assert entry.about in {"employee", "requestor", "nobody"}
            assert entry.assessed.startswith("PIA-086 "), f"{table}.{column} is covered by no assessment of these tools"


async def test_the_tables_in_code_are_those_of_the_migrations(store: Store) -> None:
    engine = create_async_engine(store.url.replace("postgresql://", "postgresql+asyncpg://"))
    found = MetaData()
    async with engine.connect() as connection:
        await connection.run_sync(lambda c: found.reflect(c, only=list(Base.metadata.tables)))
    await engine.dispose()
    for name, table in Base.metadata.tables.items():
        real = found.tables[name]
        assert {c.name: c.nullable for c in table.columns} == {c.name: c.nullable for c in real.columns}, name
        assert [c.name for c in table.primary_key] == [c.name for c in real.primary_key], name


@pytest.mark.req("S3-029")
async def test_nothing_is_offered_to_the_public(store: Store, client: httpx.AsyncClient, issuer: Issuer) -> None:
    app = make_app(store.settings, clock=store.clock, keyring=KEYRING)
    assert {r for r in routes(app) if r[1].startswith("/v1")} == ROUTES
    for role in ("customer", "portal"):
        for method, path in sorted(ROUTES):
            url = path.replace("{pin}", "100001").replace("{office}", "S01").replace("{region}", "R1")
            url = url.replace("{grant_id}", str(new_id())).replace("{record_id}", str(new_id()))
            body: dict[str, Any] | None = {"assignments": []} if method == "PUT" else None
            headers = issuer.headers(role, pin="100001", office="S01") | {"Idempotency-Key": "k"}
            answer = await client.request(method, url, params={"purpose": "production"}, json=body, headers=headers)
            assert answer.status_code in ({403} if method != "POST" else {403, 422}), (role, path)


@pytest.mark.req("S3-094")
async def test_nobody_amends_or_removes_an_action_by_a_call(client: httpx.AsyncClient, issuer: Issuer) -> None:
    for role in ("customer", "agent", "supervisor", "case_system"):
        for method in ("PATCH", "PUT", "DELETE"):
            answer = await client.request(method, "/v1/actions", json={}, headers=issuer.headers(role))
            assert (answer.status_code, answer.json()["type"]) == (
                405,
                "https://muniment.dev/problems/method-not-allowed",
            )


@pytest.mark.req("S3-071")
async def test_no_setting_and_no_call_lets_an_employee_opt_out(
    store: Store, client: httpx.AsyncClient, issuer: Issuer
) -> None:
    assert set(ProductionSettings.model_fields) - set(ServiceSettings.model_fields) == {
        "report_time_zone",
        "offices_file",
        "grant_keys",
        "release_copy_seconds",
    }
    assert {r for r in routes(make_app(store.settings, keyring=KEYRING)) if r[0] != "GET"} == {
        ("POST", "/v1/actions"),
        ("POST", "/v1/data-keys"),
        ("PUT", "/v1/employees/{pin}/assignments"),
        ("POST", "/v1/releases"),
        ("POST", "/v1/releases/refusals"),
    }
    agent = issuer.headers("agent")
    for method in ("DELETE", "PATCH", "PUT", "POST"):
        assert (await client.request(method, "/v1/reports/daily/me", headers=agent)).status_code == 405
    for method in ("DELETE", "PATCH", "POST"):
        assert (await client.request(method, ASSIGNMENTS.format("100001"), headers=agent)).status_code == 405


@pytest.mark.req("S3-059")
async def test_figures_are_sums_and_nothing_searches_for_patterns(store: Store) -> None:
    assert routes(make_app(store.settings, keyring=KEYRING)) - HEALTH == ROUTES
    assert set(Figure.__annotations__) == {
        "employee_id", "kind", "form_type", "hour_type", "actions", "seconds", "chats", "messages",
    }  # fmt: skip
    assert not any("OVER (" in text or "corr(" in text or "stddev" in text for text in map(Path.read_text, python()))


@pytest.mark.req("S3-095")
def test_no_way_leads_from_here_to_another_system() -> None:
    # The heads of its audit trail hold sizes and hashes.
    told = [topic for topic in TOPICS if "production" in topic.owners and topic.name != "audit.head"]
    assert {topic.name: topic.readers for topic in told} == {
        "action.completed": ("production", "retention"),
        # Who supervises whom, sealed, and no figure of anybody's work: the gateway asks it who may listen.
        "employee.assigned": ("chat_gateway",),
        # What became of a release grant: ids and hashes. Figures leave for a person who has one, and by no event.
        "disclosure.released": ("disclosure",),
    }
    for path in python():
        names = {n for node in ast.walk(ast.parse(path.read_text())) for n in imported(node)}
        assert not names & {"httpx", "aiohttp", "requests", "urllib", "socket", "smtplib", "subprocess"}, path


def python() -> list[Path]:
    return sorted(SOURCES.rglob("*.py"))


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [node.module.split(".")[0]] if isinstance(node, ast.ImportFrom) and node.module else []
