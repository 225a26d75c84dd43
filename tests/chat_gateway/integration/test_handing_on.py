"""A session goes from hand to hand: the person has an owner or a place at every moment, whatever breaks in between."""

import asyncio
from uuid import UUID

import httpx
import pytest

from common.contracts.chat import EMPTY_DIGEST
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_offers import free, offered
from tests.chat_gateway.talking import Talker, chained


async def taken(agent: Talker, customer: Talker) -> UUID:
    """A session that this agent has."""
    session_id = await customer.open()
    await agent.ask("joined", type="join", session_id=session_id)
    await customer.until_seq(session_id, 2)
    return session_id


async def refreshed(gateway: Gateway) -> None:
    """Until the gateway has seen who is there at this moment of its clock."""
    async with asyncio.timeout(30):
        while (await gateway.rows("SELECT count(*) FROM desk WHERE seen_at < $1", gateway.clock.now()))[0][0]:
            await asyncio.sleep(0.02)


async def kinds(gateway: Gateway) -> list[str]:
    return [r["kind"] for r in await gateway.rows("SELECT kind FROM session_entry ORDER BY seq")]


async def test_a_transfer_is_a_handshake_and_the_first_owner_stays_until_the_second_accepts(gateway: Gateway) -> None:
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1", pin="111111") as one,
        other.talker("agent", sub="a-2", pin="222222", display_name="Mr. Chen") as two,
    ):
        session_id = await taken(one, customer)
        await customer.post(session_id, "My number is a secret")
        absent = await one.ask("error", type="transfer", session_id=session_id, agent="a-2", reason="other-expertise")
        assert absent["code"] == "not-in-this-state"
        await free(two)
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            url = f"/v1/sessions/{session_id}/targets"
            targets = (await http.get(url, headers=gateway.issuer.headers("agent", sub="a-1"))).json()["targets"]
            alien = await http.get(url, headers=gateway.issuer.headers("agent", sub="a-2"))
        assert [(t["agent"], t["office"], t["load"]) for t in targets] == [("a-2", "S01", 0)]
        assert alien.status_code == 404
        await one.ask("transfer", type="transfer", session_id=session_id, agent="a-2", reason="other-expertise")
        offer = await offered(two, session_id)
        assert offer["how"] == "transfer"
        assert "secret" not in str(two.frames), "the history opens to who has accepted"
        closed_door = await two.ask("error", type="resume", session_id=session_id, after_seq=0)
        assert closed_door["code"] == "unknown-session"
        assert (await one.post(session_id, "One moment, please"))["type"] == "ack", "still the owner"
        await two.ask("joined", type="accept", session_id=session_id)
        await two.until_seq(session_id, 5)
        assert [e["seq"] for e in two.entries(session_id)] == [1, 2, 3, 4, 5]
        await one.first("left")
        assert (await one.post(session_id, "And another thing"))["code"] == "unknown-session"
        assert (await one.ask("error", type="resume", session_id=session_id, after_seq=0))["code"] == "unknown-session"
        assert (await one.ask("error", type="close", session_id=session_id))["code"] == "unknown-session"
        await customer.until_seq(session_id, 5)
        shown = next(f for f in customer.all("entry") if f["kind"] == "transferred")
        assert shown["entry"]["pii"] == {"display_name": "Mr. Chen"}
        assert "222222" not in str(customer.frames)
        await two.post(session_id, "Mr. Chen here")
        await two.ask("closed", type="close", session_id=session_id)
        await customer.first("closed")
    held = [e for e in customer.entries(session_id) if e["seq"] != 3]
    assert [e["seq"] for e in held] == [1, 2, 4, 5, 6, 7]
    assert chained(held[:2], EMPTY_DIGEST) == [e["digest"] for e in held[:2]]
    assert await kinds(gateway) == ["opened", "joined", "message", "message", "transferred", "message", "closed"]
    assert await gateway.count("placement") == 0
    rows = await gateway.rows("SELECT how, agent, by_agent, reason, outcome FROM assignment ORDER BY at, id")
    assert [tuple(r) for r in rows] == [
        ("pick", "a-1", "", "", "accepted"),
        ("transfer", "a-2", "a-1", "other-expertise", "accepted"),
    ]
    told = await gateway.rows("SELECT count(*) FROM outbox WHERE topic = 'action.completed'")
    assert told[0][0] == 2, "both handled it"


@pytest.mark.parametrize("how", ["decline", "lapse", "withdraw"])
async def test_a_transfer_that_comes_to_nothing_changes_nothing(gateway: Gateway, how: str) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as one,
        gateway.talker("agent", sub="a-2") as two,
    ):
        session_id = await taken(one, customer)
        await free(two)
        await one.ask("transfer", type="transfer", session_id=session_id, agent="a-2", reason="language")
        await offered(two, session_id)
        again = await one.ask("error", type="transfer", session_id=session_id, agent="a-2", reason="language")
        assert again["code"] == "not-in-this-state"
        if how == "decline":
            await two.say(type="decline", session_id=session_id, reason="busy")
        elif how == "lapse":
            gateway.clock.turn(seconds=31)
        else:
            await one.ask("transfer", type="withdraw", session_id=session_id)
        await two.first("offer_gone")
        assert (await two.ask("error", type="accept", session_id=session_id))["code"] == "unknown-session"
        assert (await one.post(session_id, "I am still here"))["seq"] == 3
    rows = await gateway.rows("SELECT stage, owner, asked FROM placement")
    assert [tuple(r) for r in rows] == [("active", "a-1", "")]
    assert await kinds(gateway) == ["opened", "joined", "message"]


@pytest.mark.req("S1-016")
async def test_who_is_no_expert_is_not_asked_and_cannot_accept(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as one,
        gateway.talker("agent", sub="a-2", designations=["medicare"]) as two,
    ):
        session_id = await taken(one, customer)
        await free(two)
        refused = await one.ask("error", type="transfer", session_id=session_id, agent="a-2", reason="customer-asked")
        assert "not-designated" in refused["detail"]
        async with gateway.talker("agent", sub="a-3") as three:
            await free(three)
            await one.ask("transfer", type="transfer", session_id=session_id, agent="a-3", reason="customer-asked")
            await offered(three, session_id)
            # The designation was taken away between the question and the answer.
            async with gateway.talker("agent", sub="a-3", designations=[]) as stripped:
                refused = await stripped.ask("error", type="accept", session_id=session_id)
        assert (refused["code"], refused["status"]) == ("not-designated", 403)
    assert (await gateway.rows("SELECT owner FROM placement"))[0]["owner"] == "a-1"


async def test_given_back_it_waits_at_its_old_place_under_another_topic(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer", sub="c-1") as early,
        gateway.talker("customer", sub="c-2") as late,
        gateway.talker("agent", sub="a-1") as one,
        gateway.talker("agent", sub="a-2", designations=["medicare"]) as two,
    ):
        session_id = await taken(one, early)
        gateway.clock.turn(minutes=1)
        other = await late.open("medicare")
        await one.ask("transfer", type="transfer", session_id=session_id, topic="medicare", reason="other-expertise")
        await one.first("left")
        await early.until(lambda: any(f["place"] == 1 and f["of"] == 2 for f in early.all("queue")))
        await late.until(lambda: late.all("queue")[-1]["place"] == 2)
        assert (await one.post(session_id, "Too late"))["code"] == "unknown-session"
        assert (await early.post(session_id, "Is anybody there?"))["type"] == "ack"
        await free(two)
        await offered(two, session_id)
        await two.ask("joined", type="accept", session_id=session_id)
        await two.until_seq(session_id, 5)
        assert other != session_id
    rows = await gateway.rows("SELECT kind FROM session_entry WHERE session_id = $1 ORDER BY seq", session_id)
    assert [r["kind"] for r in rows] == ["opened", "joined", "returned", "message", "joined"]


async def test_a_hold_ends_by_itself_and_by_its_owner(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", sub="a-1") as one:
        session_id = await taken(one, customer)
        await one.say(type="hold", session_id=session_id, seconds=60)
        await customer.until_seq(session_id, 3)
        refused = await one.ask("error", type="hold", session_id=session_id)
        assert refused["code"] == "not-in-this-state"
        assert (await customer.post(session_id, "I wait"))["seq"] == 4
        gateway.clock.turn(seconds=61)
        await customer.until_seq(session_id, 5)
        resumed = customer.entries(session_id)[-1]
        assert (resumed["role"], resumed["cause"]) == ("system", "time")
        await one.say(type="hold", session_id=session_id)
        await customer.until_seq(session_id, 6)
        await one.say(type="unhold", session_id=session_id)
        await customer.until_seq(session_id, 7)
        assert customer.entries(session_id)[-1]["cause"] == "agent"


async def test_an_agent_whose_line_is_lost_for_long_loses_the_session_to_the_queue(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        async with gateway.talker("agent", sub="a-1") as one:
            session_id = await taken(one, customer)
        gateway.clock.turn(seconds=60)
        async with gateway.talker("agent", sub="a-1") as back:
            await back.ask("resumed", type="resume", session_id=session_id, after_seq=2)
            await back.post(session_id, "Sorry, my line was lost")
            gateway.clock.turn(seconds=15)
            await refreshed(gateway)
        gateway.clock.turn(seconds=121)
        await customer.until_seq(session_id, 4)
        returned = customer.entries(session_id)[-1]
        assert (returned["role"], returned["reason"]) == ("system", "line-lost")
        await customer.until(lambda: bool(customer.all("queue")))
        async with gateway.talker("agent", sub="a-2") as two:
            await free(two)
            await offered(two, session_id)
            await two.ask("joined", type="accept", session_id=session_id)
    rows = await gateway.rows("SELECT stage, owner FROM placement")
    assert [tuple(r) for r in rows] == [("active", "a-2")]


async def test_a_customer_whose_line_dropped_keeps_the_seat_and_who_stays_away_gives_it_up(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        await customer.first("queue")
    async with gateway.talker("agent", sub="a-1") as agent:
        gateway.clock.turn(minutes=5)
        await free(agent)
        async with gateway.talker("customer") as customer:
            await customer.ask("resumed", type="resume", session_id=session_id, after_seq=1)
            await offered(agent, session_id)
            await agent.say(type="decline", session_id=session_id, reason="busy")
            await agent.first("offer_gone")
        gateway.clock.turn(minutes=11)
        async with asyncio.timeout(30):
            while await gateway.count("placement"):
                await asyncio.sleep(0.02)
        async with gateway.talker("customer") as customer:
            await customer.ask("resumed", type="resume", session_id=session_id, after_seq=1)
            assert (await customer.first("closed"))["reason"] == "abandoned"


async def test_silence_is_warned_of_and_can_be_extended_ten_times_before_it_ends_a_session(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", sub="a-1") as one:
        session_id = await taken(one, customer)
        await one.post(session_id, "Are you still there?")
        early = await customer.ask("error", type="extend", session_id=session_id)
        assert early["code"] == "not-in-this-state"
        seq = 3
        for left in range(10, 0, -1):
            gateway.clock.turn(seconds=100)  # the desk's line is seen in between
            await refreshed(gateway)
            gateway.clock.turn(seconds=201)
            await customer.until_seq(session_id, seq + 1)
            assert customer.entries(session_id)[-1]["extensions_left"] == left
            await customer.say(type="extend", session_id=session_id)
            await customer.until_seq(session_id, seq + 2)
            seq += 2
        gateway.clock.turn(seconds=100)
        await refreshed(gateway)
        gateway.clock.turn(seconds=201)
        await customer.until_seq(session_id, seq + 1)
        assert customer.entries(session_id)[-1]["extensions_left"] == 0
        refused = await customer.ask("error", type="extend", session_id=session_id)
        assert refused["code"] == "not-in-this-state"
        await customer.post(session_id, "I am here, I was looking for a paper")
        gateway.clock.turn(seconds=100)
        await refreshed(gateway)
        gateway.clock.turn(seconds=100)
        await refreshed(gateway)
        assert (await one.post(session_id, "Take your time"))["type"] == "ack", "whoever speaks is not cut off"
        for _ in range(6):
            gateway.clock.turn(seconds=100)
            await refreshed(gateway)
        await customer.first("closed")
        assert customer.all("closed")[0]["reason"] == "inactive"
