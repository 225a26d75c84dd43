"""Whether there is a conversation is not told to somebody who takes no part in it: not by the answer, the work or the time."""

from contextlib import AsyncExitStack
from uuid import uuid4

import httpx
import pytest

from chat_gateway.app import make_app
from common.testing import client_of
from tests.chat_gateway.integration.conftest import Gateway
from tests.plugins.likeness import said, statements, told_apart

LINES = 30


async def theirs_of(gateway: Gateway) -> str:
    """A conversation of others, with something said in it, that an employee has."""
    async with gateway.talker("customer", sub="c-1") as customer, gateway.talker("agent", sub="a-1") as agent:
        session_id = await customer.open()
        await agent.ask("joined", type="join", session_id=session_id)
        for n in range(LINES):
            await customer.post(session_id, f"line {n}")
    return str(session_id)


@pytest.mark.req("S2-045")
async def test_somebody_elses_conversation_and_none_cannot_be_told_apart(gateway: Gateway) -> None:
    theirs, nowhere = await theirs_of(gateway), str(uuid4())
    headers = gateway.issuer.headers("customer", sub="c-2")
    async with AsyncExitStack() as stack:
        # Others than the one that had the conversation: they have nothing of it at hand.
        quiet = {"routing_seconds": 60, "poll_seconds": 60}
        other = await stack.enter_async_context(gateway.replica(**quiet))
        app = make_app(gateway.settings.model_copy(update=quiet), gateway.clock, gateway.keyring)
        http = await stack.enter_async_context(client_of(app))
        agent = await stack.enter_async_context(other.talker("agent", sub="a-2"))
        answers, asked = [], []
        for session_id in (nowhere, theirs, nowhere, theirs):
            for path in ("", "/entries"):
                with statements() as heard:
                    answers.append(said(await http.get(f"/v1/sessions/{session_id}{path}", headers=headers)))
                asked.append([one for one in heard if "chat_session s WHERE s.id" in one])
        assert answers[0][0] == 404
        assert [a for a in answers if a != answers[0]] == []
        assert [a for a in asked if a != asked[-1]] == []
        assert len(asked[-1]) == 1
        refusals = [await agent.ask("error", type="join", session_id=one) for one in (theirs, nowhere)]
        assert [r.pop("session_id") for r in refusals] == [theirs, nowhere]
        assert refusals[0] == refusals[1]
        assert not await told_apart(
            lambda: http.get(f"/v1/sessions/{theirs}", headers=headers),
            lambda: http.get(f"/v1/sessions/{nowhere}", headers=headers),
        )
        assert not await told_apart(
            lambda: agent.ask("error", type="join", session_id=theirs),
            lambda: agent.ask("error", type="join", session_id=nowhere),
        )


@pytest.mark.req("S2-045")
async def test_that_a_conversation_was_destroyed_is_told_to_nobody_else(gateway: Gateway) -> None:
    theirs = await theirs_of(gateway)
    (row,) = await gateway.rows("SELECT key_id FROM chat_session")
    gateway.keyring.destroy(row["key_id"], "expired", gateway.clock.now())
    async with gateway.replica() as other, httpx.AsyncClient(base_url=other.http) as http:
        own = await http.get(f"/v1/sessions/{theirs}", headers=gateway.issuer.headers("customer", sub="c-1"))
        assert own.status_code == 410
        strange = gateway.issuer.headers("customer", sub="c-2")
        answers = [said(await http.get(f"/v1/sessions/{one}", headers=strange)) for one in (theirs, str(uuid4()))]
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


@pytest.mark.req("S2-045")
async def test_notes_of_somebody_elses_conversation_are_asked_for_before_it_is_read(gateway: Gateway) -> None:
    """Another office's supervisor and an agent who never had it do the same work whether it is there or not."""
    theirs, nowhere = await theirs_of(gateway), str(uuid4())
    app = make_app(
        gateway.settings.model_copy(update={"routing_seconds": 60, "poll_seconds": 60}), gateway.clock, gateway.keyring
    )
    callers = [
        gateway.issuer.headers("agent", sub="a-2"),
        gateway.issuer.headers("supervisor", office="S99") | {"Purpose-Of-Use": "quality-review"},
    ]
    async with client_of(app) as http:
        for headers in callers:
            answers, asked = [], []
            for session_id in (nowhere, theirs):
                with statements() as heard:
                    answers.append(said(await http.get(f"/v1/sessions/{session_id}/notes", headers=headers)))
                asked.append([one for one in heard if "chat_session s" in one or "session_entry" in one])
            assert answers[0] == answers[1]
            assert answers[0][0] == 404
            assert asked[0] == asked[1]
            assert len(asked[0]) == 1
