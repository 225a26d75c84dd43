"""The server's side of a connection with bounds that uvicorn does not set: how large a request's head may be, how long
it may take, and how long a reader may leave its answer lying.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.types import Scope
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_URL_BYTES = 8192
MAX_HEAD_BYTES = 32_768
MAX_FIELDS = 100
HEAD_SECONDS = 10.0
"""Within this a request's line and header fields have to be here, from its first byte or the connection's beginning."""

STALLED_SECONDS = 30.0
"""So long an answer may lie in our buffer without being fetched."""


_STOPPING = "muniment.stopping"
"""Extension of a request's scope: what is put there is called when the server stops."""


def when_stopping(scope: Scope, call: Callable[[], None]) -> None:
    """Have this called when the server stops while this request is answered: an answer without an end has to find one."""
    calls: list[Callable[[], None]] | None = scope.get("extensions", {}).get(_STOPPING)
    if calls is not None:
        calls.append(call)


class HeadTooLargeError(Exception):
    """The head goes beyond a bound; carries the answer's status line."""


class BoundedHttp(HttpToolsProtocol):
    """uvicorn's protocol, of which each connection keeps these bounds or ends."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._status = "400 Bad Request"
        self._patience: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._on_stop: list[Callable[[], None]] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._patience = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in (self._patience, self._stalled):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        # A single field without an end is not seen by the parser's callbacks: here its bytes are counted as they come.
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self._refuse("431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._patience is None:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def on_headers_complete(self) -> None:
        self._in_head = False
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        size = len(self.url) + sum(len(name) + len(value) for name, value in self.headers)
        if len(self.url) > MAX_URL_BYTES:
            self._status = "414 URI Too Long"
            raise HeadTooLargeError(self._status)
        if size > MAX_HEAD_BYTES or len(self.headers) > MAX_FIELDS:
            self._status = "431 Request Header Fields Too Large"
            raise HeadTooLargeError(self._status)
        self._on_stop = []
        extensions: Any = {_STOPPING: self._on_stop}
        self.scope["extensions"] = extensions
        super().on_headers_complete()

    def shutdown(self) -> None:
        super().shutdown()
        for call in self._on_stop:
            call()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._in_head, self._head_bytes = True, 0

    def send_400_response(self, msg: str) -> None:
        """The parser gave up, or a bound was passed while it parsed."""
        del msg
        self._refuse(self._status)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._watch()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # A connection that is closing lingers until its answer is fetched, however long that takes.
        self._watch()

    def _watch(self) -> None:
        waiting = self.transport.get_write_buffer_size()
        if waiting and self._stalled is None:
            self._stalled = self.loop.call_later(STALLED_SECONDS, self._give_up, waiting)

    def _give_up(self, left: int) -> None:
        still = self.transport.get_write_buffer_size()
        self._stalled = None
        if still >= left:
            self.transport.abort()
        elif still:
            self._stalled = self.loop.call_later(STALLED_SECONDS, self._give_up, still)

    def _too_slow(self) -> None:
        self._patience = None
        self._refuse("408 Request Timeout")

    def _refuse(self, status: str) -> None:
        if not self.transport.is_closing():
            self.transport.write(f"HTTP/1.1 {status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n".encode())
            self.transport.close()
            self.loop.call_later(STALLED_SECONDS, self.transport.abort)
