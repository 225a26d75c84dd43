"""One protocol, three transports: the same cursor, the same entries, the same rules on each, and any change between them."""

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx

from common.contracts.chat import EMPTY_DIGEST
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.listening import Frame, Speaker
from tests.chat_gateway.talking import Talker, chained


def speaker(gateway: Gateway, role: str, **claims: Any) -> AbstractAsyncContextManager[Speaker]:
    return Speaker.at(gateway.http, gateway.issuer.headers(role, **claims))


async def test_a_whole_conversation_over_events_and_posts(gateway: Gateway) -> None:
    async with speaker(gateway, "customer") as customer, speaker(gateway, "agent") as agent:
        opened = await customer.open()
        session = opened["session_id"]
        assert (opened["status"], opened["after_seq"], opened["last_seq"]) == ("waiting", 0, 1)
        joined = await agent.act(session, "join")
        assert (joined["type"], joined["status"]) == ("joined", "active")
        async with customer.stream(f"{session}:0") as here, agent.stream(session) as there:
            assert here.answer.headers["content-type"].startswith("text/event-stream")
            assert here.answer.headers["cache-control"] == "no-store, no-transform"
            assert here.answer.headers["x-accel-buffering"] == "no"
            resumed = await here.until("resumed")
            assert [p["role"] for p in resumed["participants"]] == ["customer", "agent"]
            assert resumed["owner"] == joined["participant_id"]
            assert (await customer.post(session, "is anybody there?")).json()["seq"] == 3
            assert (await agent.post(session, "yes")).json()["seq"] == 4
            assert (await customer.http.post(f"/v1/sessions/{session}/close")).json()["seq"] == 5
            for stream in (here, there):
                assert (await stream.until_end())["code"] == 1000
                entries = stream.entries(session)
                assert [e["seq"] for e in entries] == [1, 2, 3, 4, 5]
                assert chained(entries, EMPTY_DIGEST) == [e["digest"] for e in entries]
                assert stream.all("closed")[0]["digest"] == entries[-1]["digest"]
                assert stream.last == "5"


async def test_the_transport_changes_in_the_middle_and_nothing_is_lost_or_comes_twice(gateway: Gateway) -> None:
    held: list[Frame] = []

    def take(entries: list[Frame]) -> None:
        assert [e["seq"] for e in entries] == list(range(len(held) + 1, len(held) + len(entries) + 1))
        held.extend(entries)

    async with gateway.talker("agent") as agent, speaker(gateway, "customer") as customer:
        session = (await customer.open())["session_id"]
        await agent.ask("joined", type="join", session_id=session)

        said, over = 0, False

        async def talk() -> None:
            nonlocal said
            while not over:
                await agent.post(session, f"line {said}")
                said += 1
                await asyncio.sleep(0.01)

        async def over_socket() -> None:
            async with gateway.talker("customer") as socket:
                await socket.say(type="resume", session_id=session, after_seq=len(held))
                await socket.first("entry")
                await asyncio.sleep(0.02)
                take([f["entry"] for f in socket.all("entry")])

        async def over_events() -> None:
            async with customer.stream(f"{session}:0", last=str(len(held))) as stream:
                await stream.until("entry")
                take(stream.entries(session))
                assert stream.last == str(len(held))

        async def over_polls() -> None:
            answer = await customer.poll(f"{session}:{len(held)}", wait=5)
            take([f["entry"] for f in answer["frames"] if f["type"] == "entry"])

        talking = asyncio.create_task(talk())
        for transport in (over_socket, over_events, over_polls) * 4:
            await transport()
        over = True
        await talking
        while len(held) < said + 2:
            await over_polls()
    assert chained(held) == [e["digest"] for e in held]


async def test_a_poll_waits_for_news_and_for_nothing_it_knows(gateway: Gateway) -> None:
    async with speaker(gateway, "customer") as customer, gateway.talker("agent") as agent:
        session = (await customer.open())["session_id"]
        first = await customer.poll(f"{session}:0", wait=20)
        assert [f["type"] for f in first["frames"]] == ["resumed", "entry"]
        assert first["frames"][0]["queue"]["place"] == 1
        waiting = asyncio.create_task(customer.poll(f"{session}:1", wait=20, state=first["state"]))
        await asyncio.sleep(1.2)
        assert not waiting.done(), "its place in the queue is known"
        await agent.ask("joined", type="join", session_id=session)
        news = await asyncio.wait_for(waiting, 15)
        assert [f["entry"]["seq"] for f in news["frames"] if f["type"] == "entry"] == [2]
        # What changed while nobody asked is told at once by the state, though no entry says it.
        known = await customer.poll(f"{session}:2", wait=20, state=news["state"])
        assert known["frames"][0]["status"] == "active"
        await agent.say(type="receipt", session_id=session, kind="read", up_to=2)
        await agent.until(lambda: any(f["kind"] == "read" for f in agent.all("receipt")))
        receipts = (await customer.poll(f"{session}:2", wait=20, state=known["state"]))["frames"][0]["receipts"]
        agents = agent.all("joined")[0]["participant_id"]
        told = {(r["kind"], r["up_to"]) for r in receipts if r["participant_id"] == agents}
        assert told == {("delivered", 2), ("read", 2)}


async def test_more_than_one_answer_holds_comes_with_the_next_poll(gateway: Gateway) -> None:
    async with gateway.talker("customer") as talker, speaker(gateway, "customer") as customer:
        session = await talker.open()
        for number in range(450):
            await talker.say(type="send", session_id=session, client_id=uuid4(), text=f"{number}")
        await talker.until(lambda: len(talker.all("ack")) == 450)
        seqs: list[int] = []
        state, polls = "", 0
        while len(seqs) < 451:
            answer = await customer.poll(f"{session}:{len(seqs)}", wait=20, state=state)
            seqs += [f["entry"]["seq"] for f in answer["frames"] if f["type"] == "entry"]
            state, polls = answer["state"], polls + 1
        assert seqs == list(range(1, 452))
        assert 3 <= polls <= 6


async def test_one_stream_carries_several_sessions_and_the_desk(gateway: Gateway) -> None:
    async with speaker(gateway, "agent") as agent, gateway.talker("customer") as customer:
        sessions = [await customer.open() for _ in range(2)]
        for session in sessions:
            await agent.act(session, "join")
        hear = [f"{session}:0" for session in sessions]
        async with agent.stream("desk", *hear) as stream:
            await stream.until("entry", 4)
            cursors = dict(pair.split(":") for pair in stream.last.split(","))
            assert cursors == {str(session): "2" for session in sessions}
            assert (await agent.http.post("/v1/desk/available", json={})).json()["available"]
            third = await customer.open()
            offer = await stream.until("offer")
            assert offer["session_id"] == str(third)
            last = stream.last
        await customer.post(sessions[0], "still there?")
        async with agent.stream("desk", *hear, last=last) as stream:
            entry = (await stream.until("entry"))["entry"]
            assert (entry["session_id"], entry["seq"]) == (str(sessions[0]), 3)
            assert (await stream.until("offer"))["session_id"] == str(third), "who comes back is asked again"
            assert (await agent.act(third, "accept"))["type"] == "joined"
            assert (await stream.until("offer_gone"))["session_id"] == str(third)
        polled = await agent.poll("desk", *hear)
        assert {f["session_id"] for f in polled["frames"] if f["type"] == "resumed"} == {str(s) for s in sessions}


async def test_the_same_id_is_the_same_message_on_every_transport(gateway: Gateway) -> None:
    async with speaker(gateway, "customer") as customer, gateway.talker("customer") as talker:
        client_id = uuid4()
        opened = await customer.open(client_id)
        assert (await customer.open(client_id))["session_id"] == opened["session_id"]
        session, message = opened["session_id"], uuid4()
        await talker.ask("resumed", type="resume", session_id=session, after_seq=0)
        ack = (await customer.post(session, "once", message)).json()
        assert await talker.post(session, "once", message) == ack
        assert (await customer.post(session, "once", message)).json() == ack
        again = await customer.post(session, "twice", message)
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "client-id-reused")
        assert (await talker.post(session, "twice", message))["code"] == "client-id-reused"
    assert await gateway.count("session_entry") == 2


async def test_every_screen_of_a_person_sees_everything(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as one,
        gateway.talker("customer") as two,
        speaker(gateway, "customer") as three,
    ):
        session = await one.open()
        await two.ask("resumed", type="resume", session_id=session, after_seq=0)
        async with three.stream(f"{session}:0") as stream:
            await stream.until("entry")
            await one.post(session, "from the first")
            await two.post(session, "from the second")
            await three.post(session, "from the third")
            await stream.until("entry", 4)
            assert [e["pii"]["text"] for e in stream.entries(session)[1:]] == [
                "from the first",
                "from the second",
                "from the third",
            ]
            for talker, seen in ((one, [1, 3, 4]), (two, [1, 2, 4])):
                await talker.until_seq(session, 4)
                assert [e["seq"] for e in talker.entries(session)] == seen, "its own came as an acknowledgement"


async def test_a_stream_lives_by_comments_and_ends_with_its_token(gateway: Gateway) -> None:
    async with (
        gateway.replica(heartbeat_seconds=0.05) as quick,
        Talker.connected(gateway.port, gateway.issuer.mint("customer")) as talker,
        speaker(quick, "customer") as customer,
    ):
        session = await talker.open()
        async with customer.stream(str(session)) as stream:
            await stream.until("entry")
            before = stream.comments
            async with asyncio.timeout(30):
                while stream.comments < before + 3:
                    await asyncio.sleep(0.02)
        short = gateway.issuer.headers("customer", lifetime=timedelta(seconds=-29))
        async with Speaker.at(quick.http, short) as late, late.stream(str(session)) as stream:
            end = await stream.until_end()
            assert end["code"] == 4001
            assert stream.all("error")[0]["code"] == "token-expired"


async def test_who_hears_is_told_when_the_process_stops(gateway: Gateway) -> None:
    async with gateway.talker("customer") as talker, speaker(gateway, "customer") as here:
        session = await talker.open()
        replica = contextlib.AsyncExitStack()
        other = await replica.enter_async_context(gateway.replica())
        async with contextlib.AsyncExitStack() as stack:
            customer = await stack.enter_async_context(speaker(other, "customer"))
            known = (await customer.poll(f"{session}:1"))["state"]
            polling = asyncio.create_task(customer.poll(f"{session}:1", wait=25, state=known))
            stream = await stack.enter_async_context(customer.stream(str(session)))
            await stream.until("entry")
            await asyncio.sleep(0.1)
            assert not polling.done(), polling.result()
            stopping = asyncio.create_task(replica.aclose())
            assert (await stream.until_end())["code"] == 1012
            # Nobody waits until the poll is over: the server would have ended it long before.
            assert (await asyncio.wait_for(polling, 15))["state"] == known
            await stopping
        assert (await here.poll(f"{session}:0"))["frames"][0]["type"] == "resumed"


async def test_no_token_in_an_address_and_none_is_heard(gateway: Gateway) -> None:
    token = gateway.issuer.mint("customer")
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        for path in ("/v1/chat/stream", "/v1/chat/poll"):
            for name in ("token", "access_token", "authorization"):
                answer = await http.get(path, params={"hear": str(uuid4()), name: token})
                assert answer.status_code == 401
