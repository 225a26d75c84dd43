"""Receipts are kept, step by step, and never go back; that somebody types is passed on and kept nowhere."""

import asyncio
import json
from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest
from fakeredis import FakeAsyncRedis, FakeServer

from chat_gateway import app as composition
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.listening import Speaker
from tests.chat_gateway.talking import Frame, Talker

UNSENT = "I have not decided to say this"


def told(talker: Talker, kind: str, up_to: int, participant: str) -> bool:
    wanted = (participant, kind, up_to)
    return any((f["participant_id"], f["kind"], f["up_to"]) == wanted for f in talker.all("receipt"))


async def hears(talker: Talker, kind: str, up_to: int, participant: str) -> None:
    await talker.until(partial(told, talker, kind, up_to, participant))


async def in_talk(customer: Talker, agent: Talker) -> tuple[UUID, str, str]:
    """A session of both, and their ids in it."""
    session_id = await customer.open()
    joined = await agent.ask("joined", type="join", session_id=session_id)
    return session_id, customer.all("opened")[-1]["participant_id"], joined["participant_id"]


async def test_both_sides_hear_how_far_the_other_read_and_it_stays(gateway: Gateway) -> None:
    async with gateway.replica() as other, gateway.talker("customer") as customer, other.talker("agent") as agent:
        session_id, mine, theirs = await in_talk(customer, agent)
        for number in range(3):
            await agent.post(session_id, f"instruction {number}")
        await customer.until_seq(session_id, 5)
        await customer.say(type="receipt", session_id=session_id, kind="read", up_to=4)
        for talker in (customer, agent):
            await hears(talker, "read", 4, mine)
            await hears(talker, "delivered", 4, mine)
        entries = await gateway.count("session_entry")
        await customer.say(type="receipt", session_id=session_id, kind="read", up_to=3)
        await customer.say(type="receipt", session_id=session_id, kind="read", up_to=5)
        await hears(agent, "read", 5, mine)
        await agent.say(type="receipt", session_id=session_id, kind="delivered", up_to=5)
        await hears(customer, "delivered", 5, theirs)
        assert not told(agent, "read", 3, mine), "it never goes back"
        assert await gateway.count("session_entry") == entries, "who reads changes nothing in what was said"
        snapshot = await customer.ask("resumed", type="resume", session_id=session_id, after_seq=5)
        assert {(r["participant_id"], r["kind"], r["up_to"]) for r in snapshot["receipts"]} == {
            (mine, "delivered", 5),
            (mine, "read", 5),
            (theirs, "delivered", 5),
        }
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            path = f"/v1/sessions/{session_id}/receipts"
            steps = (await http.get(path, headers=gateway.issuer.headers("customer"))).json()["receipts"]
            stranger = await http.get(path, headers=gateway.issuer.headers("customer", sub="somebody-else"))
        assert [s["up_to"] for s in steps if (s["participant_id"], s["kind"]) == (mine, "read")] == [4, 5]
        assert stranger.status_code == 404


async def test_a_receipt_may_come_late_by_a_post_and_covers_what_is_there(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent") as agent:
        session_id, mine, _ = await in_talk(customer, agent)
        ahead = await customer.ask("error", type="receipt", session_id=session_id, kind="read", up_to=9)
        assert (ahead["code"], ahead["status"]) == ("cursor-ahead", 422)
        await agent.ask("closed", type="close", session_id=session_id)
        await customer.first("closed")
        await customer.say(type="receipt", session_id=session_id, kind="read", up_to=3)
        async with Speaker.at(gateway.http, gateway.issuer.headers("customer")) as speaker:
            answer = await speaker.act(session_id, "receipts", kind="read", up_to=2)
            while answer["up_to"] != 3:
                answer = await speaker.act(session_id, "receipts", kind="read", up_to=1)
            assert (answer["participant_id"], answer["kind"]) == (mine, "read")
            assert (await speaker.act(session_id, "receipts", 422, kind="read", up_to=4))["status"] == 422
    rows = await gateway.rows("SELECT participant_id, kind, up_to FROM receipt ORDER BY up_to, kind")
    assert (str(rows[-1][0]), *rows[-1][1:]) == (mine, "read", 3)


async def test_receipts_wait_for_the_database_and_go_no_further_than_it(gateway: Gateway) -> None:
    """What is there already, from another process or a repetition, changes nothing."""
    async with gateway.talker("customer") as customer, gateway.talker("agent") as agent:
        session_id, mine, _ = await in_talk(customer, agent)
        for up_to in (2, 1, 2, 2, 1):
            await customer.say(type="receipt", session_id=session_id, kind="delivered", up_to=up_to)
        await hears(agent, "delivered", 2, mine)
        rows = await gateway.rows("SELECT up_to FROM receipt WHERE kind = 'delivered'")
        assert max(r["up_to"] for r in rows) == 2
        assert len(rows) <= 2
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await gateway.rows(
            "INSERT INTO receipt VALUES ($1, $2, 'read', 99, now())", session_id, UUID(mine)
        )  # what is not there cannot have been read


async def test_typing_is_seen_by_the_others_wherever_they_are(gateway: Gateway) -> None:
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("customer") as second,
        other.talker("agent") as agent,
    ):
        session_id, mine, _ = await in_talk(customer, agent)
        await second.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        # NOTIFY reaches the other process as soon as the two know of each other.
        async with asyncio.timeout(30):
            while not agent.all("typing"):
                await customer.say(type="typing", session_id=session_id, on=True)
                await asyncio.sleep(1.1)
        assert agent.all("typing")[0] == {
            "type": "typing",
            "session_id": str(session_id),
            "participant_id": mine,
            "on": True,
        }
        assert not customer.all("typing")
        assert not second.all("typing"), "it is the same person's"


async def test_nobody_floods_others_with_typing(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent") as agent:
        session_id, _, _ = await in_talk(customer, agent)
        for number in range(20):
            await customer.say(type="typing", session_id=session_id, on=bool(number % 2))
        await customer.ask("pong", type="ping")
        refused = [f for f in customer.all("error") if f["code"] == "too-many-frames"]
        assert len(refused) >= 13
        await agent.ask("pong", type="ping")
        assert len(agent.all("typing")) == 20 - len(refused)
        stranger = await agent.ask("error", type="typing", session_id=uuid4(), on=True)
        assert stranger["code"] == "unknown-session"


class Wiretap:
    """A Redis that remembers everything that was ever said to it."""

    def __init__(self) -> None:
        self.server = FakeServer()
        self.heard: list[bytes] = []

    def __call__(self, _settings: object) -> FakeAsyncRedis:
        client = FakeAsyncRedis(server=self.server)
        plain: Callable[..., Any] = client.execute_command
        publish: Callable[..., Any] = client.publish

        async def noted(*words: Any, **options: Any) -> Any:
            self.heard.append(repr(words).encode())
            return await plain(*words, **options)

        async def published(channel: str, data: bytes) -> Any:
            self.heard.append(data)
            return await publish(channel, data)

        client.execute_command = noted  # type: ignore[method-assign]
        client.publish = published  # type: ignore[method-assign,assignment]
        return client


async def test_what_is_not_sent_cannot_even_be_said_and_leaves_no_trace(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Typing takes on or off. A text in any field is refused, and stands afterwards in no table, log, key or message."""
    tap = Wiretap()
    monkeypatch.setattr(composition, "make_redis", tap)
    async with (
        gateway.replica(redis_url="redis://127.0.0.1:1/0", rate_limits={}) as watched,
        watched.talker("customer") as customer,
        watched.talker("agent") as agent,
    ):
        session_id, mine, _ = await in_talk(customer, agent)
        before = await everything_stored(gateway)
        await customer.say(type="typing", session_id=session_id, on=True)
        await agent.first("typing")
        tries: list[Frame] = [{"on": UNSENT}, {"on": {"text": UNSENT}}, {"on": [UNSENT]}, {"on": 1}]
        tries += [{"on": True, name: UNSENT} for name in ("text", "draft", "preview", "pii", "length")]
        for frame in tries:
            error = await customer.ask("error", type="typing", session_id=session_id, **frame)
            assert (error["code"], error["status"]) == ("malformed-frame", 422), frame
        await customer.say(type="typing", session_id=session_id, on=False)
        await agent.until(lambda: len(agent.all("typing")) == 2)
        assert await everything_stored(gateway) == before, "typing leaves no row anywhere"
        keys = [key async for key in FakeAsyncRedis(server=tap.server).scan_iter("*")]
        assert not [key for key in keys if str(session_id).encode() in key]
    frames = [f for f in agent.frames if f["type"] == "typing"]
    assert [set(f) for f in frames] == [{"type", "session_id", "participant_id", "on"}] * 2
    assert any(UUID(mine).bytes in said for said in tap.heard), "the tap hears what goes through it"
    printed = capsys.readouterr()
    for place in (json.dumps(customer.frames), json.dumps(agent.frames), printed.out, printed.err):
        assert UNSENT not in place
    assert not [said for said in tap.heard if UNSENT.encode() in said]


async def everything_stored(gateway: Gateway) -> dict[str, str]:
    """A digest of every table, but of those in which the gateway says that its people are there."""
    tables = await gateway.rows("SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public'")
    moving = {"placement", "desk", "alembic_version", "key_version", "audit_tree_head"}
    found = {}
    for table in tables:
        if table["name"] not in moving:
            rows = await gateway.rows(
                f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM \"{table['name']}\" t"
            )
            found[table["name"]] = rows[0][0]
    return found
