"""A new version of the service's own key: employees and requestors are known again under it, and nobody is entered twice."""

import asyncio
from collections.abc import Awaitable, Callable

import httpx

from common.protection.making import make_service_keys
from common.protection.resealing import Rewriter, retire
from common.protection.service_keys import TAKES_EFFECT
from common.testing import Issuer
from production.holdings import TABLES
from production.repository import meet_employees
from tests.production.integration.conftest import Store
from tests.production.work import action

DAY = {"date": "2026-03-02", "purpose": "reporting"}
Assign = Callable[..., Awaitable[httpx.Response]]


async def test_reports_and_chart_are_the_same_before_meanwhile_and_after(
    store: Store, client: httpx.AsyncClient, issuer: Issuer, assign: Assign
) -> None:
    told = action(pii={"case_number": "A12345678"})
    await store.hear_data(told)
    await assign("100001", {"valid_from": "2026-01-05"})
    supervisor = issuer.headers("supervisor", pin="200001")
    before = (await client.get("/v1/reports/team", params=DAY, headers=supervisor)).json()["employees"]
    assert [e["employee_pin"] for e in before] == ["100001"]

    keys = make_service_keys(store.settings, "production", store.clock)
    await keys.add_version()
    store.clock.turn(seconds=TAKES_EFFECT.total_seconds() * 3)
    await store.hear_data(told, action())
    assert (await store.count("action"), await store.count("employee"), await store.count("dead_letter")) == (2, 3, 0)

    progress = [await Rewriter(store.database, await keys.ready()).reseal(kept) for kept in TABLES]
    assert [(p.table, p.done, p.left) for p in progress] == [
        ("employee", 3, 0),
        ("action", 1, 0),
        ("release_copy", 0, 0),
    ]
    assert await retire(store.database, keys, TABLES, now=store.clock.now()) == 2
    store.clock.turn(minutes=1)
    await store.hear_data(told)
    after = (await client.get("/v1/reports/team", params=DAY, headers=supervisor)).json()["employees"]
    assert after[0]["totals"]["actions"] == before[0]["totals"]["actions"] + 1
    assert (await store.count("employee"), await store.count("dead_letter")) == (3, 0)
    own = await client.get("/v1/reports/daily/me", params=DAY, headers=issuer.headers("agent"))
    assert own.json()["totals"]["actions"] == 2


async def test_two_processes_with_different_versions_enter_an_employee_once(store: Store) -> None:
    service_keys = make_service_keys(store.settings, "production", store.clock)
    await service_keys.ready()
    await service_keys.add_version()
    store.clock.turn(seconds=TAKES_EFFECT.total_seconds() - 1)
    old = await make_service_keys(store.settings, "production", store.clock).ready()
    store.clock.turn(seconds=2)
    new = await make_service_keys(store.settings, "production", store.clock).ready()
    assert (old.newest, new.newest) == (1, 2)

    async def enter(keys: object) -> None:
        async with store.database.unit_of_work() as session:
            await meet_employees(session, {"100001", "100002"}, keys)  # type: ignore[arg-type]
            await asyncio.sleep(0.05)

    await asyncio.gather(enter(old), enter(new))
    assert await store.count("employee") == 2
