"""Every frame of the socket, said by every role: let in or refused as the table says, and recorded."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from common.access import PERMISSIONS
from common.auth import ROLES
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Frame, Talker

FRAMES: dict[str, dict[str, Any]] = {
    "session.open": {"type": "open", "client_id": None, "topic": "retirement", "notice_version": "2026.1"},
    "session.join": {"type": "join"},
    "session.resume": {"type": "resume", "after_seq": 0},
    "session.close": {"type": "close"},
}
LAST = "SELECT user_id, action, outcome, purpose FROM audit_entry ORDER BY position DESC LIMIT 1"


async def answered(talker: Talker, seen: int) -> Frame:
    """The first answer after so many frames."""

    def answers() -> list[Frame]:
        return [f for f in talker.frames[seen:] if f["type"] in {"error", "opened"}]

    await talker.until(lambda: bool(answers()))
    return answers()[0]


@pytest.mark.req("S1-093", "S3-101", "S3-109")
async def test_each_role_says_what_the_table_lets_it_say_and_leaves_one_entry_each(gateway: Gateway) -> None:
    for role in sorted(ROLES):
        async with gateway.talker(role) as talker:
            for operation, frame in FRAMES.items():
                before = await gateway.count("audit_entry")
                ids = {"client_id": uuid4()} if "client_id" in frame else {"session_id": uuid4()}
                seen = len(talker.frames)
                await talker.say(**frame | ids)
                answer = await answered(talker, seen)
                may = role in PERMISSIONS.rows[operation].grants
                assert (answer.get("code") == "forbidden") != may, (role, operation)
                entry = (await gateway.rows(LAST))[0]
                assert (entry["user_id"], entry["action"]) == (f"{role}-1", operation)
                outcome = "done" if answer["type"] == "opened" else "not_found" if may else "refused"
                assert (entry["outcome"], entry["purpose"]) == (outcome, "program-administration" if may else "")
                assert await gateway.count("audit_entry") == before + 1


async def test_what_is_said_in_a_session_is_no_entry_of_its_own(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer:
        session_id = await customer.open()
        before = await gateway.count("audit_entry")
        for number in range(5):
            assert (await customer.post(session_id, f"line {number}"))["type"] == "ack"
    assert await gateway.count("audit_entry") == before == 1


@pytest.mark.req("S1-094", "S1-095", "S1-096")
@pytest.mark.parametrize(
    ("role", "claims", "status", "missing"),
    [
        ("agent", {"amr": ["pwd"]}, 401, "token.amr"),
        ("supervisor", {"amr": None}, 401, "token.amr"),
        ("agent", {"amr": ["sc"]}, 401, "token.amr"),
        ("customer", {"roles": []}, 403, "token.roles"),
        ("customer", {"roles": ["king"]}, 403, "token.roles"),
    ],
)
async def test_without_profile_card_and_pin_nobody_is_greeted(
    gateway: Gateway, role: str, claims: dict[str, Any], status: int, missing: str
) -> None:
    async with Talker.connected(gateway.port, None) as talker:
        await talker.say(type="hello", token=gateway.issuer.mint(role, **claims))
        error, gone = await talker.first("error"), await talker.first("gone")
    assert (error["status"], error["field"], gone["code"]) == (status, missing, 4001)
    assert not talker.all("welcome")
    assert [
        r["outcome"] for r in await gateway.rows("SELECT outcome FROM audit_entry WHERE action = 'chat.hello'")
    ] == ["refused"]


@pytest.mark.req("S3-111")
@pytest.mark.parametrize(
    "claims",
    [{"roles": ["supervisor"], "position": "operations-supervisor"}, {"training_date": "2024-01-01"}, {"office": None}],
)
async def test_whose_position_or_standing_changes_hears_no_more(gateway: Gateway, claims: dict[str, Any]) -> None:
    """The fresh token of an open connection says so; what it was let into before is closed to it."""
    async with gateway.talker("customer") as customer, gateway.talker("agent") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        await agent.ask("error", type="hello", token=gateway.issuer.mint("agent", **claims))
        await customer.post(session_id, "are you still there?")
        said = await agent.post(session_id, "yes")
        assert (said["type"], said["code"]) == ("error", "unknown-session")
        assert all(e.get("kind") != "message" for e in agent.all("entry"))


@pytest.mark.req("S1-099")
async def test_whose_training_lapses_in_mid_session_hears_no_more_and_the_person_waits_again(gateway: Gateway) -> None:
    """Nobody has to say anything for it: a day begins, and the training was a year ago."""
    began = gateway.clock.now().date()
    last_day = {"training_date": (began - timedelta(days=365)).isoformat()}
    lasting = timedelta(days=2)
    async with (
        gateway.talker("customer", lifetime=lasting) as customer,
        gateway.talker("agent", sub="a-1", lifetime=lasting, **last_day) as agent,
        gateway.talker("agent", sub="a-2", lifetime=lasting) as trained,
    ):
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        gateway.clock.turn(days=1)
        assert (await agent.first("left"))["session_id"] == str(session_id)
        assert "training" in agent.all("error")[-1]["detail"]
        await customer.until(lambda: any(f["kind"] == "returned" for f in customer.all("entry")))
        await customer.post(session_id, "are you still there?")
        await trained.ask("joined", type="join", session_id=session_id)
        assert "still there" not in str(agent.frames)
        assert not agent.all("closed")
