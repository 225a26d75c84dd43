"""Auditors get heads, proofs that need nothing of the platform to be checked, and reports; each of it is a look itself."""

import asyncio
import importlib.util
import itertools
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from common import audit
from common.access import Look
from common.audit.heads import Head, HeadKeys, unb64
from common.auth import Principal, TokenVerifier
from common.database import Database
from common.ids import new_id
from common.settings import ServiceSettings
from common.testing import FixedClock, Issuer, client_of
from common.web import audit_routes
from common.web.app import create_app
from tests.plugins.audit import Trail

CHECKER = Path(__file__).resolve().parents[3] / "deploy/audit/check_proof.py"
TERM_KEY = b"a secret of sixteen bytes or more"
OPERATIONS = ("GET /v1/audit/head", "GET /v1/audit/proofs/inclusion", "GET /v1/audit/proofs/consistency",
              "POST /v1/audit/entries/search")  # fmt: skip


@dataclass
class Auditor:
    """Somebody who asks the routes, and the trail underneath."""

    client: httpx.AsyncClient
    issuer: Issuer
    trail: Trail

    async def get(self, path: str, role: str = "auditor", **query: Any) -> httpx.Response:
        return await self.client.get(f"/v1{path}", headers=self.issuer.headers(role), params=query)

    async def search(self, role: str = "auditor", **asked: Any) -> httpx.Response:
        return await self.client.post("/v1/audit/entries/search", headers=self.issuer.headers(role), json=asked)

    async def last(self) -> dict[str, Any]:
        return dict((await self.trail.rows("SELECT * FROM audit_entry ORDER BY position DESC LIMIT 1"))[0])

    async def entry_ids(self) -> list[str]:
        return [
            str(r["entry_id"]) for r in await self.trail.rows("SELECT entry_id FROM audit_leaf ORDER BY leaf_index")
        ]


async def records_of(_request: Request, look: Look) -> Sequence[str]:
    return ["r-1", "r-2"] if look.principal.id == "account-1" else []


def application(database: Database, issuer: Issuer, clock: FixedClock, term_key: bytes | None) -> FastAPI:
    settings = ServiceSettings(profile="embedded", issuer=issuer.name, audience=issuer.audience, jwks=str(issuer.jwks))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database, app.state.clock, app.state.term_key = database, clock, term_key
        app.state.verifier = TokenVerifier(settings, clock)
        yield

    routers = [audit_routes.router, audit_routes.own_accesses("session.accesses-own", records_of)]
    return create_app(title="t", description="d", routers=routers, checks={}, settings=settings, lifespan=lifespan)


@pytest.fixture
async def auditor(database: Database, issuer: Issuer, clock: FixedClock, tmp_path: Path) -> AsyncIterator[Auditor]:
    async with client_of(application(database, issuer, clock, TERM_KEY)) as client:
        yield Auditor(client, issuer, Trail(database, tmp_path / "keys", clock))


@pytest.fixture(scope="module")
def checker() -> ModuleType:
    """The program that an auditor has, and nothing of the platform."""
    spec = importlib.util.spec_from_file_location("check_proof", CHECKER)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class TestProofs:
    async def test_the_head_is_what_the_services_key_signed(self, auditor: Auditor) -> None:
        assert (await auditor.get("/audit/head")).status_code == 404
        await auditor.trail.grow(0)
        head = (await auditor.get("/audit/head")).json()
        signed = HeadKeys.read(auditor.trail.public).check(head["statement"])
        assert signed == Head("transcripts", 1, unb64(head["root_hash"]), auditor.trail.clock.now())
        assert head["tree_size"] == 1

    async def test_every_entry_is_proven_at_every_size_without_the_platform(
        self, auditor: Auditor, checker: ModuleType
    ) -> None:
        await auditor.trail.grow(21)
        for index, entry_id in enumerate(await auditor.entry_ids()):
            for size in {index + 1, 16, 21} - set(range(index + 1)):
                proof = (await auditor.get("/audit/proofs/inclusion", entry_id=entry_id, tree_size=size)).json()
                assert checker.included(proof), (index, size)
                assert json.loads(proof["leaf_input"])["id"] == entry_id
                changed = {"leaf_input": proof["leaf_input"].replace("ann", "bob"), "leaf_index": index + 1}
                for part, other in (changed | {"inclusion_path": proof["inclusion_path"][1:]}).items():
                    assert proof[part] == other or not checker.included(proof | {part: other}), part

    async def test_growth_is_proven_between_any_two_sizes_without_the_platform(
        self, auditor: Auditor, checker: ModuleType
    ) -> None:
        await auditor.trail.grow(19)
        for first, second in itertools.combinations_with_replacement((1, 2, 7, 8, 16, 17, 19), 2):
            proof = (await auditor.get("/audit/proofs/consistency", first=first, second=second)).json()
            assert checker.continues(proof), (first, second)
            assert not checker.continues(proof | {"root_hash_1": "A" * 43 + "="})
            assert not checker.continues(proof | {"tree_size_1": second + 1})

    async def test_the_program_says_whether_a_proof_holds(self, auditor: Auditor, tmp_path: Path) -> None:
        await auditor.trail.grow(5)
        included = (await auditor.get("/audit/proofs/inclusion", entry_id=(await auditor.entry_ids())[3])).json()
        grown = (await auditor.get("/audit/proofs/consistency", first=2)).json()
        assert included["statement"]
        for proof, code in (
            (included, 0),
            (grown, 0),
            (included | {"leaf_index": 2}, 1),
            (grown | {"tree_size_1": 3}, 1),
        ):
            file = tmp_path / "proof.json"
            file.write_text(json.dumps(proof))
            program = [sys.executable, "-I", str(CHECKER), str(file)]
            said = await asyncio.to_thread(subprocess.run, program, check=False, capture_output=True, text=True)
            assert (said.returncode, said.stdout.startswith("does NOT")) == (code, bool(code)), said.stderr

    async def test_what_the_tree_does_not_hold_cannot_be_proven(self, auditor: Auditor) -> None:
        await auditor.trail.grow(5)
        assert (await auditor.get("/audit/proofs/inclusion", entry_id=new_id())).status_code == 404
        last = (await auditor.entry_ids())[4]
        for size in (4, 6):
            refused = await auditor.get("/audit/proofs/inclusion", entry_id=last, tree_size=size)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "tree_size")
        for sizes in ("first=6", "first=3&second=2", "first=1&second=9"):
            assert (await auditor.get(f"/audit/proofs/consistency?{sizes}")).status_code == 422


class TestReports:
    """S3 8.1: reports by user, record, date and action."""

    async def test_entries_are_found_by_each_key(self, auditor: Auditor) -> None:
        clock = auditor.trail.clock
        began = clock.now()
        await auditor.trail.write(2, user="bob", action="thing.change")
        clock.turn(days=1)
        await auditor.trail.write(3)
        for asked, count in (
            ({"user_id": "bob"}, 2), ({"user_id": "ann"}, 3), ({"record_id": "r-0"}, 2), ({"record_id": "r-2"}, 1),
            ({"action": "thing.change"}, 2), ({"outcome": "done", "purpose": "audit", "action": "thing.read"}, 3),
            ({"at_to": (began + timedelta(hours=1)).isoformat()}, 2), ({"user_id": "bob", "record_id": "r-2"}, 0),
            ({"at_from": (began + timedelta(days=1)).isoformat(), "action": "thing.read"}, 3),
            ({"outcome": "refused"}, 0),
        ):  # fmt: skip
            answer = await auditor.search(**asked)
            assert (answer.status_code, len(answer.json()["items"])) == (200, count), asked

    async def test_pages_follow_each_other_newest_first(self, auditor: Auditor) -> None:
        await auditor.trail.write(5)
        found, cursor = [], None
        for _ in range(3):
            page = (await auditor.search(action="thing.read", limit=2, cursor=cursor)).json()
            found += [item["position"] for item in page["items"]]
            cursor = page["next_cursor"]
        assert found == [5, 4, 3, 2, 1]
        assert cursor is None

    @pytest.mark.req("S3-105")
    async def test_who_searched_for_a_person_is_found_by_the_term_and_by_nothing_else(self, auditor: Auditor) -> None:
        sought = audit.term(TERM_KEY, "account_id", "SOME-account 7")
        event = audit.AuditEvent(
            Principal("ann", frozenset({"agent"})), "10.0.0.7", "thing.search", "done", terms=[sought]
        )
        async with auditor.trail.database.unit_of_work() as session:
            await audit.record(session, event, now=auditor.trail.clock.now())
        answer = await auditor.search(term={"name": "account_id", "value": "some-Account7"}, action="thing.search")
        assert [item["user_id"] for item in answer.json()["items"]] == ["ann"]
        for name, value in (("account_id", "some-account8"), ("employee_pin", "SOME-account 7")):
            assert (await auditor.search(term={"name": name, "value": value})).json()["items"] == []
        assert "account7" not in str(await auditor.trail.rows("SELECT * FROM audit_entry")).lower()

    async def test_a_service_without_terms_says_so(
        self, database: Database, issuer: Issuer, clock: FixedClock, tmp_path: Path
    ) -> None:
        async with client_of(application(database, issuer, clock, None)) as client:
            asking = Auditor(client, issuer, Trail(database, tmp_path / "keys", clock))
            assert (await asking.search(term={"name": "account_id", "value": "x"})).status_code == 422
            assert (await asking.search(action="thing.read")).status_code == 200

    async def test_a_report_is_a_look_and_names_its_keys_without_their_values(self, auditor: Auditor) -> None:
        await auditor.search(user_id="somebody-special", term={"name": "account_id", "value": "acc-9"}, record_id="r-9")
        entry = await auditor.last()
        assert (entry["action"], entry["outcome"], entry["record_ids"]) == ("audit.search", "done", ["r-9"])
        assert entry["fields"] == ["audit_entry", "key.record_id", "key.term", "key.user_id"]
        assert entry["terms"] == [audit.term(TERM_KEY, "account_id", "acc-9")]
        assert "somebody-special" not in str(entry)


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("role", ["agent", "supervisor", "customer", "records_officer", "case_system"])
async def test_only_auditors_and_privacy_officers_come_in(auditor: Auditor, operation: str, role: str) -> None:
    method, path = operation.split()
    answer = await auditor.client.request(method, path, headers=auditor.issuer.headers(role), json={})
    assert answer.status_code == 403
    assert (await auditor.last())["outcome"] == "refused"


class TestOwnRecords:
    async def test_a_person_sees_when_why_and_what_and_not_who(self, auditor: Auditor) -> None:
        await auditor.trail.write(4, user="agent-Smith")
        answer = await auditor.client.get(
            "/v1/me/accesses", headers=auditor.issuer.headers("customer", sub="account-1")
        )
        assert answer.status_code == 200
        assert [(one["record_ids"], one["purpose"], one["roles"]) for one in answer.json()["items"]] == [
            (["r-2"], "audit", ["auditor"]),
            (["r-1"], "audit", ["auditor"]),
        ]
        assert set(answer.json()["items"][0]) == {"at", "roles", "action", "purpose", "record_ids", "fields"}
        assert "Smith" not in answer.text
        assert "10.0.0.7" not in answer.text

    async def test_whose_records_there_are_none_sees_none(self, auditor: Auditor) -> None:
        await auditor.trail.write(4)
        for role, status in (("customer", 200), ("agent", 403), ("auditor", 403)):
            answer = await auditor.get("/me/accesses", role)
            assert answer.status_code == status
            assert not answer.json().get("items")
