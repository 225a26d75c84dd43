"""What is refused, how it is told, and that nothing of it is stored."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from common.contracts.chat import CHAT_EVENTS, SessionOpened
from common.contracts.envelope import decode
from common.contracts.personal import opened
from common.messaging.broker import Record
from common.protection.events import open_events
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Talker

SECRET = "078-05-1120"
NOWHERE = "019a9c3e-0000-7000-8000-000000000001"


@pytest.mark.req("S1-001")
@pytest.mark.parametrize("kind", ["none", "expired", "garbage"])
async def test_nobody_unauthenticated_gets_in(gateway: Gateway, kind: str) -> None:
    tokens = {
        "none": None,
        "expired": gateway.issuer.mint("customer", lifetime=timedelta(hours=-1)),
        "garbage": "eyJhbGciOiJub25lIn0.e30.",
    }
    async with Talker.connected(gateway.port, None) as talker:
        if kind == "none":
            await talker.say(type="open", client_id=uuid4(), topic="retirement", notice_version="2026.1")
        else:
            await talker.say(type="hello", token=tokens[kind])
        error = await talker.first("error")
        gone = await talker.first("gone")
    assert (error["code"], error["status"]) == ("unauthenticated", 401)
    assert gone["code"] == (4002 if kind == "none" else 4001)
    assert await gateway.count("chat_session") == 0


@pytest.mark.req("S1-001")
async def test_a_message_before_hello_is_not_taken(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, Talker.connected(gateway.port, None) as stranger:
        session_id = await customer.open()
        await stranger.say(type="send", session_id=session_id, client_id=uuid4(), text="let me in")
        assert (await stranger.first("error"))["code"] == "unauthenticated"
        assert (await stranger.first("gone"))["code"] == 4002
    assert await gateway.count("session_entry") == 1


@pytest.mark.req("S1-001")
async def test_a_bad_token_in_the_header_is_answered_with_401(gateway: Gateway) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            f"ws://127.0.0.1:{gateway.port}/v1/chat", additional_headers={"Authorization": "Bearer nonsense"}
        ):
            pass
    assert refused.value.response.status_code == 401
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        assert (await http.get("/v1/queue")).status_code == 401


@pytest.mark.req("S1-001")
async def test_a_session_carries_the_account_and_the_time_it_was_authenticated(gateway: Gateway) -> None:
    headers = gateway.issuer.headers("customer", sub="account-7", ial=2, aal=1)
    async with connect(f"ws://127.0.0.1:{gateway.port}/v1/chat", additional_headers=headers) as connection:
        assert json.loads(await connection.recv())["type"] == "welcome"
        notice = json.loads(await connection.recv())
        frame = {"type": "open", "client_id": str(uuid4()), "topic": "retirement", "notice_version": notice["version"]}
        await connection.send(json.dumps(frame))
        assert json.loads(await connection.recv())["type"] == "opened"
    row = (await gateway.rows("SELECT * FROM chat_session"))[0]
    assert (row["identity_assurance"], row["authenticator_assurance"]) == (2, 1)
    told = (await gateway.rows("SELECT topic, key, value, headers FROM outbox"))[0]
    event = decode(Record(told["topic"], told["key"], told["value"], json.loads(told["headers"])), CHAT_EVENTS)
    (event,) = await open_events(gateway.keyring, [event])
    assert isinstance(event.data, SessionOpened)
    assert opened(event.data.pii).account_id == "account-7"
    assert row["authenticated_at"] == gateway.clock.now()


@pytest.mark.parametrize("claim", ["auth_time", "ial", "aal", "display_name"])
async def test_a_token_that_lacks_what_a_session_must_keep_opens_none(gateway: Gateway, claim: str) -> None:
    async with gateway.talker("customer", **{claim: None}) as customer:
        error = await customer.ask("error", type="open", client_id=uuid4(), topic="retirement", notice_version="2026.1")
    assert (error["status"], error["field"]) == (403, f"token.{claim}")
    assert await gateway.count("chat_session") == 0


@pytest.mark.req("S1-002")
@pytest.mark.parametrize("role", ["agent", "supervisor", "hq_admin", "portal"])
async def test_the_agency_never_opens_a_session(gateway: Gateway, role: str) -> None:
    async with gateway.talker(role) as employee:
        error = await employee.ask("error", type="open", client_id=uuid4(), topic="retirement", notice_version="2026.1")
    assert (error["code"], error["status"]) == ("forbidden", 403)
    assert await gateway.count("chat_session") == 0


@pytest.mark.req("S3-070")
async def test_a_session_opens_only_over_the_notice_in_force(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        shown = await customer.first("notice")
        again = await customer.ask(
            "notice", type="open", client_id=uuid4(), topic="retirement", notice_version="2025.9"
        )
        error = await customer.first("error")
        assert (error["code"], error["status"], error["field"]) == ("notice-not-acknowledged", 409, "notice_version")
        assert again == shown
        assert await gateway.count("chat_session") == await gateway.count("session_entry") == 0
        session_id = await customer.open()
        opened = customer.entries(session_id) or [(await customer.next("entry"))["entry"]]
    assert opened[0]["notice"]["digest"] == shown["digest"]
    row = (await gateway.rows("SELECT * FROM chat_session"))[0]
    assert (row["notice_version"], row["notice_digest"], row["notice_language"]) == (
        shown["version"],
        shown["digest"],
        "en",
    )


@pytest.mark.req("S1-035", "S1-036", "S1-017")
@pytest.mark.parametrize("claim", ["pin", "display_name", "office", "region"])
async def test_an_employee_without_these_takes_no_session(gateway: Gateway, claim: str) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", **{claim: None}) as agent:
        session_id = await customer.open()
        error = await agent.ask("error", type="join", session_id=session_id)
    assert (error["status"], error["field"]) == (403, f"token.{claim}")
    assert await gateway.count("participant") == 1


@pytest.mark.req("S1-015")
async def test_another_ones_session_is_like_none(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent") as agent,
        gateway.talker("customer", sub="somebody-else") as other,
        gateway.talker("agent", sub="agent-2") as colleague,
    ):
        session_id, nowhere = await customer.open(), uuid4()
        await agent.ask("joined", type="join", session_id=session_id)
        for talker, frame in (
            (other, {"type": "resume", "after_seq": 0}),
            (other, {"type": "send", "client_id": uuid4(), "text": "hi"}),
            (other, {"type": "close"}),
            (colleague, {"type": "join"}),
            (colleague, {"type": "send", "client_id": uuid4(), "text": "hi"}),
        ):
            theirs = await talker.ask("error", session_id=session_id, **frame)
            none = await talker.ask("error", session_id=nowhere, **frame)
            assert theirs["code"] == "unknown-session"
            assert {k: v for k, v in theirs.items() if not k.endswith("_id")} == {
                k: v for k, v in none.items() if not k.endswith("_id")
            }
    async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("agent", sub="agent-2")) as http:
        for path in ("", "/entries"):
            answers = [await http.get(f"/v1/sessions/{i}{path}") for i in (session_id, nowhere)]
            assert [a.status_code for a in answers] == [404, 404]
            bodies = [{k: v for k, v in a.json().items() if k != "instance"} for a in answers]
            assert bodies[0] == bodies[1]
        assert (await http.post(f"/v1/sessions/{session_id}/close")).status_code == 404
    refused = await gateway.rows(
        "SELECT user_id FROM audit_entry WHERE outcome = 'refused' AND action = 'session.read'"
    )
    assert [r["user_id"] for r in refused] == ["agent-2"]


@pytest.mark.parametrize(
    ("raw", "code", "field"),
    [
        ("{", "malformed-frame", "frame"),
        ("[]", "malformed-frame", "frame"),
        (json.dumps({"type": SECRET}), "malformed-frame", "frame"),
        (json.dumps({"type": "resume", "session_id": SECRET, "after_seq": 0}), "malformed-frame", "session_id"),
        (json.dumps({"type": "resume", "session_id": NOWHERE, "after_seq": "1"}), "malformed-frame", "after_seq"),
        (json.dumps({"type": "resume", "session_id": NOWHERE, "after_seq": -1}), "malformed-frame", "after_seq"),
        (json.dumps({"type": "ping", "name": "A. Customer"}), "malformed-frame", "name"),
        (json.dumps({"type": "ping", SECRET: 1}), "malformed-frame", "frame"),
        (f'{{"type":"send","session_id":"{NOWHERE}","client_id":"{NOWHERE}","text":"\\ud800"}}', "malformed-frame", None),
        (json.dumps({"type": "send", "session_id": NOWHERE, "client_id": NOWHERE, "text": "a\0b"}), "malformed-frame", "text"),
        (json.dumps({"type": "send", "session_id": NOWHERE, "client_id": NOWHERE, "text": "é" * 4097}), "text-too-long", None),
        (json.dumps({"type": "send", "session_id": NOWHERE, "client_id": NOWHERE, "text": "x" * 8193}), "text-too-long", None),
        (json.dumps({"type": "send", "session_id": NOWHERE, "client_id": NOWHERE, "text": "x" * 65_536}), "frame-too-large", None),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else None,
)  # fmt: skip
async def test_a_wrong_frame_is_refused_on_the_same_connection(
    gateway: Gateway, raw: str, code: str, field: str | None
) -> None:
    async with gateway.talker("customer") as customer:
        answer = await customer.first("notice") and None
        await customer.connection.send(raw)
        answer = await customer.first("error")
        assert answer["code"] == code
        assert field is None or answer["field"] == field
        assert SECRET not in json.dumps(answer)
        await customer.ask("pong", type="ping")


@pytest.mark.req("S1-001")
@pytest.mark.parametrize("extra", ["name", "email", "account_id", "display_name", "ssn"])
async def test_what_a_client_says_of_itself_is_refused(gateway: Gateway, extra: str) -> None:
    async with gateway.talker("customer") as customer:
        notice = await customer.first("notice")
        error = await customer.ask(
            "error",
            type="open",
            client_id=uuid4(),
            topic="retirement",
            notice_version=notice["version"],
            **{extra: SECRET},
        )
    assert (error["code"], error["field"]) == ("malformed-frame", extra)
    assert SECRET not in json.dumps(error)
    assert await gateway.count("chat_session") == 0


async def test_nothing_follows_the_closing_entry(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("customer")) as http:
            closed = (await http.post(f"/v1/sessions/{session_id}/close")).json()
            assert (await http.post(f"/v1/sessions/{session_id}/close")).json() == closed
        assert closed["seq"] == 2
        error = await customer.post(session_id, "one more thing")
        assert error["code"] == "unknown-session"
        again = await customer.ask("closed", type="resume", session_id=session_id, after_seq=0)
        assert again["digest"] == closed["digest"]
        assert [e["seq"] for e in customer.entries(session_id)][-2:] == [1, 2]


async def test_an_expired_token_ends_the_connection(gateway: Gateway) -> None:
    async with gateway.talker("customer", lifetime=timedelta(seconds=-29)) as customer:
        assert (await customer.first("error"))["code"] == "token-expired"
        assert (await customer.first("gone"))["code"] == 4001


async def test_a_fresh_token_keeps_the_connection(gateway: Gateway) -> None:
    async with gateway.talker("customer", lifetime=timedelta(seconds=-29)) as customer:
        await customer.ask("welcome", type="hello", token=gateway.issuer.mint("customer"))
        await customer.open()
        error = await customer.ask("error", type="hello", token=gateway.issuer.mint("customer", sub="somebody-else"))
        assert error["code"] == "unauthenticated"
        assert (await customer.first("gone"))["code"] == 4001


async def test_a_cursor_beyond_the_end_is_refused(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        error = await customer.ask("error", type="resume", session_id=session_id, after_seq=9)
    assert error["code"] == "cursor-ahead"


async def test_an_account_opens_so_many_sessions_a_minute(gateway: Gateway) -> None:
    async with gateway.replica(opens_per_minute=2) as replica, replica.talker("customer") as customer:
        await customer.open()
        await customer.open()
        error = await customer.ask("error", type="open", client_id=uuid4(), topic="retirement", notice_version="2026.1")
    assert (error["code"], error["status"], error["retryable"]) == ("too-many-sessions", 429, True)


async def test_who_says_nothing_is_shown_out(gateway: Gateway) -> None:
    async with gateway.replica(hello_seconds=0.1) as hasty, Talker.connected(hasty.port, None) as silent:
        assert (await silent.first("error"))["code"] == "unauthenticated"
        assert (await silent.first("gone"))["code"] == 4002


@pytest.mark.req("S3-070")
async def test_the_notice_is_shown_in_the_readers_language_and_can_be_kept(gateway: Gateway) -> None:
    token = gateway.issuer.mint("customer")
    async with Talker.connected(gateway.port, token, language="es") as customer:
        shown = await customer.first("notice")
        session_id = await customer.open()
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        public = await http.get("/v1/notice", params={"language": "es"})
    assert shown["language"] == "es"
    assert {k: v for k, v in shown.items() if k != "type"} == public.json()
    assert public.headers["etag"] == f'"{shown["digest"]}"'
    rows = await gateway.rows("SELECT notice_language, notice_digest FROM chat_session WHERE id = $1", session_id)
    assert [tuple(r) for r in rows] == [("es", shown["digest"])]


@pytest.mark.parametrize(
    ("claims", "asked"),
    [
        ({"ial": 1}, {"field": "token.ial", "acr_values": ["ial2", "aal2"], "max_age": 900}),
        ({"aal": 1}, {"field": "token.aal", "acr_values": ["ial2", "aal2"], "max_age": 900}),
        ({"auth_time": 1_772_400_000}, {"field": "token.auth_time", "acr_values": ["ial2", "aal2"], "max_age": 900}),
    ],
)
async def test_a_topic_can_ask_for_a_stronger_or_fresher_proof(
    gateway: Gateway, claims: dict[str, Any], asked: dict[str, Any]
) -> None:
    """RFC 9470: told what is needed, the customer logs in again and goes on over the same connection."""
    async with gateway.talker("customer", **claims) as customer:
        opening = {"type": "open", "client_id": uuid4(), "topic": "direct-deposit", "notice_version": "2026.1"}
        error = await customer.ask("error", **opening)
        assert (error["code"], error["status"]) == ("insufficient-user-authentication", 401)
        assert {name: error[name] for name in asked} == asked
        assert await gateway.count("chat_session") == 0
        await customer.ask("opened", **opening | {"topic": "retirement", "client_id": uuid4()})
        await customer.ask("welcome", type="hello", token=gateway.issuer.mint("customer"))
        await customer.ask("opened", **opening)


@pytest.mark.req("S1-001")
async def test_who_somebody_is_stands_in_no_frame(gateway: Gateway) -> None:
    frames: dict[str, dict[str, Any]] = {
        "hello": {"language": "en"},
        "open": {"client_id": uuid4(), "topic": "retirement", "notice_version": "2026.1"},
        "join": {"session_id": uuid4()},
        "send": {"session_id": uuid4(), "client_id": uuid4(), "text": "hello"},
        "resume": {"session_id": uuid4(), "after_seq": 0},
        "close": {"session_id": uuid4()},
    }
    async with gateway.talker("customer") as customer:
        for kind, frame in frames.items():
            for name in ("name", "email", "sub", "user_id", "account_id", "ssn", "display_name", "role", "pii"):
                error = await customer.ask("error", type=kind, **frame, **{name: SECRET})
                assert (error["status"], error["code"], error["field"]) == (422, "malformed-frame", name), kind
    assert SECRET not in json.dumps(customer.frames)
    assert await gateway.count("chat_session") == 0
