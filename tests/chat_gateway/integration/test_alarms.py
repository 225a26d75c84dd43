"""One key calls supervisors and security: at once, on a channel of its own, whatever engine is down."""

from collections.abc import Sequence
from typing import Any

import asyncpg
import httpx
import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from chat_gateway.answering import alarms
from common import database
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken


async def test_a_call_for_help_reaches_the_office_at_once_and_others_after_a_while(gateway: Gateway) -> None:
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as agent,
        gateway.talker("agent", sub="a-2") as colleague,
        gateway.talker("supervisor", sub="s-1") as near,
        other.talker("office_admin", sub="s-2") as security,
        other.talker("supervisor", sub="s-3", office="S99") as far,
    ):
        session_id = await taken(agent, customer)
        await agent.say(type="duress", session_id=session_id, cause="threat")
        heard = await near.first("alarm")
        assert (heard["agent"], heard["office"], heard["cause"]) == ("a-1", "S01", "threat")
        assert heard["session_id"] == str(session_id)
        assert (await security.first("alarm"))["alarm_id"] == heard["alarm_id"]
        await agent.until(lambda: any(f["recorded"] for f in agent.all("alarm")))
        assert not far.all("alarm")
        gateway.clock.turn(seconds=31)
        assert (await far.first("alarm"))["state"] == "escalated"
        await near.say(type="assist", alarm_id=heard["alarm_id"])
        for talker in (near, agent, security, far):
            await talker.until(lambda t=talker: t.all("alarm")[-1]["state"] == "answered")  # type: ignore[misc]
        assert agent.all("alarm")[-1]["answered_by"] == "s-1"
        await far.ask("pong", type="ping")
        assert (await customer.ask("pong", type="ping"))["type"] == "pong"
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            listed = (await http.get("/v1/alarms", headers=gateway.issuer.headers("supervisor"))).json()["alarms"]
            foreign = await http.get("/v1/alarms", headers=gateway.issuer.headers("supervisor", office="S99"))
    assert [(a["alarm_id"], a["answered_by"]) for a in listed] == [(heard["alarm_id"], "s-1")]
    assert foreign.json()["alarms"] == []
    assert not customer.all("alarm")
    assert heard["alarm_id"] not in str(customer.frames)
    assert not colleague.all("alarm")
    kinds = {row["kind"] for row in await gateway.rows("SELECT kind FROM session_entry")}
    assert kinds == {"opened", "joined"}
    entry = (await gateway.rows("SELECT user_id, record_ids FROM audit_entry WHERE action = 'duress.raise'"))[0]
    assert (entry["user_id"], entry["record_ids"]) == ("a-1", [heard["alarm_id"], str(session_id)])


async def test_nobody_sees_to_their_own_call_and_a_customer_has_no_such_key(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("supervisor", sub="s-1") as supervisor,
    ):
        assert (await customer.ask("error", type="duress"))["code"] == "forbidden"
        await supervisor.say(type="duress")
        alarm_id = (await supervisor.first("alarm"))["alarm_id"]
        own = await supervisor.ask("error", type="assist", alarm_id=alarm_id)
        assert own["code"] == "not-in-this-state"
        nothing = await supervisor.ask("error", type="assist", alarm_id=alarm_id[:-4] + "0000")
        assert nothing["code"] == "unknown-alarm"
    for table in ("duress_alarm", "session_note"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await gateway.rows(f"DELETE FROM {table}")
    with pytest.raises(asyncpg.CheckViolationError):
        await gateway.rows(
            "INSERT INTO duress_answer SELECT id, agent, at, agent FROM duress_alarm WHERE id = $1", alarm_id
        )


async def test_a_call_for_help_is_heard_while_the_database_is_away_and_recorded_when_it_is_back(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    away, stored = True, database.fetch_all

    async def reached(session: AsyncSession, sql: str, *values: Any) -> Sequence[Any]:
        if away:
            raise ConnectionRefusedError
        return await stored(session, sql, *values)

    monkeypatch.setattr(alarms, "fetch_all", reached)
    async with (
        gateway.talker("agent", sub="a-1") as agent,
        gateway.talker("supervisor", sub="s-1") as supervisor,
    ):
        await agent.say(type="duress", cause="violence")
        heard = await supervisor.first("alarm")
        assert (heard["cause"], heard["recorded"]) == ("violence", False)
        assert (await agent.first("alarm"))["alarm_id"] == heard["alarm_id"], (
            "the one who called knows that it was heard"
        )
        assert await gateway.count("duress_alarm") == 0
        away = False
        await supervisor.until(lambda: bool(supervisor.all("alarm")[-1]["recorded"]))
    assert await gateway.count("duress_alarm") == 1
    rows = await gateway.rows("SELECT record_ids FROM audit_entry WHERE action = 'duress.raise'")
    assert [row["record_ids"] for row in rows] == [[heard["alarm_id"]]]
