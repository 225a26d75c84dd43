"""Answers of the register: written by one, approved by another, sent by version, and found again when the version is over."""

from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import pytest

from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.talking import Frame, Talker

TEXT = "You can begin at 62, with a smaller payment for life."
WRITTEN: dict[str, Any] = {
    "answer": "retirement-at-62", "language": "en", "topic": "retirement", "citation": "20 CFR 404.310", "text": TEXT,
    "valid_from": "2026-01-01",
}  # fmt: skip


class Desk:
    """Those who keep the register."""

    def __init__(self, gateway: Gateway, http: httpx.AsyncClient) -> None:
        self._gateway = gateway
        self._http = http

    async def ask(self, method: str, path: str, sub: str, role: str = "supervisor", **more: Any) -> httpx.Response:
        headers = self._gateway.issuer.headers(role, sub=sub) | {"Idempotency-Key": str(uuid4())}
        return await self._http.request(method, f"/v1{path}", headers=headers, **more)

    async def write(self, **changes: Any) -> httpx.Response:
        return await self.ask("POST", "/answers", "s-1", json=WRITTEN | changes)

    async def publish(self, **changes: Any) -> int:
        version: int = (await self.write(**changes)).json()["version"]
        path = f"/answers/retirement-at-62/versions/{version}/approval"
        assert (await self.ask("POST", path, "s-2")).status_code == 201
        return version


async def answered(agent: Talker, session_id: UUID, version: int, answer: str = "retirement-at-62") -> Frame:
    client_id = uuid4()
    seen = len(agent.frames)
    await agent.say(type="answer", session_id=session_id, client_id=client_id, answer=answer, version=version)

    def came() -> list[Frame]:
        return [
            f
            for f in agent.frames[seen:]
            if f["type"] == "error" or f.get("entry", {}).get("entry_id") == str(client_id)
        ]

    await agent.until(lambda: bool(came()))
    return came()[0]


async def test_an_answer_is_sent_in_the_version_that_somebody_else_approved_and_its_receivers_are_found(
    gateway: Gateway,
) -> None:
    async with (
        httpx.AsyncClient(base_url=gateway.http) as http,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as agent,
    ):
        desk = Desk(gateway, http)
        session_id = await taken(agent, customer)
        assert (await desk.write()).json() == {"answer": "retirement-at-62", "version": 1}
        early = await answered(agent, session_id, 1)
        assert (early["code"], "no version is in force" in early["detail"]) == ("answer-not-in-force", True)
        approval = "/answers/retirement-at-62/versions/1/approval"
        own = await desk.ask("POST", approval, "s-1")
        assert (own.status_code, own.json()["type"].rpartition("/")[2]) == (403, "own-answer")
        assert (await desk.ask("POST", approval, "s-2")).status_code == 201
        listed = (await desk.ask("GET", f"/answers?session_id={session_id}", "a-1", "agent")).json()["answers"]
        assert TEXT in [a["text"] for a in listed]
        sent = await answered(agent, session_id, 1)
        assert sent["entry"]["pii"]["text"] == TEXT
        assert sent["entry"]["answer"] == {"id": "retirement-at-62", "version": 1}
        await customer.until_seq(session_id, 3)
        assert customer.entries(session_id)[-1]["answer"] == {"id": "retirement-at-62", "version": 1}
        repeated = {"type": "answer", "session_id": session_id, "client_id": sent["entry"]["entry_id"]}
        other = await agent.ask("error", **repeated, answer="acknowledgement", version=1)
        assert other["code"] == "client-id-reused"
        path = "/answers/retirement-at-62/versions/1/recipients"
        holds = (await desk.ask("GET", path, "q-1", "quality_reviewer")).json()
        assert holds["superseded_since"] is None
        assert await desk.publish(text=TEXT + " Or later, with more.") == 2
        again = await agent.ask("ack", **repeated, answer="retirement-at-62", version=1)
        assert again["seq"] == 3, "what was sent is sent, whatever holds now"
        old = await answered(agent, session_id, 1)
        assert "version 2 is in force" in old["detail"]
        assert (await answered(agent, session_id, 2))["entry"]["seq"] == 4
        got = (await desk.ask("GET", path, "q-1", "quality_reviewer")).json()
        assert [(r["session_id"], r["seq"]) for r in got["recipients"]] == [(str(session_id), 3)]
        assert got["superseded_since"] == gateway.clock.now().date().isoformat()
        assert (await desk.ask("GET", path, "a-1", "agent")).status_code == 403
    actions = {row["action"] for row in await gateway.rows("SELECT action FROM audit_entry")}
    assert {"answer.write", "answer.approve", "answer.use", "answer.recipients"} <= actions


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"text": "Your number is 219-09-9999."}, "social security number"),
        ({"text": "Your claim is pending."}, "not proven"),
        ({"text": "Send us the forms by e-mail."}, "by e-mail"),
        ({"answer": "acknowledgement"}, "fixed wording"),
    ],
)
async def test_what_may_not_be_said_to_everybody_is_no_answer(
    gateway: Gateway, changes: dict[str, str], says: str
) -> None:
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        refused = await Desk(gateway, http).write(**changes)
    assert (refused.status_code, says in refused.text) == (422, True)
    assert await gateway.count("canned_answer") == 0


async def test_the_store_too_keeps_author_and_approver_apart_and_versions_as_they_are(gateway: Gateway) -> None:
    async with httpx.AsyncClient(base_url=gateway.http) as http:
        await Desk(gateway, http).write()
    own = "INSERT INTO canned_answer_mark SELECT answer, version, written_by, 'approved', valid_from, written_by, written_at FROM canned_answer"
    with pytest.raises(asyncpg.CheckViolationError):
        await gateway.rows(own)
    with pytest.raises(asyncpg.RestrictViolationError):
        await gateway.rows("UPDATE canned_answer SET text = 'x'")
