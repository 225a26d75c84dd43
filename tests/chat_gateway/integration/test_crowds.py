"""An account and a terminal have so many connections at once, whatever transport they come by."""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from tests.chat_gateway.integration.conftest import Gateway
from tests.chat_gateway.talking import Talker


async def _refused(talker: Talker, token: str) -> tuple[str, int]:
    await talker.say(type="hello", token=token)
    error, gone = await talker.first("error"), await talker.first("gone")
    return error["code"], gone["code"]


async def test_an_account_has_so_many_over_all_transports(gateway: Gateway) -> None:
    token = gateway.issuer.mint("customer")
    bearer = {"Authorization": f"Bearer {token}"}
    async with gateway.replica(connections_per_account=2) as small, AsyncExitStack() as stack:
        line = await stack.enter_async_context(Talker.connected(small.port, token))
        session_id = await line.open()
        http = await stack.enter_async_context(httpx.AsyncClient(base_url=small.http, headers=bearer, timeout=30))
        hear = {"hear": f"{session_id}:0"}
        stream = await stack.enter_async_context(http.stream("GET", "/v1/chat/stream", params=hear))
        assert stream.status_code == 200

        async with Talker.connected(small.port, None) as third:
            assert await _refused(third, token) == ("too-many-connections", 4030)
        with pytest.raises(InvalidStatus) as handshake:
            await connect(f"ws://127.0.0.1:{small.port}/v1/chat", additional_headers=bearer)
        assert handshake.value.response.status_code == 429
        for path in ("stream", "poll"):
            answer = await http.get(f"/v1/chat/{path}", params=hear)
            assert answer.status_code == 429
            assert answer.json()["type"].endswith("/too-many-connections")
            assert "close one" in answer.json()["detail"]
            assert int(answer.headers["retry-after"]) > 0

        async with small.talker("agent") as somebody_else:
            assert somebody_else.frames
        await line.connection.close()
        assert await _status_in_the_end(http, hear) == 200


async def _status_in_the_end(http: httpx.AsyncClient, hear: dict[str, str]) -> int:
    """The server learns of an end a little later than who ended it."""
    async with asyncio.timeout(20):
        while (answer := await http.get("/v1/chat/poll", params=hear)).status_code == 429:
            await asyncio.sleep(0.02)
    return answer.status_code


async def test_a_terminal_has_so_many_before_anybody_says_hello(gateway: Gateway) -> None:
    async with gateway.replica(connections_per_terminal=2) as small, AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(Talker.connected(small.port, None))
        with pytest.raises(InvalidStatus) as refused:
            await connect(f"ws://127.0.0.1:{small.port}/v1/chat")
        assert refused.value.response.status_code == 429
        assert b"too-many-connections" in (refused.value.response.body or b"")
