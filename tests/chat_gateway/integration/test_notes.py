"""Notes among employees: kept, handed on with the session, and never on any way that leads to the public."""

import random
from typing import Any
from uuid import UUID, uuid4

import httpx

from chat_gateway.schemas import CLIENT_FRAMES
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.integration.test_offers import free, offered
from tests.chat_gateway.talking import Frame, Talker

SECRET = "she sounded frightened of the caller beside her"


async def noted(agent: Talker, session_id: UUID, text: str = SECRET, client_id: UUID | None = None) -> Frame:
    return await agent.ask("note", type="note", session_id=session_id, client_id=client_id or uuid4(), text=text)


def anything(chance: random.Random, session_id: UUID) -> Frame:
    """A frame of any type that a client may send, its fields filled with what fits or nearly fits."""
    kind = chance.choice(CLIENT_FRAMES)
    frame: Frame = {"type": kind.model_fields["type"].annotation.__args__[0]}
    usual: dict[str, Any] = {
        "session_id": session_id, "client_id": uuid4(), "text": "what do you note?", "after_seq": chance.randint(0, 3),
        "topic": "retirement", "reason": chance.choice(["busy", "language"]), "seconds": 30, "notice_version": "2026.1",
        "alarm_id": uuid4(), "language": "en",
    }  # fmt: skip
    for name, info in kind.model_fields.items():
        if name in usual and (info.is_required() or chance.random() < 0.5):
            frame[name] = str(usual[name]) if isinstance(usual[name], UUID) else usual[name]
    return frame


async def test_no_sequence_of_frames_brings_a_note_to_a_customer(gateway: Gateway) -> None:
    chance = random.Random(17)  # noqa: S311 - a sequence that can be run again
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        other.talker("customer") as second,
        gateway.talker("agent", sub="a-1") as agent,
    ):
        session_id = await taken(agent, customer)
        await second.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        for number in range(150):
            if number % 25 == 0:
                await noted(agent, session_id, f"{SECRET} {number}")
            frame = anything(chance, session_id)
            if frame["type"] not in {"close", "leave"}:
                await chance.choice([customer, second]).say(**frame)
        for talker in (customer, second):
            await talker.ask("pong", type="ping")
        async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("customer")) as http:
            pages = [
                await http.get(f"/v1/sessions/{session_id}{tail}") for tail in ("", "/entries", "/notes", "/place")
            ]
    assert len(agent.all("note")) == 6
    shown = str(customer.frames) + str(second.frames) + "".join(page.text for page in pages)
    assert SECRET not in shown
    assert not customer.all("note")
    assert not second.all("note")
    assert pages[2].status_code == 403
    told = await gateway.rows("SELECT string_agg(convert_from(value, 'UTF8') || headers, '') AS said FROM outbox")
    stored = await gateway.rows("SELECT string_agg(encode(sealed, 'escape'), '') AS said FROM session_note")
    kinds = await gateway.rows("SELECT DISTINCT kind FROM session_entry")
    assert SECRET not in told[0]["said"]
    assert SECRET not in stored[0]["said"], "under seal"
    assert "note" not in {row["kind"] for row in kinds}


async def test_notes_go_with_the_session_to_whoever_takes_it_over_and_stay_away_from_who_handed_it_on(
    gateway: Gateway,
) -> None:
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as one,
        gateway.talker("agent", sub="a-1") as same,
        other.talker("agent", sub="a-2", display_name="Mr. Chen") as two,
    ):
        session_id = await taken(one, customer)
        await same.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        client_id = uuid4()
        first = await noted(one, session_id, "Speaks slowly", client_id)
        assert (first["number"], first["note_id"], first["display_name"]) == (1, str(client_id), "Ms. Rivera")
        assert (await same.first("note"))["text"] == "Speaks slowly"
        assert (await noted(one, session_id, "Speaks slowly", client_id))["number"] == 1
        await one.say(type="note", session_id=session_id, client_id=client_id, text="Other words")
        assert (await one.first("error"))["code"] == "client-id-reused"
        await free(two)
        stranger = await two.ask("error", type="note", session_id=session_id, client_id=uuid4(), text="x")
        assert stranger["code"] == "unknown-session"
        await one.ask("transfer", type="transfer", session_id=session_id, agent="a-2", reason="other-expertise")
        await offered(two, session_id)
        assert not two.all("note"), "who is asked has nothing yet"
        await two.ask("joined", type="accept", session_id=session_id)
        assert (await two.first("note"))["text"] == "Speaks slowly"
        await one.first("left")
        before = len(one.all("note"))
        await noted(two, session_id, "Knows now")
        gone = await one.ask("error", type="note", session_id=session_id, client_id=uuid4(), text="and another thing")
        assert gone["code"] == "unknown-session"
        assert len(one.all("note")) == before
        async with httpx.AsyncClient(base_url=gateway.http) as http:
            url = f"/v1/sessions/{session_id}/notes"
            quality = {"Purpose-Of-Use": "quality-review"}
            mine = await http.get(url, headers=gateway.issuer.headers("supervisor") | quality)
            foreign = await http.get(url, headers=gateway.issuer.headers("supervisor", office="S99") | quality)
    assert [note["text"] for note in mine.json()["notes"]] == ["Speaks slowly", "Knows now"]
    assert foreign.status_code == 404
    audited = await gateway.rows("SELECT action, outcome FROM audit_entry WHERE action LIKE 'note%' ORDER BY position")
    assert {"note.write", "note.read"} == {row["action"] for row in audited}


async def test_a_note_of_another_process_comes_within_a_moment(gateway: Gateway) -> None:
    async with (
        gateway.replica() as other,
        gateway.talker("customer") as customer,
        gateway.talker("agent", sub="a-1") as here,
        other.talker("agent", sub="a-1") as there,
    ):
        session_id = await taken(here, customer)
        await there.ask("resumed", type="resume", session_id=session_id, after_seq=0)
        for number in range(3):
            await noted(here, session_id, f"note {number}")
        await there.until(lambda: len(there.all("note")) == 3)
    assert [note["number"] for note in there.all("note")] == [1, 2, 3]
