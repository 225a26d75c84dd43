"""A conversation from the notice to the closing, over a real server and a real PostgreSQL."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import orjson
import pytest

from common.contracts import ALL_EVENTS
from common.contracts.envelope import decode
from common.messaging.broker import Record
from common.protection.events import open_events, shows_no_person
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import chained


@pytest.mark.req("S1-015", "S1-017", "S1-035", "S1-036")
async def test_a_conversation_is_numbered_delivered_and_told(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent") as agent:
        session_id = await customer.open()
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("agent")) as http:
            queue = (await http.get("/v1/queue")).json()
        assert [s["session_id"] for s in queue["waiting"]] == [str(session_id)]
        await agent.ask("joined", type="join", session_id=session_id)
        await customer.until_seq(session_id, 2)
        first = await customer.post(session_id, "When can I retire?")
        second = await agent.post(session_id, "At 62, with less; let us look.")
        assert (first["seq"], second["seq"]) == (3, 4)
        await customer.until_seq(session_id, 4)
        closing = await customer.ask("closed", type="close", session_id=session_id)
        told = await agent.first("closed")
        assert closing == told
        assert closing["seq"] == 5
        assert closing["reason"] == "customer_left"
        held = agent.entries(session_id)
        assert [e["seq"] for e in held] == [1, 2, 3, 5]
        own = next(f for f in agent.all("ack"))
        assert own["seq"] == 4

    stored = [orjson.loads(r["value"]) for r in await gateway.rows("SELECT value FROM session_entry ORDER BY seq")]
    assert [e["digest"] for e in stored] == chained(stored)
    assert stored[-1]["digest"] == closing["digest"]
    assert [without_pii(e) for e in stored if e["seq"] != 4] == [without_pii(e) for e in held]
    assert chained(held[:3]) == [e["digest"] for e in held[:3]]

    rows = await gateway.rows("SELECT topic, key, value, headers FROM outbox ORDER BY position")
    events = [decode(Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])), ALL_EVENTS) for r in rows]
    assert [e.type.split(".")[-2] for e in events] == ["opened", "joined", "posted", "posted", "closed", "completed"]
    assert all("pii" not in orjson.loads(e.raw) or shows_no_person(e.raw) for e in events)
    events = await open_events(gateway.keyring, events)
    action = events[-1].data.model_dump()
    assert action["pii"] == {"employee_pin": "100001", "case_number": ""}
    assert (action["office"], action["region"], action["session_id"]) == ("S01", "R1", session_id)
    joined = events[1].data.model_dump()
    assert (joined["pii"]["pin"], joined["pii"]["display_name"]) == ("100001", "Ms. Rivera")
    assert len(gateway.keyring.keys) == 1, "one key a session"


def without_pii(entry: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if name != "pii"}


async def test_resending_is_the_same_message(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id, client_id = await customer.open(), uuid4()
        first = await customer.post(session_id, "hello", client_id)
        again = await customer.post(session_id, "hello", client_id)
        other = await customer.post(session_id, "something else", client_id)
        assert again == first
        assert (other["type"], other["code"], other["status"]) == ("error", "client-id-reused", 409)
    assert await gateway.count("session_entry") == 2


async def test_opening_again_with_the_same_client_id_opens_no_second_session(gateway: Gateway) -> None:
    client_id = uuid4()
    async with gateway.talker("customer") as customer:
        first = await customer.open(client_id=client_id)
    async with gateway.talker("customer") as customer:
        assert await customer.open(client_id=client_id) == first
        notice = await customer.first("notice")
        error = await customer.ask(
            "error", type="open", client_id=client_id, topic="medicare", notice_version=notice["version"]
        )
    assert error["code"] == "client-id-reused"
    assert [UUID(str(r["id"])) for r in await gateway.rows("SELECT id FROM chat_session")] == [first]


async def test_a_customer_sees_who_looked_at_their_sessions_without_names(gateway: Gateway) -> None:
    async with gateway.talker("customer", sub="acc-1") as customer, httpx.AsyncClient(base_url=gateway.http) as client:
        session_id = await customer.open()
        mine, theirs = gateway.issuer.headers("customer", sub="acc-1"), gateway.issuer.headers("customer", sub="acc-2")
        assert (await client.get(f"/v1/sessions/{session_id}/entries", headers=mine)).status_code == 200
        seen = (await client.get("/v1/me/accesses", headers=mine)).json()["items"]
        assert ("session.read-entries", [str(session_id)]) in [(one["action"], one["record_ids"]) for one in seen]
        assert "user_id" not in seen[0]
        assert (await client.get("/v1/me/accesses", headers=theirs)).json()["items"] == []
