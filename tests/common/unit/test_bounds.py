"""Requests that are too large, too deep or too slow, and readers who do not read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Body, FastAPI, Request
from fastapi.responses import StreamingResponse

from common.settings import ServiceSettings
from common.testing import client_of, serving
from common.web import exchange, wire
from common.web.app import create_app
from common.web.exchange import MAX_BODY_BYTES, MAX_DEPTH, SMALL_BODY_BYTES, _Depth

PORTION = 65_536


def application() -> FastAPI:
    router = APIRouter()

    @router.post("/echo")
    async def echo(body: Annotated[Any, Body()] = None) -> Any:
        return body

    @router.post("/things/search")
    async def search(request: Request) -> int:
        return len(await request.body())

    @router.get("/much")
    async def much() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            for _ in range(2000):
                yield b"x" * PORTION

        return StreamingResponse(parts())

    return create_app(title="t", description="d", routers=[router], checks={}, settings=ServiceSettings())


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(application()) as opened:
        yield opened


async def test_bodies_have_a_bound_by_class(client: httpx.AsyncClient) -> None:
    for path, most in (("/echo", MAX_BODY_BYTES), ("/things/search", SMALL_BODY_BYTES)):
        body = b'"' + b"x" * (most - 2) + b'"'
        headers = {"content-type": "application/json"}
        assert (await client.post(path, content=body, headers=headers)).status_code in {200, 422}
        answer = await client.post(path, content=body + b" ", headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (413, f"this request may carry {most} bytes at most")

        async def unannounced(whole: bytes = body) -> AsyncIterator[bytes]:
            yield whole
            yield b" "

        assert (await client.post(path, content=unannounced(), headers=headers)).status_code == 413


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, 200),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), 422),
        ('{"a":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1), 422),
        ("[" * 400_000, 422),
        ('["' + "[" * 500 + '"]', 200),
        ('["\\"' + "[" * 500 + '"]', 200),
        ('["\\\\","' + "{" * 500 + '"]', 200),
        ("[" + "[]," * 500 + "[]]", 200),
    ],
)
async def test_json_is_nested_so_deep_and_no_deeper(client: httpx.AsyncClient, text: str, status: int) -> None:
    answer = await client.post("/echo", content=text, headers={"content-type": "application/json"})
    assert answer.status_code == status
    if status == 422:
        assert "64 levels" in answer.json()["detail"]


@pytest.mark.parametrize("text", ['["\\"' + "[" * 99 + '"]', '{"a\\\\":[' + '"]",' * 70 + '"["]}', "[" * 64 + "]" * 64])
def test_where_a_body_is_cut_makes_no_difference_to_its_depth(text: str) -> None:
    for size in (1, 2, 3, 7, 1000):
        depth = _Depth()
        parts = [text[at : at + size].encode() for at in range(0, len(text), size)]
        assert not any(depth.goes_beyond(part, MAX_DEPTH) for part in parts)
        assert depth._depth == 0


async def test_nul_stands_in_no_text(client: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    for text in (r'["a\u0000b"]', r'{"\u0000": 1}', r'["\\\u0000"]'):
        answer = await client.post("/echo", content=text, headers=headers)
        assert (answer.status_code, "U+0000" in answer.text) == (422, True)
    assert (await client.post("/echo", content=r'["\\u0000"]', headers=headers)).json() == [r"\u0000"]
    for path in ("/echo?a=%00", "/ec%00ho"):
        assert (await client.post(path, content="1", headers=headers)).status_code == 422


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(application(), ServiceSettings()) as open_port:
        yield open_port


@pytest.fixture
async def impatient(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    """The port of a server that waits for nothing longer than a moment."""
    for module, name in ((exchange, "BODY_SECONDS"), (wire, "HEAD_SECONDS"), (wire, "STALLED_SECONDS")):
        monkeypatch.setattr(module, name, 0.3)
    async with serving(application(), ServiceSettings()) as open_port:
        yield open_port


async def told(port: int, *parts: bytes, pause: float = 0.0) -> bytes:
    """What the server says to these bytes before it ends the connection; it may end it before it has them all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = bytearray()

    async def read() -> None:
        with contextlib.suppress(ConnectionResetError):
            while part := await reader.read(65_536):
                answer.extend(part)

    reading = asyncio.create_task(read())
    try:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for part in parts:
                writer.write(part)
                await writer.drain()
                await asyncio.wait({reading}, timeout=pause)
                if reading.done():
                    break
        await asyncio.wait_for(reading, 30)
    finally:
        writer.close()
    return bytes(answer)


HEAD = b"POST /echo HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


async def test_a_body_that_dawdles_is_not_waited_for(impatient: int) -> None:
    answer = await told(impatient, HEAD + b"Content-Length: 9\r\n\r\n", b"[", pause=0.5)
    assert b" 408 " in answer
    assert b"too-slow" in answer


async def test_a_head_that_dawdles_is_not_waited_for(impatient: int) -> None:
    assert b" 408 " in await told(impatient)
    assert b" 408 " in await told(impatient, b"GET /livez HTTP/1.1\r\n", b"A: b\r\n", b"C: d\r\n", pause=0.25)


async def test_a_head_has_bounds(port: int) -> None:
    end = b"Connection: close\r\nHost: x\r\n\r\n"
    assert b" 200 " in await told(port, b"GET /livez?" + b"x" * 8000 + b" HTTP/1.1\r\n" + end)
    assert b" 414 " in await told(port, b"GET /livez?" + b"x" * 8200 + b" HTTP/1.1\r\n" + end)
    many = b"".join(b"X-%d: y\r\n" % number for number in range(101))
    assert b" 431 " in await told(port, b"GET /livez HTTP/1.1\r\n" + many + end)
    large = b"".join(b"X-%d: %s\r\n" % (number, b"y" * 4000) for number in range(9))
    assert b" 431 " in await told(port, b"GET /livez HTTP/1.1\r\n" + large + end)
    endless = await told(port, b"GET /livez HTTP/1.1\r\nX: ", *[b"y" * 8192] * 8)
    assert endless == b"" or b" 431 " in endless


async def test_a_connection_serves_many_requests_within_its_bounds(port: int) -> None:
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        for _ in range(20):
            assert (await client.get("/livez", headers={"x": "y" * 4000})).status_code == 200
            assert (await client.post("/echo", json=["x" * 3000])).status_code == 200


async def test_a_reader_that_does_not_read_is_let_go(impatient: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ended, lost = asyncio.Event(), wire.BoundedHttp.connection_lost

    def connection_lost(self: wire.BoundedHttp, exc: Exception | None) -> None:
        lost(self, exc)
        ended.set()

    monkeypatch.setattr(wire.BoundedHttp, "connection_lost", connection_lost)
    reader, writer = await asyncio.open_connection("127.0.0.1", impatient, limit=1024)
    writer.write(b"GET /much HTTP/1.1\r\nHost: x\r\n\r\n")
    transport = writer.transport
    transport.pause_reading()  # type: ignore[attr-defined]
    await asyncio.wait_for(ended.wait(), 30)
    transport.resume_reading()  # type: ignore[attr-defined]
    got = 0
    try:
        while part := await asyncio.wait_for(reader.read(1 << 20), 30):
            got += len(part)
    except ConnectionResetError:
        pass
    writer.close()
    assert got < 2000 * PORTION
