"""The queue as people meet it: hours, intervals for the wait, and processes that die in the middle of an offer."""

import asyncio
from datetime import timedelta
from functools import partial
from pathlib import Path
from uuid import UUID, uuid4

import httpx
import pytest
import yaml

from common.ids import new_id
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.integration.test_offers import free, offered
from tests.chat_gateway.talking import Talker


@pytest.fixture
def national(tmp_path: Path) -> Path:
    """Registers of an agency that serves retirement from eight to seven in the east, and everything else always."""
    own = Path("services/chat-gateway/src/chat_gateway/routing/registers/topics.yaml").read_text("utf-8")
    document = yaml.safe_load(own)
    next(t for t in document["topics"] if t["code"] == "retirement")["versions"][0]["hours"] = "national"
    folder = tmp_path / "registers"
    folder.mkdir()
    (folder / "topics.yaml").write_text(yaml.safe_dump(document))
    return folder


def answered(talker: Talker, session_id: UUID) -> bool:
    """Whether the talker joined this session, or was refused."""
    return any(f["type"] in {"joined", "error"} and f.get("session_id") == str(session_id) for f in talker.frames)


@pytest.mark.req("S1-002")
async def test_outside_the_hours_people_hear_when_and_how_else_and_may_leave_a_message(
    gateway: Gateway, national: Path
) -> None:
    async with gateway.replica(registers=national) as early, early.talker("customer") as customer:
        # Monday, 12:00 UTC: seven in the morning there.
        notice = (await customer.first("notice"))["version"]
        frame = {"type": "open", "client_id": uuid4(), "topic": "retirement", "notice_version": notice}
        refused = await customer.ask("error", **frame)
        assert (refused["code"], refused["status"]) == ("outside-hours", 409)
        assert "2026-03-02T13:00:00" in refused["detail"]
        assert "telephone" in refused["detail"]
        assert await gateway.count("chat_session") == 0
        async with httpx.AsyncClient(base_url=early.http) as http:
            topics = {t["topic"]: t for t in (await http.get("/v1/topics", params={"language": "es"})).json()["topics"]}
        closed = topics["retirement"]
        assert (closed["open"], closed["opens_at"], closed["why"]) == (False, "2026-03-02T13:00:00Z", "outside-hours")
        assert topics["medicare"]["open"]
        assert (closed["name"], closed["other_channels"]["mail"]) == ("Beneficios por jubilación", "Escríbanos")
        opened = await customer.ask("opened", **frame, leave_message=True)
        session_id = opened["session_id"]
        assert (await customer.post(session_id, "Please tell me when I can retire"))["type"] == "ack"
    gateway.clock.turn(hours=2)
    async with gateway.talker("agent", sub="a-1") as agent:
        await free(agent)
        await offered(agent, session_id)
        await agent.ask("joined", type="accept", session_id=session_id)
        await agent.until_seq(session_id, 3)
    assert await gateway.count("wait") == 0, "who left a message waited for nobody"


async def test_an_unknown_topic_is_refused_with_those_that_are_offered(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        notice = (await customer.first("notice"))["version"]
        frame = {"type": "open", "client_id": uuid4(), "topic": "horoscope", "notice_version": notice}
        refused = await customer.ask("error", **frame)
    assert (refused["code"], refused["status"], refused["field"]) == ("unknown-topic", 422, "topic")
    assert "retirement" in refused["detail"]


async def test_a_topic_that_asks_for_more_assurance_asks_for_a_step_up(gateway: Gateway) -> None:
    async with gateway.talker("customer", ial=1) as customer:
        notice = (await customer.first("notice"))["version"]
        frame = {"type": "open", "client_id": uuid4(), "topic": "overpayment", "notice_version": notice}
        refused = await customer.ask("error", **frame)
        assert (refused["code"], refused["status"]) == ("insufficient-user-authentication", 401)
        await customer.open("retirement")
    async with gateway.talker("customer", sub="c-2") as customer:
        await customer.open("overpayment")


async def test_a_person_hears_an_honest_interval_once_enough_is_known(gateway: Gateway) -> None:
    began = gateway.clock.now() - timedelta(days=1)
    for number in range(30):
        start = began + timedelta(minutes=number)
        await gateway.rows(
            "INSERT INTO wait (session_id, topic, language, place, began, ended) VALUES ($1, 'retirement', 'en', 1, $2, $3)",
            new_id(),
            start,
            start + timedelta(seconds=60 + 2 * number),
        )
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        told = await customer.first("queue")
        wait = told["wait"]
        assert 60 <= wait["least_seconds"] < wait["most_seconds"] <= 118
        assert wait["coverage"] >= 0.8
        assert wait["known_from"] == 30
        other = await customer.open("medicare")
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("customer")) as http:
            assert (await http.get(f"/v1/sessions/{session_id}/place")).json()["wait"]["known_from"] == 30
            assert (await http.get(f"/v1/sessions/{other}/place")).json()["wait"] is None
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("customer")) as http:
            gone = await http.get(f"/v1/sessions/{session_id}/place")
    assert gone.status_code == 409
    assert (await gateway.rows("SELECT count(*) FROM wait WHERE topic = 'retirement'"))[0][0] == 31


async def test_a_process_that_dies_in_the_middle_of_an_offer_loses_nobody(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        async with gateway.replica() as doomed, doomed.talker("agent", sub="a-1") as agent:
            await free(agent)
            session_id = await customer.open()
            await offered(agent, session_id)
        gateway.clock.turn(seconds=31)
        async with asyncio.timeout(30):
            while (await gateway.rows("SELECT outcome FROM assignment"))[0]["outcome"] != "lapsed":
                await asyncio.sleep(0.02)
        assert [r["stage"] for r in await gateway.rows("SELECT stage FROM placement")] == ["waiting"]
        gateway.clock.turn(seconds=121)
        async with gateway.talker("agent", sub="a-1") as again:
            await free(again)
            await offered(again, session_id)
            await again.ask("joined", type="accept", session_id=session_id)
            assert (await again.post(session_id, "Here I am"))["type"] == "ack"
    rows = await gateway.rows("SELECT outcome FROM assignment ORDER BY at, id")
    assert [r["outcome"] for r in rows] == ["lapsed", "accepted"]


async def test_one_who_was_asked_and_one_who_picks_cannot_both_have_it(gateway: Gateway) -> None:
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as asked,
        other.talker("agent", sub="a-2") as picker,
    ):
        await free(asked)
        for _ in range(4):
            session_id = await customer.open()
            await offered(asked, session_id)
            joined = len(asked.all("joined")) + len(picker.all("joined"))
            errors = len(asked.all("error")) + len(picker.all("error"))
            await asyncio.gather(
                asked.say(type="accept", session_id=session_id), picker.say(type="join", session_id=session_id)
            )
            for talker in (asked, picker):
                await talker.until(partial(answered, talker, session_id))
            assert len(asked.all("joined")) + len(picker.all("joined")) == joined + 1
            assert len(asked.all("error")) + len(picker.all("error")) == errors + 1
            rows = await gateway.rows(
                "SELECT count(*) FROM session_entry WHERE session_id = $1 AND kind = 'joined'", session_id
            )
            assert rows[0][0] == 1


async def test_what_is_due_survives_a_restart(gateway: Gateway) -> None:
    async with gateway.talker("customer", sub="c-1") as customer:
        async with gateway.replica() as doomed, doomed.talker("agent", sub="a-1") as agent:
            session_id = await customer.open()
            await agent.ask("joined", type="join", session_id=session_id)
            await agent.say(type="hold", session_id=session_id, seconds=60)
            await customer.until_seq(session_id, 3)
        gateway.clock.turn(seconds=61)
        await customer.until_seq(session_id, 4)
        assert customer.entries(session_id)[-1]["cause"] == "time"


async def test_an_agent_who_returns_finds_what_they_have(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", sub="a-1") as one:
        session_id = await taken(one, customer)
        async with gateway.talker("agent", sub="a-1") as second_window:
            again = await second_window.ask("joined", type="join", session_id=session_id)
            assert again["last_seq"] == 2
