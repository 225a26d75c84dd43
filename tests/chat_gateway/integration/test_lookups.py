"""Looks into other files: only from an open conversation that calls for one, recorded before they are made, kept nowhere."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import pytest

from chat_gateway.lookups.store import place_of
from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.integration.test_handing_on import taken
from tests.chat_gateway.integration.test_offers import free, offered
from tests.chat_gateway.other_system import OtherSystem, answering

FILE, ANSWER = "T2-078-05-1120", "third Wednesday"
WISH = {"system": "title-ii", "file_id": FILE, "fields": ["payment_day"], "reason": "answer-question"}


@pytest.fixture
async def other() -> AsyncIterator[OtherSystem]:
    async with OtherSystem().serving() as system:
        yield system


@pytest.fixture
async def desk(gateway: Gateway, other: OtherSystem, tmp_path: Path) -> AsyncIterator[Gateway]:
    """A gateway whose agency has connected the claims system, and no other."""
    file = tmp_path / "addresses.yaml"
    file.write_text(f"title-ii: {{url: '{other.url}', timeout_seconds: 20}}")
    async with gateway.replica(lookup_addresses=file) as connected:
        yield connected


async def looked(gateway: Gateway, session_id: UUID, sub: str = "a-1", **changes: Any) -> httpx.Response:
    async with httpx.AsyncClient(base_url=gateway.http, headers=gateway.issuer.headers("agent", sub=sub)) as http:
        return await http.post(f"/v1/sessions/{session_id}/lookups", json=WISH | changes)


def kind(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rpartition("/")[2]


@pytest.mark.req("S1-038", "S1-039")
async def test_a_look_needs_an_open_conversation_that_calls_for_it_and_leaves_its_record(
    desk: Gateway, other: OtherSystem
) -> None:
    async with desk.talker("customer") as customer, desk.talker("agent", sub="a-1") as agent:
        waiting = await customer.open("retirement")
        assert kind(await looked(desk, waiting)) == (404, "unknown-session"), "nobody has it yet"
        await agent.ask("joined", type="join", session_id=waiting)
        found = await looked(desk, waiting)
        assert (found.status_code, found.json()["fields"]) == (200, {"payment_day": ANSWER})
        assert found.headers["cache-control"] == "no-store"
        assert kind(await looked(desk, waiting, sub="a-2")) == (404, "unknown-session")
        assert kind(await looked(desk, waiting, system="enumeration", fields=["name_on_card"])) == (
            403, "look-up-not-allowed",
        )  # fmt: skip
        for wrong in ({"reason": "curiosity"}, {"fields": ["name_on_card"]}, {"system": "nowhere"}):
            assert kind(await looked(desk, waiting, **wrong)) == (422, "unknown-fields")
        assert kind(await looked(desk, waiting, system="client-data", fields=["mailing_address"])) == (
            503, "other-system-not-connected",
        )  # fmt: skip
        await agent.say(type="regard", session_id=waiting, standing="stranger", basis="asks-about-another")
        await agent.until_seq(waiting, 3)
        assert kind(await looked(desk, waiting)) == (403, "look-up-not-allowed"), (
            "a stranger is told nothing of any file"
        )
        await customer.ask("closed", type="close", session_id=waiting)
        assert kind(await looked(desk, waiting)) == (403, "look-up-not-allowed")

    assert len(other.questions) == 1, "nothing that was refused reached the other system"
    (row,) = await desk.rows(
        "SELECT l.*, o.outcome FROM session_lookup l JOIN session_lookup_outcome o ON lookup_id = id"
    )
    assert (row["session_id"], row["topic"], row["system"]) == (waiting, "retirement", "title-ii")
    assert (row["reason"], row["fields"], row["outcome"]) == ("answer-question", ["payment_day"], "answered")
    key_id = (await desk.rows("SELECT key_id FROM chat_session WHERE id = $1", waiting))[0]["key_id"]
    key = (await desk.keyring.find({key_id}))[key_id]
    assert key.open(row["file"], place_of(row["id"])) == FILE.encode(), "sealed with the conversation, and ends with it"
    audited = await desk.rows(
        "SELECT outcome, record_ids, fields FROM audit_entry WHERE action = 'lookup.make' ORDER BY position"
    )
    done = [a for a in audited if a["outcome"] == "done"]
    assert [(set(a["record_ids"]), a["fields"]) for a in done] == [
        ({str(waiting), found.json()["look_up_id"]}, ["payment_day"])
    ]
    assert len(audited) == 9


@pytest.mark.req("S1-039")
async def test_an_answer_that_comes_after_the_conversation_ended_or_changed_hands_is_shown_to_nobody(
    desk: Gateway, other: OtherSystem
) -> None:
    async def begun(sub: str) -> asyncio.Task[httpx.Response]:
        """A look that waits for its answer."""
        other.asked.clear()
        other.may_answer.clear()
        look = asyncio.create_task(looked(desk, session_id, sub=sub))
        await other.asked.wait()
        return look

    async with (
        desk.talker("customer") as customer,
        desk.talker("agent", sub="a-1") as agent,
        desk.talker("agent", sub="a-2", pin="222222") as colleague,
    ):
        session_id = await taken(agent, customer)
        await free(colleague)
        await agent.ask("transfer", type="transfer", session_id=session_id, agent="a-2", reason="language")
        await offered(colleague, session_id)
        looking = await begun("a-1")
        await colleague.ask("joined", type="accept", session_id=session_id)
        other.may_answer.set()
        late = await looking
        looking = await begun("a-2")
        await customer.ask("closed", type="close", session_id=session_id)
        other.may_answer.set()
        later = await looking
    assert (kind(late), kind(later)) == ((404, "unknown-session"), (403, "look-up-not-allowed"))
    assert ANSWER not in late.text + later.text
    outcomes = await desk.rows("SELECT outcome FROM session_lookup_outcome")
    assert [row["outcome"] for row in outcomes] == ["withheld", "withheld"]
    with pytest.raises(asyncpg.RestrictViolationError, match="not open"):
        await desk.rows(
            "INSERT INTO session_lookup VALUES (gen_random_uuid(), $1, now(), $1, 't', 's', 'r', '{f}', '')", session_id
        )


async def test_a_system_that_fails_is_recorded_as_such_and_nothing_of_its_words_is_kept_or_told(
    desk: Gateway, other: OtherSystem
) -> None:
    async with desk.talker("customer") as customer, desk.talker("agent", sub="a-1") as agent:
        session_id = await taken(agent, customer)
        answers = []
        for behaviour in (
            answering(500, b"ORA-600 third Wednesday"),
            answering(content=b"<third Wednesday>"),
            answering(404),
        ):
            other.behave = behaviour
            answers.append(await looked(desk, session_id))
        other.behave = answering()
        answers.append(await looked(desk, session_id))
        assert (await customer.post(session_id, "Are you there?"))["type"] == "ack", "the conversation goes on"
    assert [kind(answer) for answer in answers[:3]] == [
        (503, "other-system-unavailable"), (502, "other-system-garbled"), (404, "no-such-file"),
    ]  # fmt: skip
    assert answers[3].status_code == 200
    assert not any(word in a.text for a in answers[:3] for word in ("Wednesday", FILE, "ORA"))
    outcomes = await desk.rows("SELECT outcome FROM session_lookup_outcome ORDER BY at, outcome")
    assert sorted(row["outcome"] for row in outcomes) == ["answered", "failed", "failed", "no_such_file"]
    everything = "SELECT string_agg(t::text, '') AS said FROM {} t"
    for table in ("session_lookup", "session_lookup_outcome", "audit_entry", "session_entry", "outbox"):
        said = (await desk.rows(everything.format(table)))[0]["said"] or ""
        assert ANSWER not in said
        assert FILE not in said, table
