"""Invariant 2: everybody holds the same 1..n, whoever writes where and whatever breaks off in between."""

import asyncio
import json
import socket
from functools import partial
from uuid import UUID, uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosedError

from chat_gateway import lines
from common.contracts.chat import EMPTY_DIGEST
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_conversation import without_pii
from tests.chat_gateway.talking import Frame, Talker, chained


async def stored_entries(gateway: Gateway, session_id: UUID) -> list[Frame]:
    rows = await gateway.rows("SELECT value FROM session_entry WHERE session_id = $1 ORDER BY seq", session_id)
    return [json.loads(r["value"]) for r in rows]


def held_by(talker: Talker, session_id: UUID) -> dict[int, str]:
    """Number → digest of everything that came to this connection, entries and acknowledgements alike."""
    held: dict[int, str] = {}
    for frame in talker.frames:
        told = frame.get("entry", frame)
        if frame["type"] in ("entry", "ack") and told["session_id"] == str(session_id):
            assert told["seq"] not in held, "came twice"
            held[told["seq"]] = told["digest"]
    return held


def holds_all(talker: Talker, session_id: UUID, number: int) -> bool:
    return len(held_by(talker, session_id)) == number


def answered(talker: Talker) -> bool:
    return bool(talker.all("joined") or talker.all("error"))


async def test_a_reconnect_gets_exactly_what_it_missed(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        async with gateway.talker("agent") as agent:
            await agent.ask("joined", type="join", session_id=session_id)
            await agent.until_seq(session_id, 2)
        for number in range(350):
            await customer.say(type="send", session_id=session_id, client_id=uuid4(), text=f"line {number}")
        async with gateway.talker("agent") as agent:
            await agent.ask("resumed", type="resume", session_id=session_id, after_seq=2)
            await agent.until_seq(session_id, 352)
            assert [e["seq"] for e in agent.entries(session_id)] == list(range(3, 353))
            stored = await stored_entries(gateway, session_id)
            assert [without_pii(e) for e in agent.entries(session_id)] == [without_pii(e) for e in stored[2:]]
            assert [e["pii"]["text"] for e in agent.entries(session_id)] == [f"line {n}" for n in range(350)]
            assert chained(agent.entries(session_id), stored[1]["digest"])[-1] == stored[-1]["digest"]


async def test_a_resume_under_way_meets_live_entries_without_gap_or_repetition(gateway: Gateway) -> None:
    async with gateway.replica(outbox_frames=16) as small, gateway.talker("customer") as customer:
        session_id = await customer.open()

        async def talk() -> None:
            for number in range(300):
                await customer.post(session_id, f"line {number}")

        talking = asyncio.create_task(talk())
        for _ in range(5):
            await asyncio.sleep(0.05)
            async with small.talker("customer") as other:
                await other.say(type="resume", session_id=session_id, after_seq=0)
                await other.until_seq(session_id, 1)
                await asyncio.sleep(0.1)
                seqs = [e["seq"] for e in other.entries(session_id)]
                assert seqs == list(range(1, len(seqs) + 1))
                assert seqs
        await talking


async def test_two_processes_write_into_one_session(gateway: Gateway) -> None:
    """Both refuse to number what they have not seen, and both come to the same order."""
    async with gateway.replica() as other, gateway.talker("customer") as customer, other.talker("agent") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        await customer.until_seq(session_id, 2)
        ids = {role: [uuid4() for _ in range(60)] for role in ("customer", "agent")}

        async def talk(talker: Talker, role: str) -> None:
            for client_id in ids[role]:
                ack = await talker.post(session_id, f"{role} speaks", client_id)
                assert ack["type"] == "ack"

        await asyncio.gather(talk(customer, "customer"), talk(agent, "agent"))
        for talker in (customer, agent):
            await talker.until(partial(holds_all, talker, session_id, 122))
        closing = await agent.ask("closed", type="close", session_id=session_id)
        assert await customer.first("closed") == closing
        stored = await stored_entries(gateway, session_id)
        assert [e["seq"] for e in stored] == list(range(1, 124))
        assert chained(stored) == [e["digest"] for e in stored]
        truth = {e["seq"]: e["digest"] for e in stored}
        assert held_by(customer, session_id) == held_by(agent, session_id) == truth
        assert closing["digest"] == truth[123]
        spoken = [e["entry_id"] for e in stored if "commitment" in e and "chat_topic" not in e and "office" not in e]
        assert sorted(spoken) == sorted(str(i) for i in (*ids["customer"], *ids["agent"]))
    told = await gateway.rows("SELECT value FROM outbox WHERE topic = 'chat.message' ORDER BY position")
    assert [json.loads(r["value"])["seq"] for r in told] == list(range(1, 124))


async def test_the_same_message_through_two_processes_is_one(gateway: Gateway) -> None:
    async with gateway.replica() as other, gateway.talker("customer") as here, other.talker("customer") as there:
        session_id = await here.open()
        await there.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        for number in range(20):
            client_id = uuid4()
            first, second = await asyncio.gather(
                here.post(session_id, f"line {number}", client_id), there.post(session_id, f"line {number}", client_id)
            )
            assert first == second
            clash = await there.post(session_id, "another text", client_id)
            assert clash["code"] == "client-id-reused"
    assert len(await stored_entries(gateway, session_id)) == 21


async def test_two_agents_reach_for_one_session_and_one_gets_it(gateway: Gateway) -> None:
    async with gateway.replica() as other, gateway.talker("customer") as customer:
        for _ in range(5):
            session_id = await customer.open()
            async with gateway.talker("agent", sub="agent-1") as one, other.talker("agent", sub="agent-2") as two:
                for agent in (one, two):
                    await agent.say(type="join", session_id=session_id)
                await asyncio.gather(*(a.until(partial(answered, a)) for a in (one, two)))
                assert sorted(len(a.all("joined")) for a in (one, two)) == [0, 1]
                errors = one.all("error") + two.all("error")
                assert [e["code"] for e in errors] == ["unknown-session"]
            assert [e.get("office") for e in await stored_entries(gateway, session_id)] == [None, "S01"]


async def test_a_slow_reader_is_dropped_and_loses_nothing(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "CLOSE_SECONDS", 300.0)  # it reads again when all is said, however long that takes
    async with gateway.replica(outbox_frames=16) as small, gateway.talker("customer") as customer:
        session_id = await customer.open()
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.setblocking(False)
        await asyncio.get_running_loop().sock_connect(narrow, ("127.0.0.1", small.port))
        token = gateway.issuer.mint("agent")
        async with connect("ws://127.0.0.1/v1/chat", sock=narrow, compression=None, max_queue=1) as slow:
            await slow.send(json.dumps({"type": "hello", "token": token}))
            await slow.send(json.dumps({"type": "join", "session_id": str(session_id)}))
            seen: list[Frame] = []
            while not any(f["type"] == "entry" and f["entry"]["seq"] == 2 for f in seen):
                seen.append(json.loads(await slow.recv()))  # from here on it hears what is said when it is said
            for number in range(1200):
                await customer.say(type="send", session_id=session_id, client_id=uuid4(), text=f"{number:04}" * 2000)
            await customer.until(lambda: len(customer.all("ack")) == 1200)
            with pytest.raises(ConnectionClosedError) as closed:
                while True:
                    seen.append(json.loads(await slow.recv()))
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 4008
        got = [f["entry"]["seq"] for f in seen if f["type"] == "entry"]
        assert got == list(range(1, len(got) + 1))
        assert len(got) < 1202
        async with small.talker("agent") as again:
            await again.say(type="resume", session_id=session_id, after_seq=got[-1])
            await again.until_seq(session_id, 1202)
            assert [e["seq"] for e in again.entries(session_id)] == list(range(got[-1] + 1, 1203))


async def test_frames_due_together_come_as_an_array_to_who_takes_them(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        for number in range(50):
            await customer.post(session_id, f"line {number}")
        url = f"ws://127.0.0.1:{gateway.port}/v1/chat"
        headers = gateway.issuer.headers("customer")
        async with connect(url, compression=None, additional_headers=headers) as connection:
            await connection.send(json.dumps({"type": "hello", "arrays": True}))
            await connection.send(json.dumps({"type": "resume", "session_id": str(session_id), "after_seq": 0}))
            messages: list[Frame | list[Frame]] = []
            seqs: list[int] = []
            while len(seqs) < 52:
                messages.append(json.loads(await connection.recv()))
                last = messages[-1]
                together = last if isinstance(last, list) else [last]
                seqs += [f["entry"]["seq"] for f in together if f["type"] == "entry"]
        assert seqs == list(range(1, 53))
        assert any(isinstance(m, list) and len(m) > 1 for m in messages)


@pytest.mark.req("S1-036")
async def test_the_public_sees_the_chosen_name_and_not_the_pin(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", pin="424242") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        await customer.until_seq(session_id, 2)
        shown = next(f for f in customer.all("entry") if f["kind"] == "joined")
        assert shown["entry"]["pii"] == {"display_name": "Ms. Rivera"}
        assert shown["withheld"] == ["pii.pin", "pii.salt"]
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("customer")) as http:
            page = (await http.get(f"/v1/sessions/{session_id}/entries")).json()
            who = (await http.get(f"/v1/sessions/{session_id}")).json()
        assert "424242" not in json.dumps([customer.frames, page, who])
        assert [p["display_name"] for p in who["participants"]] == ["A. Customer", "Ms. Rivera"]
        # Later conversations may show another name; this one keeps the one that was shown.
        async with gateway.talker("agent", pin="424242", display_name="Mr. Rivera") as later:
            await later.ask("joined", type="join", session_id=session_id)
            await later.until_seq(session_id, 2)
            shown = next(f for f in later.all("entry") if f["kind"] == "joined")["entry"]["pii"]
            assert (shown["pin"], shown["display_name"]) == ("424242", "Ms. Rivera")


async def test_entries_are_read_in_pages_and_every_look_is_recorded(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        for number in range(9):
            await customer.post(session_id, f"line {number}")
    seqs, after, pages = [], 0, 0
    async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("customer")) as http:
        while after is not None:
            url = f"/v1/sessions/{session_id}/entries?after={after}&limit=4"
            page = (await http.get(url)).json()
            seqs += [e["entry"]["seq"] for e in page["entries"]]
            after, pages = page["next"], pages + 1
        assert (await http.get(f"/v1/sessions/{session_id}/entries?after=11")).status_code == 422
    assert seqs == list(range(1, 11))
    rows = await gateway.rows(
        "SELECT user_id, terminal, purpose FROM audit_entry WHERE action = 'session.read-entries' AND outcome = 'done'"
    )
    assert [tuple(r) for r in rows] == [("customer-1", "127.0.0.1", "program-administration")] * pages
    assert [r["action"] for r in await gateway.rows("SELECT action FROM audit_entry WHERE outcome = 'refused'")] == [
        "session.read-entries"
    ]


async def test_the_queue_is_for_agents_and_comes_in_pages(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        opened = [str(await customer.open()) for _ in range(5)]
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        assert (await http.get("/v1/queue", headers=gateway.issuer.headers("customer"))).status_code == 403
        headers, listed, after = gateway.issuer.headers("agent"), [], None
        for _ in range(3):
            page = (
                await http.get("/v1/queue", headers=headers, params={"limit": 2} | ({"after": after} if after else {}))
            ).json()
            listed += [s["session_id"] for s in page["waiting"]]
            after = page["next"]
        assert sorted(listed) == sorted(opened)
        assert after is None
        assert (await http.get("/v1/queue", headers=headers, params={"after": "nonsense"})).status_code == 422


async def test_who_reads_a_session_after_a_restart_reads_the_same(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        ack = await customer.post(session_id, "before", client_id := uuid4())
    async with gateway.replica() as fresh, fresh.talker("customer") as customer:
        await customer.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        assert await customer.post(session_id, "before", client_id) == ack
        assert (await customer.post(session_id, "after"))["seq"] == 3
        assert chained(customer.entries(session_id))[-1] == ack["digest"]
    assert ack["digest"] != EMPTY_DIGEST
