"""The client's line in a real browser: cut, silent, refused, slept over or without a good token, it loses and repeats nothing."""

import asyncio
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from tests.chat_client.browser import Page
from tests.chat_client.conftest import Gateway, Tokens
from tests.chat_client.conversing import FAST, held, stored, talk
from tests.chat_client.proxy import Proxy


@pytest.mark.parametrize("transport", ["websocket", "sse", "longpoll"])
async def test_drops_lose_nothing_repeat_nothing_and_keep_the_order(
    page: Page, proxy: Proxy, gateway: Gateway, transport: str
) -> None:
    await page.run(f"portal.begin({{transports: ['{transport}'], timing: {FAST}}})")
    session_id = UUID(await page.run("portal.open()"))
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        await page.run(
            "(async () => { window.receipts = []; for (let n = 0; n < 60; n++) {"
            " receipts.push(portal.session.send(`line ${n}`)); await new Promise((r) => setTimeout(r, 5)); } })() && true"
        )
        for number in range(5):
            await page.until("portal.client.status === 'online'")
            await asyncio.sleep(0.03)
            proxy.cut()
            await agent.post(session_id, f"answer {number}")
        await page.until("window.receipts.length === 60")
        receipts = await page.run("Promise.all(receipts)")
        await page.until("portal.entries.length === 67")
    numbers = [receipt["seq"] for receipt in receipts]
    assert numbers == sorted(set(numbers))
    assert await held(page) == await stored(gateway, session_id)
    mine = await page.run("portal.entries.filter((e) => e.own && e.kind === 'message').map((e) => e.entry.pii.text)")
    assert mine == [f"line {n}" for n in range(60)]
    assert await page.run("portal.entries.some((e) => e.replayed)") is False
    assert len(await page.run("portal.transports")) > 2


async def test_a_line_that_is_silently_dead_is_noticed(page: Page, proxy: Proxy, gateway: Gateway) -> None:
    await page.run("portal.begin({timing: {firstRetry: 20, mostRetry: 200, idle: 200, reply: 1000, welcome: 3000}})")
    session_id = UUID(await page.run("portal.open()"))
    proxy.silent = True
    await page.run("window.said = portal.session.send('is anybody there?'), true")
    await page.until("portal.client.status !== 'online'")
    proxy.silent = False
    proxy.cut()
    assert (await page.run("said"))["seq"] == 2
    assert await held(page) == await stored(gateway, session_id)


async def test_where_websockets_are_refused_a_stream_of_events_carries_the_chat(
    page: Page, proxy: Proxy, gateway: Gateway
) -> None:
    proxy.websockets = "refuse"
    await page.run(f"portal.begin({{timing: {FAST}}})")
    await talk(page, gateway)
    assert set(await page.run("portal.transports")) == {"sse"}
    assert await page.run("portal.errors") == []
    assert not [head for head in proxy.heads if gateway.issuer.mint("customer").split(".")[0] in head]


async def test_where_websockets_are_never_answered_the_chat_goes_on_without(
    page: Page, proxy: Proxy, gateway: Gateway
) -> None:
    proxy.websockets = "swallow"
    await page.run("portal.begin({timing: {firstRetry: 20, mostRetry: 200, welcome: 2000}})")
    await talk(page, gateway)
    assert set(await page.run("portal.transports")) == {"sse"}


async def test_websockets_that_are_cut_again_and_again_are_left(page: Page, proxy: Proxy, gateway: Gateway) -> None:
    await page.run(f"portal.begin({{timing: {FAST}}})")
    for lines in (1, 2):
        await page.until(f"portal.transports.length === {lines} && portal.client.status === 'online'")
        proxy.cut()
    await page.until("portal.transports.includes('sse')")
    await talk(page, gateway)
    assert await page.run("portal.transports") == ["websocket", "websocket", "sse"]


async def test_where_streams_are_gathered_up_too_polls_carry_the_chat(
    page: Page, proxy: Proxy, gateway: Gateway
) -> None:
    proxy.websockets, proxy.gathers = "refuse", True
    await page.run("portal.begin({timing: {firstRetry: 20, mostRetry: 200, welcome: 2000}})")
    await talk(page, gateway)
    assert (await page.run("portal.transports"))[-1] == "longpoll"
    assert await page.run("portal.errors") == []


@pytest.mark.parametrize("transport", ["sse", "longpoll"])
async def test_a_token_that_runs_out_is_replaced_on_every_transport(
    page: Page, tokens: Tokens, gateway: Gateway, transport: str
) -> None:
    tokens.lifetimes = [timedelta(seconds=-28.5)]
    await page.run(f"portal.begin({{transports: ['{transport}'], timing: {FAST}}})")
    session_id = UUID(await page.run("portal.open()"))
    await asyncio.sleep(2)
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        await agent.post(session_id, "Still there?")
        await page.until("portal.texts.length === 1")
        assert (await page.run("portal.session.send('Yes')"))["seq"] == 4
    assert True in tokens.asked
    assert await page.run("portal.errors") == []


async def test_a_session_that_is_not_ones_own_keeps_none_from_being_heard(page: Page, gateway: Gateway) -> None:
    await page.run(f"portal.begin({{transports: ['sse'], timing: {FAST}}})")
    session_id = UUID(await page.run("portal.open()"))
    refused = await page.run("outcome(portal.client.resume({sessionId: crypto.randomUUID()}))")
    assert (refused["error"]["name"], refused["error"]["code"]) == ("RefusedError", "unknown-session")
    assert (await page.run("portal.session.send('Hello')"))["seq"] == 2
    assert await held(page) == await stored(gateway, session_id)


async def test_a_page_that_slept_catches_up(page: Page, gateway: Gateway) -> None:
    """More was said meanwhile than the gateway keeps for a slow reader, and the network was gone."""
    await page.run(f"portal.begin({{timing: {FAST}}})")
    session_id = UUID(await page.run("portal.open()"))
    async with gateway.talker("agent") as agent:
        await agent.ask("joined", type="join", session_id=session_id)
        await page.freeze()
        await page.go_offline(offline=True)
        for number in range(300):
            await agent.say(type="send", session_id=session_id, client_id=uuid4(), text=f"line {number}")
        await agent.until(lambda: len(agent.all("ack")) == 300)
        await page.go_offline(offline=False)
        await page.thaw()
        await page.until("portal.texts.length === 300")
        assert (await page.run("portal.session.send('I am back')"))["seq"] == 303
    assert await held(page) == await stored(gateway, session_id)


async def test_a_token_is_renewed_before_it_expires(page: Page, tokens: Tokens) -> None:
    tokens.lifetimes = [timedelta(seconds=4)]
    await page.run("portal.begin({timing: {renewal: 3500}})")
    await page.run("portal.open()")
    async with asyncio.timeout(30):
        while len(tokens.asked) < 2:
            await asyncio.sleep(0.05)
    assert tokens.asked == [False, True]
    await page.run("portal.session.send('still here')")
    assert await page.run("portal.transports.length") == 1


async def test_a_token_that_runs_out_in_the_middle_is_replaced(page: Page, proxy: Proxy, tokens: Tokens) -> None:
    """The gateway's clock allows thirty seconds more; by the page's it was over from the beginning."""
    tokens.lifetimes = [timedelta(seconds=-28.5)]
    await page.run(f"portal.begin({{timing: {FAST}}})")
    await page.run("portal.open()")
    await page.until("portal.transports.length === 2")
    assert tokens.asked == [False, True]
    assert (await page.run("portal.session.send('still here')"))["seq"] == 2
    assert await page.run("portal.errors") == []


async def test_a_source_without_a_good_token_ends_it(page: Page, tokens: Tokens) -> None:
    tokens.lifetimes = [timedelta(seconds=-3600)] * 3
    refused = await page.run("outcome(portal.begin())")
    assert refused["error"]["name"] == "AuthenticationError"
    assert tokens.asked == [False, True]
    assert await page.run("portal.client.status") == "closed"
