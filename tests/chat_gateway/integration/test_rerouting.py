"""Who waits longer than the topic promises: others may take it too, then another way is offered; each step explains itself."""

import asyncio
import json
from uuid import UUID

import httpx
import pytest

from chat_gateway.settings import ChatGatewaySettings
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_offers import free, offered
from tests.chat_gateway.talking import Talker


@pytest.fixture
def settings(settings: ChatGatewaySettings) -> ChatGatewaySettings:
    """The clock jumps by more than a line may be gone: nobody is lost by that here."""
    return settings.model_copy(update={"seat_seconds": 7200, "desk_seconds": 7200, "owner_lost_seconds": 7200})


async def steps(gateway: Gateway, session_id: UUID, number: int) -> None:
    """Wait until so many were made."""
    async with asyncio.timeout(10):
        while (await gateway.rows("SELECT step FROM placement WHERE session_id = $1", session_id))[0]["step"] < number:
            await asyncio.sleep(0.05)


@pytest.mark.req("S1-016")
@pytest.mark.peer("G13")
async def test_after_too_long_a_wait_others_may_take_it_and_the_record_says_why(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1", designations=["general"]) as general,
        gateway.talker("agent", sub="a-2", designations=["medicare"]) as other,
    ):
        session_id = await customer.open("retirement")
        await customer.first("queue")
        before = (await gateway.rows("SELECT since, queued_at FROM placement"))[0]
        for agent in (general, other):
            assert (await agent.ask("error", type="join", session_id=session_id))["code"] == "not-designated"
        gateway.clock.turn(minutes=19)
        await free(general)
        await free(other)
        assert not general.all("offer")
        gateway.clock.turn(minutes=1)
        await steps(gateway, session_id, 1)
        await free(general)
        assert (await offered(general, session_id))["how"] == "queue"
        await customer.until(lambda: any(f["steps"] == 1 for f in customer.all("queue")))
        assert (await gateway.rows("SELECT since, queued_at FROM placement"))[0] == before, "the place stays"
        assert (await other.ask("error", type="join", session_id=session_id))["code"] == "not-designated"
        await general.ask("joined", type="accept", session_id=session_id)
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            url = f"/v1/sessions/{session_id}/assignments"
            told = (await http.get(url, headers=gateway.issuer.headers("supervisor"))).json()["assignments"]
        step = told[0]
        assert (step["how"], step["rule"], step["outcome"]) == ("reroute", "waited-too-long", "rerouted")
        assert step["facts"]["waited_seconds"] == 20 * 60
        assert (step["facts"]["step"], step["facts"]["designations"]) == (1, ["general"])
        assert {s["agent"] for s in step["skipped"]} == {"a-1", "a-2"}, "why nobody had taken it"
        assert "not-designated" in json.dumps(step["skipped"])
        assert (told[-1]["how"], told[-1]["outcome"]) == ("offer", "accepted")
        # Given back under the topic, it begins a new wait: the steps of the old one do not count.
        await general.ask("transfer", type="transfer", session_id=session_id, reason="other-expertise")
        assert (await general.ask("error", type="join", session_id=session_id))["code"] == "not-designated"


@pytest.mark.peer("G13", "C06")
async def test_at_last_the_person_may_leave_a_message_and_is_served_when_somebody_comes(gateway: Gateway) -> None:
    async with gateway.talker("agent", sub="a-2", designations=["retirement"]) as expert:
        async with gateway.talker("customer") as customer:
            session_id = await customer.open("retirement")
            await customer.post(session_id, "When is my payment due?")
            early = await customer.first("queue")
            assert early["offers"] == []
            gateway.clock.turn(minutes=30)
            await steps(gateway, session_id, 2)
            await customer.until(lambda: bool(customer.all("queue")[-1]["offers"]))
            assert customer.all("queue")[-1]["offers"] == ["leave-message", "keep-place"]
            left = await customer.ask("place", type="leave", session_id=session_id, message=True)
            assert "token" not in left, "the session itself waits on"
        gateway.clock.turn(minutes=30)
        await free(expert)
        await offered(expert, session_id)
        await expert.ask("joined", type="accept", session_id=session_id)
        await expert.until_seq(session_id, 3)
        taken = await taken_message(gateway, session_id)
        assert taken == (409, "not-in-this-state"), "somebody has it now"
    rows = await gateway.rows("SELECT how, outcome FROM assignment ORDER BY at, id")
    assert [tuple(row) for row in rows] == [("reroute", "rerouted"), ("reroute", "rerouted"), ("offer", "accepted")]


async def taken_message(gateway: Gateway, session_id: UUID) -> tuple[int, str]:
    async with gateway.talker("customer") as back:
        refused = await back.ask("error", type="leave", session_id=session_id, message=True)
        return refused["status"], refused["code"]


async def test_a_wait_of_nobodys_never_ends_it_and_two_processes_make_each_step_once(gateway: Gateway) -> None:
    async with (
        gateway.replica(),
        gateway.replica(),
        Talker.connected(gateway.port, gateway.issuer.mint("customer")) as customer,
    ):
        session_id = await customer.open("retirement")
        await customer.first("queue")
        gateway.clock.turn(minutes=45)
        await steps(gateway, session_id, 2)
        await customer.ask("pong", type="ping")
        rows = await gateway.rows(
            "SELECT facts ->> 'step' AS step FROM assignment WHERE session_id = $1 ORDER BY at, facts ->> 'step'",
            session_id,
        )
        assert [row["step"] for row in rows] == ["1", "2"]
        assert (await gateway.rows("SELECT stage FROM placement"))[0]["stage"] == "waiting"
        assert (await customer.ask("place", type="leave", session_id=session_id))["token"]
