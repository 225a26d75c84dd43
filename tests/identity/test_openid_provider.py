"""A provider that is not ours issues the tokens: they open a service, its key rotation is followed, its bound tokens are
checked.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import httpx
import pytest

from common.clock import SystemClock
from common.ids import new_id_text
from common.testing import Holder, client_of
from muniment.errors import PlainError
from muniment.home import find_home
from production.app import make_app
from production.settings import ProductionSettings
from tests.identity.provider_process import SOURCE, Provider, fetch, person_token, program_token
from tests.plugins.engines import do_without, temporary_home
from tests.production.work import KEYRING

pytestmark = pytest.mark.req("S1-001")
OWN_DAY = "/v1/reports/daily/me"


@pytest.fixture(scope="module")
def provider(request: pytest.FixtureRequest) -> Iterator[Provider]:
    try:
        node, folder = fetch(find_home())
    except PlainError as reason:
        do_without(request, "the OpenID Connect provider", str(reason))
    home = temporary_home("identity")
    running = Provider(node, folder, home)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(home.path, ignore_errors=True)


@pytest.fixture
async def client(
    provider: Provider, service_db: Callable[[str], Awaitable[str]], key_folder: Path
) -> AsyncIterator[httpx.AsyncClient]:
    settings = ProductionSettings(
        profile="standard",
        database_url=await service_db("production"),
        issuer=provider.issuer,
        jwks=provider.jwks,
        public_url="https://production.agency.example",
        grant_keys="https://disclosure.agency.example/v1/keys",
        key_folder=str(key_folder),
    )
    async with client_of(make_app(settings, clock=SystemClock(), keyring=KEYRING)) as opened:
        yield opened


def work() -> dict[str, object]:
    return {
        "action_id": new_id_text(),
        "kind": "case_adjudicated",
        "outcome": "approved",
        "started_at": "2026-03-02T12:00:00Z",
        "completed_at": "2026-03-02T12:10:00Z",
        "office": "S01",
        "region": "R1",
        "pii": {"employee_pin": "100007"},
    }


async def record(client: httpx.AsyncClient, token: str, **headers: str) -> httpx.Response:
    sent = {"Authorization": f"Bearer {token}", "Idempotency-Key": new_id_text()} | headers
    return await client.post("/v1/actions", json=work(), headers=sent)


async def test_a_program_works_with_its_token(client: httpx.AsyncClient, provider: Provider) -> None:
    token = await asyncio.to_thread(program_token, provider)
    answer = await record(client, token)
    assert answer.status_code == 201, answer.text
    refused = await client.get(OWN_DAY, headers={"Authorization": f"Bearer {token}"})
    assert refused.status_code == 403


async def test_a_person_works_with_the_token_of_their_login(client: httpx.AsyncClient, provider: Provider) -> None:
    token = await asyncio.to_thread(person_token, provider, "agent-7")
    answer = await client.get(OWN_DAY, headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200, answer.text
    assert answer.json()["employee_pin"] == "100007"
    assert (await record(client, token)).status_code == 403
    stranger = await asyncio.to_thread(person_token, provider, "nobody")
    assert (await client.get(OWN_DAY, headers={"Authorization": f"Bearer {stranger}"})).status_code == 403
    head, body, signature = token.split(".")
    forged = f"{head}.{body}.{signature[:-4]}AAAA"
    assert (await client.get(OWN_DAY, headers={"Authorization": f"Bearer {forged}"})).status_code == 401


async def test_tokens_bound_to_a_key_work_with_it_and_only_with_it(
    client: httpx.AsyncClient, provider: Provider
) -> None:
    holder = Holder(SystemClock())
    there = holder.proof("POST", f"{provider.issuer}/token", "", ath=None)
    token = await asyncio.to_thread(lambda: person_token(provider, "agent-7", proof=there))
    url = f"https://production.agency.example{OWN_DAY}"
    bound = {"Authorization": f"DPoP {token}", "DPoP": holder.proof("GET", url, token)}
    assert (await client.get(OWN_DAY, headers=bound)).status_code == 200
    assert (await client.get(OWN_DAY, headers=bound)).status_code == 401
    assert (await client.get(OWN_DAY, headers={"Authorization": f"Bearer {token}"})).status_code == 401
    thief = Holder(SystemClock())
    stolen = {"Authorization": f"DPoP {token}", "DPoP": thief.proof("GET", url, token)}
    assert (await client.get(OWN_DAY, headers=stolen)).status_code == 401


def test_the_providers_lock_has_hashes_and_no_addresses() -> None:
    text = (SOURCE / "package-lock.json").read_text()
    assert "://" not in text
    packages = json.loads(text)["packages"]
    assert all(entry["integrity"].startswith("sha512-") for name, entry in packages.items() if name)
    assert len(packages) > 50


async def test_the_providers_new_key_is_followed(
    client: httpx.AsyncClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("common.issuer_keys.REFETCH_SECONDS", 0.0)
    old = await asyncio.to_thread(program_token, provider)
    assert (await record(client, old)).status_code == 201
    await asyncio.to_thread(provider.stop)
    assert (await record(client, old)).status_code == 201  # its key is known
    await asyncio.to_thread(provider.rotate)
    new = await asyncio.to_thread(program_token, provider)
    assert (await record(client, new)).status_code == 201
    assert (await record(client, old)).status_code == 401
