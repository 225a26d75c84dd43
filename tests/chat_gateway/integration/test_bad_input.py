"""Bad input on each transport: a typed error where it came in, a documented code where not; nothing stored, nothing told."""

import asyncio
import json
import socket
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from chat_gateway import lines
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.listening import Frame, Speaker
from tests.chat_gateway.talking import Talker

SECRET = "078-05-1120"


def kind(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    assert SECRET not in answer.text
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


async def test_what_cannot_be_read_over_a_socket_is_refused_or_ends_it(gateway: Gateway) -> None:
    url, headers = f"ws://127.0.0.1:{gateway.port}/v1/chat", gateway.issuer.headers("customer")
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        for raw in (b"\xff\xfe\xfd", b'{"type":"ping","x":"\xff"}', b"\x00" * 100):
            refused = asyncio.create_task(customer.next("error"))
            await asyncio.sleep(0)
            await customer.connection.send(raw)
            assert (await refused)["code"] == "malformed-frame", "bytes that are no UTF-8 in a binary message"
        large = await customer.ask("error", type="send", session_id=session_id, client_id=uuid4(), text="x" * 70_000)
        assert (large["code"], large["status"]) == ("frame-too-large", 413)
        assert (await customer.post(session_id, "all is well"))["seq"] == 2
    for bad, text, code in ((10_000_000 * "x", True, 1009), ([b"\xff\xfe not utf-8"], True, 1007)):
        async with connect(url, additional_headers=headers, compression=None, max_size=None) as connection:
            with pytest.raises(ConnectionClosed) as closed:
                await connection.send(bad, text=text)
                while True:
                    await connection.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == code
    assert await gateway.count("session_entry") == 2


BODIES: list[tuple[dict[str, Any], int, str]] = [
    ({"content": b"{not json"}, 422, "invalid"),
    ({"content": b'{"client_id": "\xff\xfe"}'}, 400, "unreadable"),
    ({"json": []}, 422, "invalid"),
    ({"json": {"client_id": 7, "text": "hi"}}, 422, "invalid"),
    ({"json": {"client_id": str(uuid4()), "text": ["hi"]}}, 422, "invalid"),
    ({"json": {"client_id": str(uuid4()), "text": ""}}, 422, "invalid"),
    ({"json": {"client_id": str(uuid4()), "text": "a\x00b"}}, 422, "invalid"),
    ({"json": {"client_id": str(uuid4()), "text": "hi", "ssn": SECRET}}, 422, "invalid"),
    ({"json": {"client_id": str(uuid4()), "text": "é" * 4097}}, 413, "text-too-long"),
    ({"json": {"client_id": str(uuid4()), "text": "x" * 10_000_000}}, 413, "too-large"),
]


async def test_what_cannot_be_read_over_http_is_refused(gateway: Gateway) -> None:
    async with Speaker.at(gateway.http, gateway.issuer.headers("customer")) as customer:
        session = (await customer.open())["session_id"]
        path = f"/v1/sessions/{session}/messages"
        for body, status, code in BODIES:
            headers = {"Content-Type": "application/json"}
            answer = await customer.http.post(path, headers=headers, **body)
            assert kind(answer) == (status, code), str(body)[:80]
        for name, body_of in (
            ("receipts", {"kind": "read", "up_to": "1"}),
            ("receipts", {"kind": "seen", "up_to": 1}),
            ("receipts", {"kind": "read", "up_to": 0}),
            ("hold", {"seconds": 10**9}),
        ):
            refused = await customer.http.post(f"/v1/sessions/{session}/{name}", json=body_of)
            assert refused.status_code in {403, 422}, refused.text
        assert (await customer.post(session, "all is well")).json()["seq"] == 2
    assert await gateway.count("session_entry") == 2
    assert await gateway.count("receipt") == 0


@pytest.mark.parametrize("path", ["/v1/chat/stream", "/v1/chat/poll"])
async def test_what_is_asked_to_be_heard_has_to_be_there_and_ones_own(gateway: Gateway, path: str) -> None:
    async with (
        Speaker.at(gateway.http, gateway.issuer.headers("customer")) as customer,
        Speaker.at(gateway.http, gateway.issuer.headers("customer", sub="somebody-else")) as other,
        Speaker.at(gateway.http, gateway.issuer.headers("agent")) as agent,
    ):
        session, nowhere = (await customer.open())["session_id"], str(uuid4())
        answers = [await who.http.get(path, params={"hear": one}) for who, one in ((other, session), (other, nowhere))]
        assert [kind(answer) for answer in answers] == [(404, "unknown-session")] * 2
        told = [{k: v for k, v in answer.json().items() if k != "instance"} for answer in answers]
        assert told[0] == told[1], "the same words"
        assert kind(await agent.http.get(path, params={"hear": session})) == (404, "unknown-session")
        assert kind(await customer.http.get(path, params={"hear": f"{session}:2"})) == (422, "cursor-ahead")
        assert kind(await customer.http.get(path, params={"hear": "desk"})) == (403, "forbidden")
        for hear in ([], [SECRET], [f"{session}:-1"], [f"{session}:99999999999"], [f"{session}:0"] * 51):
            assert kind(await customer.http.get(path, params={"hear": hear})) == (422, "invalid"), hear
        if path.endswith("stream"):
            for last in ("x", SECRET, "9999999999", f"{session}:1,", f"{session}:", "1,2"):
                headers = {"Last-Event-ID": last}
                answer = await customer.http.get(path, params={"hear": session}, headers=headers)
                assert kind(answer) == (422, "invalid"), last
    outcomes = {
        r["outcome"] for r in await gateway.rows("SELECT outcome FROM audit_entry WHERE user_id = 'somebody-else'")
    }
    assert outcomes == {"refused", "not_found"}


async def test_a_token_that_runs_out_ends_every_transport_and_a_new_one_goes_on(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session = await customer.open()
    short = gateway.issuer.mint("customer", lifetime=timedelta(seconds=-29))
    async with Talker.connected(gateway.port, short) as talker:
        await talker.ask("resumed", type="resume", session_id=session, after_seq=0)
        assert (await talker.first("gone"))["code"] == 4001
        assert talker.all("error")[0]["code"] == "token-expired"
    expired = {"Authorization": f"Bearer {gateway.issuer.mint('customer', lifetime=timedelta(hours=-1))}"}
    async with Speaker.at(gateway.http, expired) as late:
        for answer in (
            await late.http.get("/v1/chat/poll", params={"hear": str(session)}),
            await late.http.get("/v1/chat/stream", params={"hear": str(session)}),
            await late.post(session, "too late"),
        ):
            assert kind(answer) == (401, "unauthenticated")
            assert answer.headers["www-authenticate"].startswith("Bearer")
    async with Speaker.at(gateway.http, gateway.issuer.headers("customer")) as again:
        assert (await again.post(session, "here I am again")).json()["seq"] == 2


async def test_nothing_follows_the_end_on_any_transport(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as talker,
        Speaker.at(gateway.http, gateway.issuer.headers("customer")) as customer,
    ):
        session = await talker.open()
        await talker.ask("closed", type="close", session_id=session)
        assert kind(await customer.post(session, "one more thing")) == (409, "session-closed")
        frames: list[Frame] = (await customer.poll(f"{session}:0", wait=20))["frames"]
        assert [f["type"] for f in frames] == ["resumed", "entry", "entry", "closed"]
        assert frames[0]["status"] == "closed"
        assert [f["type"] for f in (await customer.poll(f"{session}:2", wait=20))["frames"]] == ["resumed", "closed"]
        async with customer.stream(f"{session}:2") as stream:
            assert (await stream.until_end())["code"] == 1000
            # That the poll brought it to them may be told meanwhile, and only before the end.
            told = [f["type"] for f in stream.frames if f["type"] != "receipt"]
            assert (told, stream.frames[-1]["type"]) == (["welcome", "resumed", "closed"], "closed")


@pytest.mark.req("S3-070")
async def test_over_http_too_the_statement_comes_first(gateway: Gateway) -> None:
    async with Speaker.at(gateway.http, gateway.issuer.headers("customer")) as customer:
        notice = (await customer.http.get("/v1/notice", params={"language": "es"})).json()
        body = {"client_id": str(uuid4()), "topic": "retirement", "notice_version": notice["version"]}
        assert kind(await customer.http.post("/v1/sessions", json=body)) == (422, "invalid")
        for wrong in ({"notice_digest": "0" * 64}, {"notice_digest": notice["digest"], "notice_version": "2025.9"}):
            answer = await customer.http.post("/v1/sessions", json=body | wrong)
            assert kind(answer) == (409, "notice-not-acknowledged")
        assert await gateway.count("chat_session") == 0
        opened = (await customer.http.post("/v1/sessions", json=body | {"notice_digest": notice["digest"]})).json()
        assert opened["notice"] == {"version": notice["version"], "digest": notice["digest"], "language": "es"}


async def test_a_reader_of_events_that_is_too_slow_is_dropped_and_loses_nothing(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "CLOSE_SECONDS", 300.0)  # it reads again when all is said, however long that takes
    async with (
        gateway.replica(outbox_frames=16) as small,
        gateway.talker("customer") as customer,
        Speaker.at(small.http, small.issuer.headers("customer")) as again,
    ):
        session = await customer.open()
        narrow = socket.socket()
        narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        narrow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(narrow, ("127.0.0.1", small.port))
        token = small.issuer.mint("customer")
        head = f"GET /v1/chat/stream?hear={session} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\r\n"
        await loop.sock_sendall(narrow, head.encode())
        got = b""
        while b"\nid: 1" not in got:
            got += await loop.sock_recv(narrow, 4096)
        for number in range(900):
            await customer.say(type="send", session_id=session, client_id=uuid4(), text=f"{number:04}" * 2000)
        await customer.until(lambda: len(customer.all("ack")) == 900)
        async with asyncio.timeout(30):
            while b"event: end" not in got:
                part = await loop.sock_recv(narrow, 65536)
                assert part, "it ended without a word"
                got += part
        narrow.close()
        assert b'{"code":4008,' in got
        last = int(got.rsplit(b"\nid: ", 1)[1].split(b"\n", 1)[0])
        assert 1 <= last < 901
        async with again.stream(str(session), last=str(last)) as stream:
            await stream.until("entry", 901 - last)
            assert [e["seq"] for e in stream.entries(session)] == list(range(last + 1, 902))


async def test_who_neither_hears_nor_says_anything_is_let_go(gateway: Gateway) -> None:
    async with (
        gateway.replica(idle_seconds=3) as quick,
        quick.talker("agent") as agent,
        quick.talker("customer", sub="busy") as busy,
    ):
        session = await busy.open()  # at once: who has no session yet hears nothing
        async with quick.talker("customer") as idle:
            await idle.say(type="ping")
            while not idle.all("gone"):  # whoever says something now and then stays, however long it takes
                assert (await busy.post(session, "I am here"))["type"] == "ack"
                await asyncio.sleep(0.05)
            assert (await idle.first("gone"))["code"] == 4003
            assert not agent.all("gone"), "an agent waits for offers"
    assert json.dumps(idle.frames).count('"error"') == 0
