"""The gate on what is said: rules for employees' words, the stop before an unseen message, and classified text."""

import asyncio
from uuid import UUID, uuid4

import pytest

from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.talking import Frame, Talker

NUMBER = "219-09-9999"
EVERYTHING = """
SELECT string_agg(said, ' ') AS said FROM (
    SELECT convert_from(value, 'UTF8') AS said FROM session_entry UNION ALL SELECT convert_from(value, 'UTF8') FROM outbox
    UNION ALL SELECT audit_entry::text FROM audit_entry UNION ALL SELECT encode(sealed, 'escape') FROM quarantined_text
) AS everything
"""


async def said(talker: Talker, session_id: UUID, text: str, **more: object) -> Frame:
    """What a sender is answered."""
    client_id = uuid4()
    before = len(talker.frames)
    await talker.say(type="send", session_id=session_id, client_id=client_id, text=text, **more)

    def answers() -> list[Frame]:
        return [f for f in talker.frames[before:] if f.get("client_id") == str(client_id)]

    await talker.until(lambda: bool(answers()))
    return answers()[0]


async def test_an_employees_words_are_checked_on_asking_and_again_at_the_gate(
    gateway: Gateway, capsys: pytest.CaptureFixture[str]
) -> None:
    async with (
        gateway.talker("customer", sub="c-1", display_name="Ana Lopez") as customer,
        gateway.talker("agent", sub="a-1") as agent,
    ):
        session_id = await taken(agent, customer)
        await said(customer, session_id, f"My number is {NUMBER}, I live at 12 Elm Street")
        fine = await agent.ask("checked", type="check", session_id=session_id, text="Thank you.")
        assert (fine["verdict"], fine["rules"]) == ("allow", [])
        text = f"So it is {NUMBER}?"
        checked = await agent.ask("checked", type="check", session_id=session_id, text=text)
        assert checked["verdict"] == "block"
        assert checked["rules"][0]["rule"] == "no-social-security-number"
        assert checked["rules"][0]["places"] == [[9, 20]]
        for reason in (None, "customers-own"):
            refused = await said(agent, session_id, text, **({"reason": reason} if reason else {}))
            assert (refused["code"], refused["status"]) == ("draft-blocked", 422)
            assert [rule["rule"] for rule in refused["rules"]] == ["no-social-security-number"]
        doubtful = await said(agent, session_id, "You live at 12 Elm Street?")
        assert (doubtful["code"], doubtful["field"]) == ("draft-needs-reason", "reason")
        assert "customers-own" in doubtful["rules"][0]["reasons"]
        assert (await said(agent, session_id, "You live at 12 Elm Street?", reason="customers-own"))["type"] == "ack"
        assert NUMBER not in str([agent.all("error"), agent.all("checked")])
        assert (await agent.ask("error", type="check", session_id=uuid4(), text="x"))["code"] == "unknown-session"
        assert (await customer.ask("error", type="check", session_id=session_id, text="x"))["code"] == "forbidden"
    kinds = [row["kind"] for row in await gateway.rows("SELECT kind FROM session_entry ORDER BY seq")]
    assert kinds == ["opened", "joined", "message", "message"]
    override = (
        await gateway.rows("SELECT user_id, fields, terminal FROM audit_entry WHERE action = 'draft.override'")
    )[0]
    assert override["user_id"] == "a-1"
    assert override["fields"] == ["rule.particulars-need-a-reason", "reason.customers-own"]
    assert override["terminal"]
    assert NUMBER not in (await gateway.rows(EVERYTHING))[0]["said"]
    assert NUMBER not in capsys.readouterr().out


@pytest.mark.req("S2-045")
async def test_to_who_is_not_proven_no_case_is_confirmed_or_denied(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer", sub="c-1", ial=1, aal=1) as unproven,
        gateway.talker("customer", sub="c-2") as proven,
        gateway.talker("agent", sub="a-1") as agent,
    ):
        one, two = await taken(agent, unproven), await taken(agent, proven)
        for text in ("Your claim is pending.", "There is no claim under that name."):
            refused = await said(agent, one, text)
            assert [r["rule"] for r in refused["rules"]] == ["no-case-is-confirmed"]
        assert (await said(agent, one, "To ask about a claim, call or write to us."))["type"] == "ack"
        assert (await said(agent, two, "Your claim is pending."))["type"] == "ack"


async def test_an_answer_that_crosses_a_newer_message_is_stopped_until_that_was_seen(gateway: Gateway) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", sub="a-1") as agent:
        session_id = await taken(agent, customer)
        await said(customer, session_id, "Shall I sign it?")
        await said(customer, session_id, "No, wait, I mean the other one")
        stopped = await said(agent, session_id, "Yes, please sign.", seen_seq=3)
        assert (stopped["code"], stopped["status"], stopped["seq"]) == ("unseen-message", 409, 4)
        assert "you have not seen message 4" in stopped["detail"]
        first = await said(agent, session_id, "No, not that one.", seen_seq=4)
        assert (first["type"], first["seq"]) == ("ack", 5)
        own = await said(agent, session_id, "The other one is fine.", seen_seq=4)
        assert own["seq"] == 6, "what one said oneself is no surprise"
        together = await asyncio.gather(
            said(customer, session_id, "Thanks", seen_seq=6), said(agent, session_id, "Anything else?", seen_seq=6)
        )
        outcomes = sorted(str(f.get("code", f["type"])) for f in together)
        assert outcomes in (["ack", "ack"], ["ack", "unseen-message"])
        assert outcomes == ["ack", "unseen-message"], "of two that cross, one is stopped"
    assert len(await gateway.rows("SELECT FROM session_entry")) == 7


@pytest.mark.req("S1-010")
@pytest.mark.parametrize("role", ["customer", "agent"])
async def test_text_that_is_marked_as_classified_is_set_apart_and_its_sender_told(gateway: Gateway, role: str) -> None:
    async with gateway.talker("customer") as customer, gateway.talker("agent", sub="a-1") as agent:
        session_id = await taken(agent, customer)
        sender, other = (customer, agent) if role == "customer" else (agent, customer)
        refused = await said(sender, session_id, "SECRET//NOFORN\nThe convoy leaves at nine.")
        assert (refused["code"], refused["status"], refused["retryable"]) == ("classified-marking", 422, False)
        assert (await said(other, session_id, "Are you there?"))["seq"] == 3
        await sender.until_seq(session_id, 3)
        assert "convoy" not in str(other.frames)
    assert [row["kind"] for row in await gateway.rows("SELECT kind FROM session_entry ORDER BY seq")][2:] == ["message"]
    apart = (await gateway.rows("SELECT session_id, marking, sealed FROM quarantined_text"))[0]
    assert (apart["session_id"], apart["marking"]) == (session_id, "banner")
    assert b"convoy" not in apart["sealed"]
    entry = (await gateway.rows("SELECT user_id, fields FROM audit_entry WHERE action = 'content.set-apart'"))[0]
    assert (entry["user_id"], entry["fields"]) == (f"{role}-1" if role == "customer" else "a-1", ["marking.banner"])
    assert "convoy" not in (await gateway.rows(EVERYTHING))[0]["said"]
