"""Who waits is offered to who is free and fit; offers are answered, pass, and explain themselves."""

from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Frame, Talker


async def offered(agent: Talker, session_id: UUID) -> Frame:
    await agent.until(lambda: any(f["session_id"] == str(session_id) for f in agent.all("offer")))
    return next(f for f in agent.all("offer") if f["session_id"] == str(session_id))


async def free(agent: Talker, **how: Any) -> Frame:
    return await agent.ask("desk", type="available", **how)


@pytest.mark.req("S1-016", "S1-017")
async def test_who_waits_is_offered_to_who_is_designated_wherever_they_sit(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1", designations=["medicare"]) as other,
        gateway.talker("agent", sub="a-2", designations=["retirement"], office="W77") as expert,
    ):
        assert (await free(other))["capacity"] == 5
        await free(expert)
        session_id = await customer.open("retirement")
        offer = await offered(expert, session_id)
        assert (offer["how"], offer["topic"], offer["language"]) == ("queue", "retirement", "en")
        assert "retire" not in str({k: v for k, v in offer.items() if k != "topic"}), "nothing of what was said"
        assert not other.all("offer")
        refused = await other.ask("error", type="accept", session_id=session_id)
        assert (refused["code"], refused["status"]) == ("unknown-session", 404)
        refused = await other.ask("error", type="join", session_id=session_id)
        assert (refused["code"], refused["status"]) == ("not-designated", 403)
        await expert.ask("joined", type="accept", session_id=session_id)
        await customer.until_seq(session_id, 2)
        assert (await expert.post(session_id, "Good morning"))["seq"] == 3
    rows = await gateway.rows("SELECT agent, how, rule, outcome, skipped::text FROM assignment")
    assert [(r["agent"], r["how"], r["rule"], r["outcome"]) for r in rows] == [
        ("a-2", "offer", "round-robin", "accepted")
    ]
    assert "not-designated" in rows[0]["skipped"]
    assert [r["office"] for r in await gateway.rows("SELECT office FROM participant WHERE role = 'agent'")] == ["W77"]


async def test_an_offer_that_passes_goes_to_the_next_and_takes_the_silent_one_off_the_floor(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as silent,
        gateway.talker("agent", sub="a-2") as awake,
    ):
        await free(silent)
        session_id = await customer.open()
        await offered(silent, session_id)
        await free(awake)
        gateway.clock.turn(seconds=31)
        gone = await silent.first("offer_gone")
        assert gone["session_id"] == str(session_id)
        await silent.until(lambda: any(f.get("why") == "did-not-answer" for f in silent.all("desk")))
        await offered(awake, session_id)
        late = await silent.ask("error", type="accept", session_id=session_id)
        assert late["code"] == "unknown-session"
        await awake.ask("joined", type="accept", session_id=session_id)
    rows = await gateway.rows("SELECT agent, outcome FROM assignment ORDER BY at, id")
    assert [tuple(r) for r in rows] == [("a-1", "lapsed"), ("a-2", "accepted")]


async def test_who_declines_is_not_asked_again_at_once(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as one,
        gateway.talker("agent", sub="a-2") as two,
    ):
        await free(one)
        session_id = await customer.open()
        await offered(one, session_id)
        await one.say(type="decline", session_id=session_id, reason="conflict-of-interest")
        await one.first("offer_gone")
        await free(two)
        await offered(two, session_id)
        assert len(one.all("offer")) == 1
        await two.ask("joined", type="accept", session_id=session_id)
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            url = f"/v1/sessions/{session_id}/assignments"
            seen = (await http.get(url, headers=gateway.issuer.headers("supervisor"))).json()["assignments"]
            mine = (await http.get(url, headers=gateway.issuer.headers("agent", sub="a-1"))).json()["assignments"]
            nobody = await http.get(url, headers=gateway.issuer.headers("agent", sub="a-9"))
            customers = await http.get(url, headers=gateway.issuer.headers("customer"))
    assert [(a["agent"], a["outcome"], a["reason"]) for a in seen] == [
        ("a-1", "declined", "conflict-of-interest"),
        ("a-2", "accepted", None),
    ]
    assert seen[1]["skipped"] == [{"agent": "a-1", "reasons": ["declined-lately"], "lacking": []}]
    assert [a["agent"] for a in mine] == ["a-1", "a-2"]
    assert nobody.status_code == 404
    assert customers.status_code in {403, 404}


async def test_two_agents_are_served_in_turn_and_nobody_beyond_their_capacity(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as one,
        gateway.talker("agent", sub="a-2") as two,
    ):
        await free(one, capacity=2)
        await free(two, capacity=1)
        opened = [await customer.open() for _ in range(4)]
        await one.until(lambda: len(one.all("offer")) == 2)
        await two.until(lambda: len(two.all("offer")) == 1)
        assert {f["session_id"] for f in one.all("offer") + two.all("offer")} == {str(s) for s in opened[:3]}
        await one.say(type="away")
        await two.until(lambda: len(two.all("offer")) == 1)
        rows = await gateway.rows("SELECT stage, count(*) FROM placement GROUP BY 1 ORDER BY 1")
    assert {r["stage"] for r in rows} <= {"waiting", "offered"}


async def test_a_person_hears_the_place_and_moves_up(gateway: Gateway) -> None:
    async with gateway.talker("customer", sub="c-1") as first, gateway.talker("customer", sub="c-2") as second:
        one = await first.open()
        two = await second.open()
        await second.until(lambda: any(f["place"] == 2 for f in second.all("queue")))
        told = second.all("queue")[-1]
        assert (told["of"], told.get("wait"), told["longer_than_promised"]) == (2, None, False)
        assert told["other_channels"][0] == "telephone"
        async with gateway.talker("agent", sub="a-1") as agent:
            refused = await agent.ask("error", type="prioritise", session_id=two, reason="because")
            assert refused["status"] in {409, 422}
            await agent.say(type="prioritise", session_id=two, reason="dire-need")
            await second.until(lambda: second.all("queue")[-1]["place"] == 1)
            await first.until(lambda: first.all("queue")[-1]["place"] == 2)
            async with httpx.AsyncClient(base_url=gateway.http) as http:
                headers = gateway.issuer.headers("customer", sub="c-1")
                place = (await http.get(f"/v1/sessions/{one}/place", headers=headers)).json()
                alien = await http.get(f"/v1/sessions/{two}/place", headers=headers)
                queue = (await http.get("/v1/queue", headers=gateway.issuer.headers("agent"))).json()["waiting"]
        assert (place["place"], place["of"], place["wait"]) == (2, 2, None)
        assert alien.status_code == 404
        assert [(q["session_id"], q["priority"]) for q in queue] == [(str(two), "dire-need"), (str(one), None)]
    rows = await gateway.rows("SELECT session_id, reason, given_by FROM prioritisation")
    assert [tuple(r) for r in rows] == [(two, "dire-need", "a-1")]


async def test_a_place_is_kept_and_good_once_for_its_owner_alone(gateway: Gateway) -> None:
    async with gateway.talker("customer", sub="c-1") as first, gateway.talker("customer", sub="c-2") as second:
        one = await first.open()
        gateway.clock.turn(minutes=1)
        two = await second.open()
        kept = await first.ask("place", type="leave", session_id=one)
        assert (await first.first("closed"))["reason"] == "place_kept"
        notice = (await first.first("notice"))["version"]
        gateway.clock.turn(hours=1)

        async def reopen(talker: Talker) -> UUID:
            frame = {"type": "open", "client_id": uuid4(), "topic": "retirement", "notice_version": notice}
            return UUID((await talker.ask("opened", **frame, place=kept["token"]))["session_id"])

        stolen = await reopen(second)
        again = await reopen(first)
        twice = await reopen(first)
        since = {r["session_id"]: r["since"] for r in await gateway.rows("SELECT session_id, since FROM placement")}
        assert since[again] < since[two] < since[stolen] <= since[twice]
    assert kept["token"] not in str([dict(r) for r in await gateway.rows("SELECT * FROM kept_place")])
