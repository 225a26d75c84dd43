"""The client in a real browser against the real gateway: what is said arrives once, in order, and proven."""

import json
import re
from uuid import UUID

import pytest

from tests.chat_client.browser import Page
from tests.chat_client.conftest import SOURCE, Gateway
from tests.chat_client.conversing import FAST, held, stored
from tests.chat_client.proxy import Proxy


async def test_a_conversation(page: Page, proxy: Proxy, gateway: Gateway) -> None:
    notice = await page.run("portal.begin()")
    assert {"authority", "routine_uses"} <= {section["id"] for section in notice["sections"]}
    session_id = UUID(await page.run("portal.open()"))
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        receipt = await page.run("portal.session.send('Good morning \\u{1F600} \\u2028 \"\\u0007')")
        await agent.post(session_id, "How can I help?")
        await page.until("portal.texts.length === 2")
        closed = await page.run("portal.session.close()")
    facts = await page.run("portal.entries.map((e) => [e.kind, e.own, e.replayed, e.proven])")
    assert facts == [
        ["opened", True, False, True],
        ["joined", False, False, False],  # the PIN is withheld, and what remains of it cannot be proven
        ["message", True, False, True],
        ["message", False, False, True],
        ["closed", True, False, True],
    ]
    assert receipt["seq"] == 3
    assert await held(page) == await stored(gateway, session_id)
    assert closed["digest"] == (await stored(gateway, session_id))[-1][1]
    assert await page.run("outcome(portal.session.send('more'))") == {
        "error": {"name": "SessionOverError", "message": "the session is over", "retryable": False}
    }
    kept = await page.run("JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie])")
    assert kept == '[{},{},""]'
    token = gateway.issuer.mint("customer").split(".")[0]
    assert not [address for address in [*page.requested, *proxy.heads] if token in address or "token=" in address]


async def test_nothing_is_opened_over_a_statement_that_is_not_in_force(page: Page, gateway: Gateway) -> None:
    await page.run("portal.begin()")
    before = await gateway.count("chat_session")
    refused = await page.run("outcome(portal.open({acknowledged: {...portal.notice, version: '2020.1'}}))")
    assert (refused["error"]["name"], refused["error"]["code"]) == ("RefusedError", "notice-not-acknowledged")
    unknown = await page.run("outcome(portal.open({topic: 'weather'}))")
    assert unknown["error"]["code"] == "unknown-topic"
    assert await gateway.count("chat_session") == before


async def test_what_is_refused_says_why_and_the_conversation_goes_on(page: Page) -> None:
    await page.run("portal.begin()")
    await page.run("portal.open()")
    long = await page.run("outcome(portal.session.send('\\u00e9'.repeat(4097)))")
    assert (long["error"]["code"], long["error"]["name"]) == ("text-too-long", "RefusedError")
    empty = await page.run("outcome(portal.session.send(''))")
    assert empty["error"]["code"] == "malformed-frame"
    clash = await page.run(
        "(async () => { const clientId = crypto.randomUUID(); await portal.session.send('one', {clientId});"
        " return outcome(portal.session.send('two', {clientId})); })()"
    )
    assert clash["error"]["code"] == "client-id-reused"
    aborted = await page.run("outcome(portal.session.send('late', {signal: AbortSignal.abort()}))")
    assert aborted["error"]["name"] == "AbortError"
    assert (await page.run("portal.session.send('\\u00e9'.repeat(4096))"))["seq"] == 3


@pytest.mark.parametrize("transport", ["websocket", "sse"])
async def test_who_read_and_who_types_is_told_to_the_other(page: Page, gateway: Gateway, transport: str) -> None:
    await page.run(f"portal.begin({{transports: ['{transport}'], timing: {FAST}}})")
    session_id = UUID(await page.run("portal.open()"))
    async with gateway.talker("agent") as agent:
        joined = await agent.ask("joined", type="join", session_id=session_id)
        await page.until("portal.entries.length === 2")
        await page.run(
            "portal.session.read(1), portal.session.read(2), portal.session.read(1), portal.session.typing(true)"
        )
        await agent.until(lambda: any((r["kind"], r["up_to"]) == ("read", 2) for r in agent.all("receipt")))
        assert bool(agent.all("typing")) is (transport == "websocket"), "over HTTP that would be a request each"
        await agent.say(type="typing", session_id=session_id, on=True)
        await agent.say(type="receipt", session_id=session_id, kind="read", up_to=1)
        who = joined["participant_id"]
        await page.until(f"portal.signals.some((s) => s.type === 'typing' && s.on && s.participant_id === '{who}')")
        await page.until(f"portal.signals.some((s) => s.kind === 'read' && s.participant_id === '{who}')")
    assert await page.run("portal.state.participants[0].role") == "customer"


async def test_an_altered_entry_is_found_out(page: Page, proxy: Proxy, gateway: Gateway) -> None:
    await page.run(f"portal.begin({{timing: {FAST}}})")
    session_id = UUID(await page.run("portal.open()"))
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        await agent.post(session_id, "pay nothing")
        await page.until("portal.texts.length === 1")
        proxy.alter = lambda some: some.replace(b"pay nothing more", b"pay fifty bucks!")
        await agent.post(session_id, "pay nothing more")
        await page.until("portal.errors.length === 1")
        waiting = await page.run("outcome(portal.session.send('really?'))")
    assert await page.run("portal.texts") == ["pay nothing"]
    (error,) = await page.run("portal.errors")
    assert (error["name"], error["seq"]) == ("IntegrityError", 4)
    assert waiting["error"]["name"] == "SessionOverError"


async def test_a_reload_goes_on_from_a_bookmark(page: Page, proxy: Proxy, gateway: Gateway) -> None:
    await page.run("portal.begin()")
    session_id = UUID(await page.run("portal.open()"))
    await page.run("portal.session.send('before')")
    bookmark = await page.run("portal.session.bookmark")
    assert "before" not in json.dumps(bookmark)
    await page.go(proxy.url)
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        await agent.post(session_id, "while you were away")
        await page.run("import('/test/portal.js').then(() => portal.begin())")
        await page.run(f"portal.resume({json.dumps(bookmark)})")
        await page.until("portal.texts.length === 1")
        assert (await page.run("portal.session.send('after')"))["seq"] == 5
        assert await page.run("portal.entries.map((e) => [e.entry.seq, e.replayed])") == [
            [3, False],
            [4, False],
            [5, False],
        ]
        await page.run("window.second = new portal.constructor(), true")
        await page.run("second.begin()")
        await page.run("second.resume({sessionId: portal.session.id})")
        await page.until("second.entries.length === 5")
        await agent.post(session_id, "to both")
        await page.until("second.entries.length === 6 && portal.entries.length === 4")
        assert await page.run("second.entries.map((e) => e.replayed)") == [True] * 5 + [False]
        # What one page of a person says, the other hears as theirs.
        await page.run("second.session.send('from the second')")
        await page.until("portal.texts.at(-1) === 'from the second' && portal.entries.at(-1).own")
    wrong = {**bookmark, "digest": "ab" * 32}
    await page.run("window.third = new portal.constructor(), true")
    await page.run("third.begin()")
    await page.run(f"third.resume({json.dumps(wrong)})")
    await page.until("third.errors.length === 1")
    assert (await page.run("third.errors"))[0]["name"] == "IntegrityError"


async def test_closing_gives_up_what_waits(page: Page, proxy: Proxy) -> None:
    await page.run(
        "(async () => { window.stop = new AbortController(); await portal.begin({signal: stop.signal}); })()"
    )
    await page.run("portal.open()")
    proxy.silent = True
    await page.run("window.said = outcome(portal.session.send('too late')), stop.abort(), true")
    assert (await page.run("said"))["error"]["name"] == "ClosedError"
    assert (await page.run("outcome(portal.open())"))["error"]["name"] == "AbortError"
    assert await page.run("portal.client.status") == "closed"


async def test_the_example_of_its_page_works_as_it_stands(page: Page, gateway: Gateway) -> None:
    """Pasted, with a portal that does what the example leaves to it."""
    example = re.search(r"```js\n(.*?)```", (SOURCE / "README.md").read_text(), re.DOTALL)
    assert example is not None
    name = '"@muniment/chat-client"'
    assert name in example[1]
    pasted = example[1].replace(name, '"/client/index.js"').replace('"https://chat.agency.example"', '""')
    await page.run(
        "(async () => { const given = await (await fetch('/token')).json(); window.shown = []; window.read = [];"
        " window.portal = { currentToken: () => given, acknowledged: async (notice) => read.push(notice.version),"
        " show: (entry) => shown.push(entry.kind) }; })()"
    )
    before = await gateway.count("chat_session")
    script = json.dumps(pasted + "\nwindow.done = true;")
    await page.run(
        f"document.head.append(Object.assign(document.createElement('script'), {{type: 'module', text: {script}}}))"
    )
    await page.until("window.done && shown.length === 2")
    assert await page.run("[shown, read]") == [["opened", "message"], ["2026.1"]]
    assert await gateway.count("chat_session") == before + 1


async def test_the_demonstration_page_talks_and_announces_what_is_new(
    page: Page, proxy: Proxy, gateway: Gateway
) -> None:
    await page.go(f"{proxy.url}/demo/demo.html")
    await page.run(f"document.getElementById('token').value = {json.dumps(gateway.issuer.mint('customer'))}")
    await page.run("document.getElementById('begin').requestSubmit()")
    await page.until("!document.getElementById('notice').hidden")
    await page.run("document.getElementById('notice').requestSubmit()")
    await page.until("!document.getElementById('say').hidden")
    await page.run("document.getElementById('text').value = 'Hello'; document.getElementById('say').requestSubmit()")
    await page.until("document.getElementById('log').textContent.includes('You: Hello')")
    rows = await gateway.rows("SELECT id FROM chat_session ORDER BY opened_at DESC LIMIT 1")
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=rows[0]["id"])
        await agent.post(rows[0]["id"], "Good morning <b>")
        await page.until("document.getElementById('news').textContent.includes('Agency: Good morning <b>')")
    assert "Hello" not in await page.run("document.getElementById('news').textContent")
    await page.run("document.getElementById('end').click()")
    await page.until("document.getElementById('status').textContent === 'The chat is over, 5 entries.'")
