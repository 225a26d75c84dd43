"""The server's side of a WebSocket, with a short way for what nearly every frame is: a whole text in one piece.

Everything else goes the way of the library, byte for byte: the handshake, messages in parts, control frames, closing,
and whatever breaks the protocol. The library is only ever given whole frames, so it never waits in the middle of one
while the short way is taken.
"""

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets.protocol import State
from websockets.speedups import apply_mask

if TYPE_CHECKING:
    from uvicorn._types import ASGIReceiveEvent, ASGISendEvent

_TEXT = 0x81
"""First byte of a text that is whole in one frame and not compressed."""

_MASKED = 0x80
_IN_TWO_BYTES, _IN_EIGHT_BYTES = 126, 127
"""Instead of a length: it follows in so many bytes."""

_HEAD, _LONGER_HEAD = 6, 8
"""Bytes before the payload of a client's frame, its mask included."""


class Arrivals:
    """What came for the application, in order: a queue for one reader, without what asyncio's does for many."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._waiting: deque[Any] = deque()
        self._reader: asyncio.Future[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def empty(self) -> bool:
        return not self._waiting

    def put_nowait(self, item: Any) -> None:
        self._waiting.append(item)
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    async def get(self) -> Any:
        while not self._waiting:
            self._reader = self._loop.create_future()
            await self._reader
        return self._waiting.popleft()


class TextSocket(WebSocketsSansIOProtocol):
    """uvicorn's protocol, quicker with whole texts in both directions."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._arrivals = Arrivals(self.loop)
        self.queue: Any = self._arrivals  # what the protocol uses of a queue, this has
        self._half = b""
        self._library_only = bool(self.config.ws_per_message_deflate)

    @property
    def _is_open(self) -> bool:
        return self.handshake_complete and not self.close_sent and self.conn.state is State.OPEN

    def data_received(self, data: bytes) -> None:
        if self._half:
            data, self._half = self._half + data, b""
        if self._library_only or not self._is_open:
            # What came before we accepted may end in the middle of a frame: that connection stays with the library.
            self._library_only = self._library_only or self.handshake_initiated
            super().data_received(data)
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        at, have = 0, len(data)
        while have - at >= _HEAD:
            first, length, payload = data[at], data[at + 1] - _MASKED, at + _HEAD
            if length == _IN_TWO_BYTES:
                if have - at < _LONGER_HEAD:
                    break
                length, payload = int.from_bytes(data[at + 2 : at + 4]), at + _LONGER_HEAD
            elif length < 0 or length == _IN_EIGHT_BYTES:  # not masked, which is an error, or very long
                self._library_only = True
                super().data_received(data[at:])
                return
            end = payload + length
            if end > have:
                break
            if first == _TEXT and self.conn.current_size is None:
                self._text_came(apply_mask(data[payload:end], data[payload - 4 : payload]))
            else:
                super().data_received(data[at:end])
            at = end
            if not self._is_open:
                if at < have:
                    super().data_received(data[at:])
                return
        self._half = data[at:]

    def _text_came(self, payload: bytes) -> None:
        try:
            text = payload.decode()
        except UnicodeDecodeError:
            self.conn.send_close(1007)
            self.handle_parser_exception()
            return
        self._arrivals.put_nowait({"type": "websocket.receive", "text": text})
        # To stop reading for each frame costs more than one frame that waits behind the one at hand.
        if len(self._arrivals) > 1 and not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    async def send(self, message: "ASGISendEvent") -> None:
        text: Any = message.get("text") if message["type"] == "websocket.send" else None
        if text is None or self._library_only or not (self._is_open and self.writable.is_set()) or self.disconnected:
            await super().send(message)
            return
        payload = text.encode()
        self.transport.write(_head(len(payload)) + payload)

    async def receive(self) -> "ASGIReceiveEvent":
        message: ASGIReceiveEvent = await self._arrivals.get()
        if self.read_paused and not self._arrivals:
            self.read_paused = False
            self.transport.resume_reading()
        return message


def _head(length: int) -> bytes:
    """What stands before a whole text of so many bytes."""
    if length < _IN_TWO_BYTES:
        return bytes((_TEXT, length))
    if length < 1 << 16:
        return bytes((_TEXT, _IN_TWO_BYTES, length >> 8, length & 255))
    return bytes((_TEXT, _IN_EIGHT_BYTES)) + length.to_bytes(8)
