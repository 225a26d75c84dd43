"""The load's HTTP: one connection, answers of both lengths, refusals."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from muniment.load.http_line import AnswerError, HttpLine

ANSWERS = [
    b'HTTP/1.1 200 OK\r\nContent-Length: 8\r\n\r\n{"n": 1}',
    b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"n":\r\n3\r\n 2}\r\n0\r\n\r\n',
    b"HTTP/1.1 403 Forbidden\r\nContent-Length: 3\r\n\r\nno!",
]


@pytest.fixture
async def asked() -> AsyncIterator[tuple[int, list[bytes]]]:
    heads: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in ANSWERS:
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            heads.append(head + await reader.readexactly(length))
            writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], heads


async def test_one_line_asks_again_and_again(asked: tuple[int, list[bytes]]) -> None:
    port, heads = asked
    line = await HttpLine.to(port)
    assert await line.ask("PUT", "/a?secret", token="t", body={"x": 1}) == {"n": 1}
    assert await line.ask("GET", "/b") == {"n": 2}
    with pytest.raises(AnswerError, match="GET /c: 403 no!"):
        await line.ask("GET", "/c?secret")
    line.close()
    assert heads[0].startswith(b"PUT /a?secret HTTP/1.1\r\n")
    assert b"Authorization: Bearer t\r\n" in heads[0]
    assert heads[0].endswith(b'{"x": 1}')
    assert b"Authorization" not in heads[1]
