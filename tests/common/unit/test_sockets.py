"""The short way of whole texts over a WebSocket does what the library's does, however the bytes arrive."""

import asyncio
import contextlib
from typing import Any

import pytest
import uvicorn
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.frames import Frame, Opcode

from common.web.sockets import TextSocket

MAX_BYTES = 70_000
HEAD = (
    b"GET / HTTP/1.1\r\nHost: here\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class _Transport(asyncio.Transport):
    """Keeps what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.ended = False
        self.reading = True

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def close(self) -> None:
        self.ended = True

    def is_closing(self) -> bool:
        return self.ended

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True


async def _heard(
    kind: type[Any], chunks: list[bytes], *, closes_at: str | None = None
) -> tuple[list[Any], bytes, bool]:
    """What an application hears, the bytes that it and the protocol answer, and whether the connection was ended."""
    heard: list[Any] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        closed = False
        while (message := await receive())["type"] == "websocket.receive":
            heard.append(message)
            if closes_at and message.get("text") == closes_at:
                await send({"type": "websocket.close", "code": 4000, "reason": "enough"})
                closed = True
            elif not closed:
                with contextlib.suppress(RuntimeError, OSError):  # what came with it ended the connection meanwhile
                    await send({"type": "websocket.send", **{k: message[k] for k in ("text", "bytes") if k in message}})
        heard.append({k: message[k] for k in ("type", "code")})

    config = uvicorn.Config(
        app, ws_per_message_deflate=False, ws_max_size=MAX_BYTES, ws_ping_interval=None, log_config=None
    )
    config.load()
    transport, state = _Transport(), ServerState()
    protocol = kind(config=config, server_state=state, app_state={}, _loop=asyncio.get_running_loop())
    protocol.connection_made(transport)
    protocol.data_received(HEAD)
    await _settle()
    for chunk in chunks:
        if transport.ended:
            break
        protocol.data_received(chunk)
        await _settle()
    ended = transport.ended
    protocol.connection_lost(None)
    await asyncio.gather(*state.tasks)
    if protocol.close_timer is not None:
        protocol.close_timer.cancel()
    return heard, transport.written, ended


async def _settle() -> None:
    for _ in range(12):
        await asyncio.sleep(0)


def _frame(opcode: Opcode, payload: bytes, *, fin: bool = True) -> bytes:
    return Frame(opcode, payload, fin).serialize(mask=True)


TEXTS = st.sampled_from(
    ["", "a", "é\U0001f600" * 30, "x" * 125, "y" * 126, "z" * 65_535, "w" * 65_536, "enough", "v" * (MAX_BYTES + 1)]
)
FRAMES = st.one_of(
    TEXTS.map(lambda text: _frame(Opcode.TEXT, text.encode())),
    st.sampled_from(
        [
            _frame(Opcode.BINARY, b"\x00\xff"),
            _frame(Opcode.PING, b"there?"),
            _frame(Opcode.PONG, b""),
            _frame(Opcode.TEXT, b"in ", fin=False) + _frame(Opcode.PING, b"") + _frame(Opcode.CONT, b"parts"),
            _frame(Opcode.TEXT, b"\xff not UTF-8"),
            _frame(Opcode.CLOSE, b"\x03\xe8bye"),
            _frame(Opcode.TEXT, b"begun ", fin=False),
            _frame(Opcode.CONT, b"ended"),
            Frame(Opcode.TEXT, b"bare").serialize(mask=False),
            b"\xc1\x81\x00\x00\x00\x00a",  # a reserved bit
            b"\x83\x80\x00\x00\x00\x00",  # a reserved kind
        ]
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(FRAMES, max_size=5), st.lists(st.integers(1, 40), max_size=3), st.booleans())
def test_the_short_way_and_the_library_agree(frames: list[bytes], cuts: list[int], closes: bool) -> None:
    chunks = [piece for frame in frames for piece in _pieces(frame, cuts)]
    closes_at = "enough" if closes else None
    short, library = [
        asyncio.run(_heard(kind, chunks, closes_at=closes_at)) for kind in (TextSocket, WebSocketsSansIOProtocol)
    ]
    assert short == library


@settings(max_examples=40, deadline=None)
@given(st.lists(FRAMES.filter(lambda frame: len(frame) < 1 << 16), max_size=5))  # the library has the longer ones
def test_what_comes_at_once_is_heard_like_what_comes_one_by_one(frames: list[bytes]) -> None:
    one_by_one, _, _ = asyncio.run(_heard(TextSocket, frames))
    at_once, _, _ = asyncio.run(_heard(TextSocket, [b"".join(frames)]))
    assert at_once == one_by_one


def _pieces(frame: bytes, cuts: list[int]) -> list[bytes]:
    pieces, at = [], 0
    for cut in cuts:
        pieces.append(frame[at : at + cut])
        at += cut
    return [piece for piece in (*pieces, frame[at:]) if piece]


@pytest.mark.parametrize("size", range(1, 9))
def test_a_text_that_comes_in_pieces_is_one_text(size: int) -> None:
    stream = _frame(Opcode.TEXT, b"x" * 300) + _frame(Opcode.TEXT, "grüß dich".encode())
    chunks = [stream[at : at + size] for at in range(0, len(stream), size)]
    heard, _, _ = asyncio.run(_heard(TextSocket, chunks))
    assert [message.get("text") for message in heard[:-1]] == ["x" * 300, "grüß dich"]


def test_reading_stops_while_texts_wait_and_goes_on_when_they_are_taken() -> None:
    async def told() -> tuple[bool, bool]:
        gate = asyncio.Event()

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await receive()
            await send({"type": "websocket.accept"})
            await gate.wait()
            while (await receive())["type"] == "websocket.receive":
                pass

        config = uvicorn.Config(app, ws_per_message_deflate=False, ws_ping_interval=None, log_config=None)
        config.load()
        transport, state = _Transport(), ServerState()
        protocol = TextSocket(config=config, server_state=state, app_state={}, _loop=asyncio.get_running_loop())
        protocol.connection_made(transport)
        protocol.data_received(HEAD)
        await _settle()
        protocol.data_received(_frame(Opcode.TEXT, b"1") + _frame(Opcode.TEXT, b"2") + _frame(Opcode.TEXT, b"3"))
        stopped = not transport.reading
        gate.set()
        await _settle()
        goes_on = transport.reading
        protocol.connection_lost(None)
        await asyncio.gather(*state.tasks)
        return stopped, goes_on

    assert asyncio.run(told()) == (True, True)
