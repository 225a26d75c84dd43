"""Every route of every service, called by every role, by an account without one and by nobody: exactly as the table says.

The routes are those that the running applications describe in their OpenAPI documents; what each role may is read from the
table. Each call of somebody who is known leaves exactly one audit entry.
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import httpx
import pytest

from common.access import PERMISSIONS, PURPOSES, Row
from common.auth import EMPLOYEES, ROLES
from common.cli import Service
from common.testing import FixedClock, Issuer, MemoryKeyring, client_of
from common.web.rates import DEFAULTS
from muniment import permissions_page

SERVICES = ("chat_gateway", "transcripts", "production", "disclosure", "retention")
NO_ROLE = "this needs one of the roles"
LAST = "SELECT user_id, action, outcome, purpose FROM audit_entry ORDER BY position DESC LIMIT 1"


@dataclass
class Running:
    """One service as it is served, its OpenAPI document and its store."""

    client: httpx.AsyncClient
    document: dict[str, Any]
    store: "asyncpg.Connection[asyncpg.Record]"
    issuer: Issuer

    def operations(self) -> list[tuple[str, str, dict[str, Any]]]:
        """Method, path and description of everything that is offered, in the order of the document."""
        return [(m.upper(), p, o) for p, methods in self.document["paths"].items() for m, o in methods.items()]

    async def call(self, method: str, path: str, role: str | None, purpose: str = "", **claims: Any) -> httpx.Response:
        address = path.replace("{pin}", "100009")
        while "{" in address:
            before, _, rest = address.partition("{")
            address = f"{before}{uuid4()}{rest.partition('}')[2]}"
        headers = {"Idempotency-Key": str(uuid4())} | ({"Purpose-Of-Use": purpose} if purpose else {})
        if role is not None:
            headers |= self.issuer.headers(*([role] if role else []), **claims)
        return await self.client.request(method, address, headers=headers, json=None if method == "GET" else {})

    async def entries(self) -> int:
        return int(await self.store.fetchval("SELECT count(*) FROM audit_entry"))


@pytest.fixture(params=SERVICES)
async def running(
    request: pytest.FixtureRequest,
    service_db: Callable[[str], Awaitable[str]],
    issuer: Issuer,
    clock: FixedClock,
    monkeypatch: pytest.MonkeyPatch,
) -> AsyncIterator[Running]:
    package = request.param
    key_folder: Path = request.getfixturevalue("key_folder")
    for name, value in issuer.environment.items():
        monkeypatch.setenv(name, value)
    service: Service = import_module(f"{package}.app").SERVICE
    url = await service_db(package)
    roomy = dict.fromkeys(DEFAULTS, "1000000/60")  # how often one may call is shown elsewhere
    settings = service.settings(database_url=url, rate_limits=roomy, key_folder=str(key_folder))
    make: Any = service.make_app
    more = {"keyring": MemoryKeyring()} if "keyring" in signature(make).parameters else {}
    async with client_of(make(settings, clock=clock, **more)) as client:
        store = await asyncpg.connect(url)
        yield Running(client, (await client.get("/openapi.json")).json(), store, issuer)
        await store.close()


def row_of(operation: dict[str, Any]) -> Row:
    return PERMISSIONS.rows[operation["operationId"]]


def purpose_of(row: Row, role: str) -> str:
    """One that this role may state, or none where one is implied."""
    grant = row.grants.get(role)
    return "" if grant is None or grant.implied else min(grant.purposes, default="")


@pytest.mark.req("S1-093", "S3-040", "S3-063", "S3-101", "S3-106", "S3-109")
async def test_every_route_lets_in_the_roles_of_the_table_and_no_others_and_records_each_call(running: Running) -> None:
    tried = 0
    for method, path, operation in running.operations():
        row = row_of(operation)
        if row.public:
            assert (await running.call(method, path, None)).status_code in {200, 404, 422}, row.operation
            continue
        for role in sorted(ROLES):
            before = await running.entries()
            answer = await running.call(method, path, role, purpose_of(row, role))
            may, where = role in row.grants, f"{row.operation} as {role}: {answer.text}"
            assert answer.status_code not in {401, 405, 500, 503}, where
            assert (NO_ROLE in answer.text) != may, where
            assert may or answer.status_code == 403, where
            assert await running.entries() == before + 1, where
            entry = await running.store.fetchrow(LAST)
            assert entry is not None
            assert (entry["user_id"], entry["action"]) == (f"{role}-1", row.operation), where
            assert (entry["outcome"] == "done") == (answer.status_code < 300), where
            tried += 1
    assert tried >= len(ROLES) * 3


@pytest.mark.req("S1-094", "S1-095", "S1-096")
async def test_no_route_knows_a_stranger_an_account_without_profile_or_an_employee_without_card(
    running: Running,
) -> None:
    for method, path, operation in running.operations():
        row = row_of(operation)
        if row.public:
            continue
        assert (await running.call(method, path, None)).status_code == 401, row.operation
        before = await running.entries()
        nobody = await running.call(method, path, "", sub="nobody")
        assert (nobody.status_code, nobody.json()["missing"]) == (403, ["token.roles"]), row.operation
        for role in sorted(row.grants.keys() & EMPLOYEES):
            answer = await running.call(method, path, role, purpose_of(row, role), amr=["pwd"])
            assert (answer.status_code, answer.json()["missing"]) == (401, ["token.amr"]), row.operation
            assert "insufficient_user_authentication" in answer.headers["WWW-Authenticate"]
            lacking = await running.call(method, path, role, purpose_of(row, role), region=None)
            assert (lacking.status_code, lacking.json()["missing"]) == (403, ["token.region"]), row.operation
        assert await running.entries() == before + 1 + 2 * len(row.grants.keys() & EMPLOYEES)


@pytest.mark.req("S1-014", "S1-099", "S1-101")
async def test_every_route_takes_the_purposes_of_the_table_and_asks_for_standing(running: Running) -> None:
    for method, path, operation in running.operations():
        row = row_of(operation)
        for role, grant in row.grants.items():
            possible = {*grant.purposes, *([grant.implied] if grant.implied else [])}
            others = sorted(set(PURPOSES) - possible)[:2] if possible else []
            for stated in (*others, "curiosity-about-123-45-6789"):
                refused = await running.call(method, path, role, stated)
                assert refused.status_code == 403, row.operation
                assert "missing" not in refused.json(), f"{row.operation}: one was stated, it is not missing"
                assert set(refused.json().get("purposes", [])) == possible, row.operation
                assert "123-45" not in refused.text
            if role in EMPLOYEES:
                late = await running.call(method, path, role, purpose_of(row, role), training_date="2024-01-01")
                suspended = late.status_code == 403 and late.json().get("missing") == ["token.training_date"]
                assert suspended == (row.personal == "others"), f"{row.operation} as {role}"
    found = await running.store.fetch("SELECT DISTINCT purpose FROM audit_entry")
    assert {r["purpose"] for r in found} <= {*PURPOSES, ""}


async def test_the_document_says_who_may_call_what_and_for_what(running: Running) -> None:
    [(scheme, kind)] = running.document["components"]["securitySchemes"].items()
    assert kind["type"] == "openIdConnect"
    assert kind["openIdConnectUrl"].startswith("https://issuer.muniment.localhost/")
    for _, _, operation in running.operations():
        row = row_of(operation)
        assert operation["security"] == [{scheme: [role]} for role in sorted(row.grants)]
        assert ("x-public" in operation) == bool(row.public)
        assert set(operation.get("x-purposes", {})) == row.purposes
        headers = [p for p in operation.get("parameters", []) if p["name"] == "Purpose-Of-Use"]
        assert [set(p["schema"]["enum"]) for p in headers] == ([set(row.purposes)] if row.purposes else [])


def test_the_page_names_every_operation_every_role_and_every_purpose() -> None:
    page = permissions_page.render()
    for row in PERMISSIONS.rows.values():
        [line] = [line for line in page.splitlines() if line.startswith(f"| `{row.operation}` |")]
        assert all(role.replace("_", " ") in line for role in row.grants)
        assert all(purpose in line for purpose in row.purposes)
    assert all(f"| `{code}` |" in page for code in PURPOSES)


@pytest.mark.req("S1-001")
async def test_no_body_takes_a_field_that_it_does_not_name(running: Running) -> None:
    """A name, a number or an address that a client adds is refused, never merged with what its token says."""
    schemas = running.document.get("components", {}).get("schemas", {})
    for _, _, operation in running.operations():
        for content in operation.get("requestBody", {}).get("content", {}).values():
            named = content["schema"]["$ref"].rpartition("/")[2]
            assert schemas[named]["additionalProperties"] is False, f"{operation['operationId']}: {named}"
