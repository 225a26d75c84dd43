"""Everything that can be said over the socket can be posted: an employee behind a proxy without WebSockets does all their work."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from chat_gateway.schemas import FRAME_TYPES
from common.access import PERMISSIONS
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_supervisors import (
    AGENT,
    CHIEF,
    OTHER,
    TODAY,
    charted,
    ends,
    placed,
    tell,
    until_ended,
)
from tests.chat_gateway.integration.test_transports import speaker
from tests.chat_gateway.listening import Speaker

NO_POST = {
    "hello": "every request brings its token",
    "resume": "GET /v1/chat/stream and /v1/chat/poll",
    "ping": "no line has to be kept alive",
}


def chief(gateway: Gateway, pin: str = CHIEF, purpose: str = "quality-review") -> Any:
    claims = {"sub": f"s-{pin}", "pin": pin, "display_name": "Ms. Okafor"}
    stated = {"Purpose-Of-Use": purpose} if purpose else {}
    return Speaker.at(gateway.http, gateway.issuer.headers("supervisor", **claims) | stated)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, str(answer.json()["type"]).rpartition("/")[2]


def test_every_frame_has_its_post_under_the_same_row_of_the_table() -> None:
    """One row: the same roles, purposes and rules, since there is no other."""
    places = {place: row for row in PERMISSIONS.of_service("chat_gateway") for place in row.places}
    for frame in FRAME_TYPES:
        posts = [where for method, where in places["frame", frame].places if method == "POST"]
        assert len(posts) == (0 if frame in NO_POST else 1), frame
    assert set(NO_POST) < set(FRAME_TYPES)


class Posts:
    """Says frames by posts, at the places that the table names for them."""

    def __init__(self) -> None:
        self.said: set[str] = set()

    async def tell(
        self, who: Speaker, frame: str, where: object = "", status: int = 200, **body: Any
    ) -> dict[str, Any]:
        (row,) = [r for r in PERMISSIONS.of_service("chat_gateway") if ("frame", frame) in r.places]
        (path,) = [at for method, at in row.places if method == "POST"]
        answer = await who.http.post(path.replace("{session_id}", str(where)), json=body)
        assert answer.status_code == status, (frame, answer.text)
        self.said.add(frame)
        return dict(answer.json()) if answer.content else {}


async def waits_and_is_handed_on(posts: Posts, customer: Speaker, agent: Speaker, colleague: Speaker) -> str:
    notice = (await customer.http.get("/v1/notice")).json()
    opening: dict[str, Any] = {
        "topic": "retirement",
        "notice_version": notice["version"],
        "notice_digest": notice["digest"],
    }
    kept = (await posts.tell(customer, "open", status=201, client_id=str(uuid4()), **opening))["session_id"]
    assert (await posts.tell(customer, "leave", kept))["type"] == "place"
    opened = await posts.tell(customer, "open", status=201, client_id=str(uuid4()), **opening)
    session = str(opened["session_id"])
    await posts.tell(colleague, "prioritise", session, 204, reason="dire-need")
    async with agent.stream("desk") as desk, colleague.stream("desk") as other:
        assert (await posts.tell(agent, "available"))["available"]
        assert (await desk.until("offer"))["session_id"] == session
        await posts.tell(agent, "decline", session, 204, reason="conflict-of-interest")
        assert (await posts.tell(agent, "away"))["available"] is False
        await posts.tell(agent, "join", session)
        await posts.tell(colleague, "available")
        await posts.tell(agent, "transfer", session, agent="a-2", reason="shift-ends")
        assert (await other.until("offer"))["how"] == "transfer"
        await posts.tell(agent, "withdraw", session)
        await posts.tell(agent, "transfer", session, agent="a-2", reason="shift-ends")
        await other.until("offer", 2)
        assert (await posts.tell(colleague, "accept", session))["type"] == "joined"
    await posts.tell(colleague, "transfer", session, reason="technical")
    await posts.tell(agent, "join", session)
    return session


async def is_answered(posts: Posts, customer: Speaker, agent: Speaker, session: str) -> None:
    ack = await posts.tell(agent, "send", session, 201, client_id=str(uuid4()), text="good morning")
    said = await posts.tell(customer, "send", session, 201, client_id=str(uuid4()), text="I am 219-09-9999.")
    await posts.tell(customer, "receipt", session, kind="read", up_to=ack["seq"])
    await posts.tell(customer, "typing", session, 204, on=True)
    note = await posts.tell(agent, "note", session, client_id=str(uuid4()), text="waits for a form")
    assert note["type"] == "note"
    assert (await posts.tell(agent, "check", session, text="Your number is 219-09-9999."))["verdict"] == "block"
    await posts.tell(agent, "regard", session, 204, standing="stranger", basis="identity-in-doubt")
    fixed = (await agent.http.get("/v1/answers", params={"session_id": session})).json()["answers"][0]
    use: dict[str, Any] = {"client_id": str(uuid4()), "answer": fixed["answer"], "version": fixed["version"]}
    await posts.tell(agent, "answer", session, 204, **use)
    shown = await posts.tell(agent, "reveal", session, seq=said["seq"], span=0, reason="verify-identity")
    assert shown["text"] == "219-09-9999"
    await posts.tell(agent, "hold", session, 204, seconds=60)
    await posts.tell(agent, "unhold", session, 204)
    await posts.tell(customer, "extend", session, 409)
    await posts.tell(customer, "accompany", session, 404, authority_id=str(uuid4()))


@pytest.mark.peer("G36")
async def test_every_frame_is_said_over_posts_by_whom_it_is_for(gateway: Gateway) -> None:
    posts = Posts()
    async with (
        charted(gateway, placed(AGENT, (CHIEF, TODAY, None))),
        speaker(gateway, "customer") as customer,
        speaker(gateway, "agent", sub="a-1", pin=AGENT) as agent,
        speaker(gateway, "agent", sub="a-2", pin="222222") as colleague,
        chief(gateway) as supervisor,
        chief(gateway, purpose="program-administration") as helper,
    ):
        session = await waits_and_is_handed_on(posts, customer, agent, colleague)
        await is_answered(posts, customer, agent, session)
        assert (await posts.tell(supervisor, "monitor", session))["type"] == "monitoring"
        whisper: dict[str, Any] = {"client_id": str(uuid4()), "text": "ask for the form"}
        assert (await posts.tell(supervisor, "whisper", session, **whisper))["type"] == "whisper"
        assert (await posts.tell(supervisor, "enter", session))["type"] == "joined"
        assert (await posts.tell(supervisor, "unmonitor", session))["type"] == "left"
        raised = await posts.tell(agent, "duress", status=201, session_id=session, cause="threat")
        assert (raised["state"], raised["recorded"], raised["session_id"]) == ("raised", True, session)
        await posts.tell(helper, "assist", status=204, alarm_id=raised["alarm_id"])
        assert (await posts.tell(agent, "close", session))["digest"]
    assert posts.said == set(FRAME_TYPES) - set(NO_POST)


async def test_who_may_not_say_it_on_the_socket_may_not_post_it(gateway: Gateway) -> None:
    async with (
        charted(gateway, placed(AGENT, (CHIEF, TODAY, None))),
        speaker(gateway, "customer") as customer,
        speaker(gateway, "agent", sub="a-1", pin=AGENT) as agent,
        chief(gateway, OTHER) as stranger,
        chief(gateway) as supervisor,
        chief(gateway, purpose="") as aimless,
    ):
        session = (await customer.open())["session_id"]
        await agent.act(session, "join")
        assert refusal(await customer.http.post(f"/v1/sessions/{session}/monitor")) == (403, "forbidden")
        assert refusal(await stranger.http.post(f"/v1/sessions/{session}/monitor")) == (404, "unknown-session")
        assert refusal(await aimless.http.post(f"/v1/sessions/{session}/monitor")) == (403, "forbidden")
        body = {"client_id": str(uuid4()), "text": "psst"}
        for path, said in (("whisper", body), ("enter", None), ("unmonitor", None)):
            answer = await supervisor.http.post(f"/v1/sessions/{session}/{path}", json=said)
            assert refusal(answer) == (404, "unknown-session"), "who does not listen yet"
        await supervisor.act(session, "monitor")
        async with chief(gateway, purpose="training") as otherwise:
            answer = await otherwise.http.post(f"/v1/sessions/{session}/whisper", json=body)
            assert refusal(answer) == (404, "unknown-session"), "the watch was begun for another purpose"
        assert refusal(await aimless.post(session, "hello")) == (404, "unknown-session"), "only who stepped in"
        assert refusal(await customer.http.post("/v1/desk/duress", json={})) == (403, "forbidden")
        await agent.act(session, "typing", 204, on=True)
        alien = Speaker(customer.http)
        alien.http.headers.update(gateway.issuer.headers("customer", sub="c-9"))
        answer = await alien.http.post(f"/v1/sessions/{session}/typing", json={"on": True, "text": "My num"})
        assert answer.status_code == 422, "there is no field for a text"
        answer = await alien.http.post(f"/v1/sessions/{session}/typing", json={"on": True})
        assert refusal(answer) == (404, "unknown-session")
    typed = await gateway.rows("SELECT outcome FROM audit_entry WHERE action = 'message.typing' ORDER BY position")
    assert [row["outcome"] for row in typed] == ["refused", "refused"], "what was let in is kept nowhere"


@pytest.mark.peer("G23")
async def test_typing_that_is_posted_comes_to_the_others(gateway: Gateway) -> None:
    async with speaker(gateway, "customer") as customer, gateway.talker("agent") as agent:
        session = (await customer.open())["session_id"]
        await agent.ask("joined", type="join", session_id=session)
        await customer.act(session, "typing", 204, on=True)
        assert (await agent.first("typing"))["on"] is True


@pytest.mark.req("S1-018")
async def test_a_supervisor_hears_whispers_and_ends_by_stream_and_poll(gateway: Gateway) -> None:
    agent_id = placed(AGENT, (CHIEF, TODAY, None))
    async with (
        charted(gateway, agent_id) as database,
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1", pin=AGENT) as agent,
        chief(gateway) as here,
        chief(other) as there,
        chief(other, purpose="") as speaking,
    ):
        session = await customer.open()
        await agent.ask("joined", type="join", session_id=session)
        shown = await here.act(session, "monitor")
        assert [p["role"] for p in shown["participants"]] == ["customer", "agent"], "nobody sees them"
        params = {"hear": f"{session}:0", "wait": 0}
        first = (await there.http.get("/v1/chat/monitored/poll", params=params)).json()
        assert [f["type"] for f in first["frames"]] == ["monitoring", "entry", "entry"], "any process answers"
        later = {"hear": f"{session}:2", "wait": 20, "state": first["state"]}
        waiting = asyncio.create_task(there.http.get("/v1/chat/monitored/poll", params=later))
        await customer.post(session, "Hello?")
        heard = (await asyncio.wait_for(waiting, 10)).json()["frames"]
        assert [f["entry"]["seq"] for f in heard if f["type"] == "entry"] == [3]
        body = {"client_id": str(uuid4()), "text": "ask for the form"}
        await there.http.post(f"/v1/sessions/{session}/whisper", json=body)
        assert (await agent.first("whisper"))["text"] == "ask for the form"
        async with gateway.replica(connections_per_employee=1) as small, chief(small) as crowded:
            async with crowded.http.stream("GET", "/v1/chat/monitored/stream", params={"hear": f"{session}:2"}):
                second = await crowded.http.get("/v1/chat/monitored/poll", params=params)
            assert refusal(second) == (429, "too-many-connections")
        async with here.http.stream("GET", "/v1/chat/monitored/stream", params={"hear": f"{session}:2"}) as answer:
            assert answer.status_code == 200
            lines = answer.aiter_lines()
            async with asyncio.timeout(10):
                seen = [line async for line in until(lines, "Hello?")]
                assert any("ask for the form" in line for line in seen)
                await there.act(session, "unmonitor")
                assert any('"left"' in line for line in [line async for line in until(lines, '"left"')])
        await until_ended(gateway, 1)
        gone = await here.http.get("/v1/chat/monitored/poll", params=params)
        assert refusal(gone) == (404, "unknown-session")
        assert not agent.all("monitored"), "silent unless the agency says otherwise"
        await here.act(session, "monitor")
        assert (await here.act(session, "enter"))["type"] == "joined"
        await customer.until(lambda: any(f.get("kind") == "joined" and f["entry"]["role"] == "supervisor"
                                         for f in customer.all("entry")))  # fmt: skip
        assert (await speaking.post(session, "I have found your papers.")).status_code == 201
        keys = placed(AGENT, (OTHER, TODAY, None), employee_id=agent_id.employee_id)
        await tell(gateway, database, keys)
        assert refusal(await speaking.post(session, "and")) == (404, "unknown-session"), "who is above no more"
        assert await ends(gateway) == 1


async def until(lines: Any, word: str) -> Any:
    async for line in lines:
        yield line
        if word in line:
            return


@pytest.mark.peer("G49")
async def test_a_call_for_help_reaches_a_supervisor_without_a_socket(gateway: Gateway) -> None:
    async with (
        speaker(gateway, "agent", sub="a-1") as agent,
        speaker(gateway, "supervisor", sub="s-1") as supervisor,
    ):
        before = (await supervisor.http.get("/v1/alarms")).json()
        assert before["alarms"] == []
        known = {"wait": 30, "state": before["state"]}
        waiting = asyncio.create_task(supervisor.http.get("/v1/alarms", params=known))
        raised = (await agent.http.post("/v1/desk/duress", json={"cause": "violence"})).json()
        paged = (await asyncio.wait_for(waiting, 10)).json()
        assert [(a["alarm_id"], a.get("answered_by")) for a in paged["alarms"]] == [(raised["alarm_id"], None)]
        own = await agent.http.post("/v1/desk/assist", json={"alarm_id": raised["alarm_id"]})
        assert own.status_code == 403, "an agent sees to none"
        await supervisor.http.post("/v1/desk/assist", json={"alarm_id": raised["alarm_id"]})
        (alarm,) = (await supervisor.http.get("/v1/alarms")).json()["alarms"]
        assert (alarm["answered_by"], alarm["answered_at"] is not None) == ("s-1", True)
    rows = await gateway.rows(
        "SELECT action FROM audit_entry WHERE action IN ('duress.raise', 'duress.answer') ORDER BY position"
    )
    assert [row["action"] for row in rows] == ["duress.raise", "duress.answer", "duress.answer"], (
        "each once, the refusal too"
    )
