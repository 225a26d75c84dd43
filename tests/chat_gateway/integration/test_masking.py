"""What is protected reaches an employee masked, on every way, and one place at a time for a reason."""

from uuid import uuid4

import httpx

from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.integration.test_speaking import said
from tests.chat_gateway.talking import chained

NUMBER = "219-09-9999"


async def test_an_employee_sees_marks_and_reveals_one_place_for_a_reason(gateway: Gateway) -> None:
    async with (
        gateway.replica(reveals_soft=2, reveals_hard=3) as strict,
        gateway.talker("customer") as customer,
        strict.talker("agent", sub="a-1") as agent,
    ):
        session_id = await taken(agent, customer)
        await said(customer, session_id, f"I live at 12 Elm Street, number {NUMBER}")
        await agent.until_seq(session_id, 3)
        live = agent.all("entry")[-1]
        assert [place["kind"] for place in live["masked"]] == ["home-address", "social-security-number"]
        async with gateway.talker("agent", sub="a-1") as again:
            await again.ask("resumed", type="resume", session_id=session_id, after_seq=0)
            await again.until_seq(session_id, 3)
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("agent", sub="a-1")) as http:
            page = (await http.get(f"/v1/sessions/{session_id}/entries")).json()["entries"]
        assert again.all("entry")[-1] == live
        assert page[-1]["entry"] == live["entry"]
        assert page[-1]["masked"] == live["masked"]
        assert chained(agent.entries(session_id)) == [e["digest"] for e in agent.entries(session_id)]
        ask = {"type": "reveal", "session_id": session_id, "seq": 3, "reason": "verify-identity"}
        shown = await agent.ask("revealed", **ask, span=1)
        assert (shown["kind"], shown["text"]) == ("social-security-number", NUMBER)
        for wrong in ({"seq": 2}, {"seq": 9}, {"span": 2}):
            assert (await agent.ask("error", **ask | {"span": 0} | wrong))["code"] == "nothing-masked"
        elsewhere = await agent.ask("error", **ask | {"session_id": uuid4()}, span=0)
        assert elsewhere["code"] == "unknown-session"
        assert (await customer.ask("error", **ask, span=0))["code"] == "forbidden"
        assert (await agent.ask("error", **ask | {"reason": "curious"}, span=0))["code"] == "malformed-frame"
        for _ in range(2):
            await agent.ask("revealed", **ask, span=0)
        stopped = await agent.ask("error", **ask, span=0)
        assert (stopped["code"], stopped["status"]) == ("too-many-reveals", 429)
        gateway.clock.turn(minutes=61)
        async with strict.talker("agent", sub="a-1") as later:
            await later.ask("revealed", **ask, span=0)
    rows = await gateway.rows(
        "SELECT user_id, outcome, fields, record_ids FROM audit_entry WHERE action = 'pii.reveal' ORDER BY position"
    )
    done = [row for row in rows if row["outcome"] == "done"]
    assert [row["fields"][0] for row in done] == [
        "entry.3.place.1.social-security-number",
        *["entry.3.place.0.home-address"] * 3,
    ]
    assert all(row["fields"][1] == "reason.verify-identity" and row["record_ids"] == [str(session_id)] for row in done)
    assert sum(row["outcome"] == "refused" for row in rows) == 2, "the customer, and the one too many"
    alerts = await gateway.rows("SELECT fields FROM audit_entry WHERE action = 'bulk.alert' ORDER BY position")
    assert [row["fields"] for row in alerts] == [["reveals.soft"], ["reveals.hard"]]


async def test_who_is_entitled_sees_what_was_said(gateway: Gateway) -> None:
    async with (
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1", entitlements=["protected-pii"]) as agent,
    ):
        session_id = await taken(agent, customer)
        await said(customer, session_id, f"number {NUMBER}")
        await agent.until_seq(session_id, 3)
        assert agent.entries(session_id)[-1]["pii"]["text"] == f"number {NUMBER}"
        assert "masked" not in agent.all("entry")[-1]


async def test_whoever_works_without_a_socket_can_do_the_same(gateway: Gateway) -> None:
    async with (
        httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("agent", sub="a-1")) as http,
        gateway.talker("customer") as customer,
        gateway.talker("supervisor", sub="s-1") as supervisor,
        gateway.talker("agent", sub="a-1") as agent,
    ):
        session_id = await taken(agent, customer)
        at = f"/v1/sessions/{session_id}"
        await said(customer, session_id, f"number {NUMBER}")
        checked = await http.post(f"{at}/check", json={"text": f"Is it {NUMBER}?"})
        assert (checked.json()["verdict"], NUMBER in checked.text) == ("block", False)
        refused = await http.post(f"{at}/messages", json={"client_id": str(uuid4()), "text": f"Is it {NUMBER}?"})
        assert (refused.status_code, NUMBER in refused.text) == (422, False)
        shown = await http.post(f"{at}/reveal", json={"seq": 3, "span": 0, "reason": "customer-asked"})
        assert shown.json()["text"] == NUMBER
        note = await http.post(f"{at}/note", json={"client_id": str(uuid4()), "text": "was in a hurry"})
        assert note.json()["number"] == 1
        regard = await http.post(f"{at}/regard", json={"standing": "stranger", "basis": "identity-in-doubt"})
        sent = {"client_id": str(uuid4()), "answer": "acknowledgement", "version": 1}
        assert (regard.status_code, (await http.post(f"{at}/answer", json=sent)).status_code) == (204, 204)
        assert (await http.post(f"{at}/answer", json=sent)).status_code == 204
        await customer.until_seq(session_id, 5)
        await agent.say(type="duress")
        alarm_id = (await supervisor.first("alarm"))["alarm_id"]
        helper = gateway.issuer.headers("supervisor", sub="s-1")
        assert (await http.post("/v1/desk/assist", json={"alarm_id": alarm_id}, headers=helper)).status_code == 204
    reveals = await gateway.rows("SELECT fields FROM audit_entry WHERE action = 'pii.reveal'")
    assert [row["fields"] for row in reveals] == [["entry.3.place.0.social-security-number", "reason.customer-asked"]]
    assert await gateway.count("session_note") == await gateway.count("duress_answer") == 1
