"""The sending half of a connection: a bounded outbox that never makes anybody else wait, and how it ends."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from typing import Protocol

import orjson
from starlette.types import Message, Send

TOO_SLOW = 4008
MOST_TOGETHER = 64
CLOSE_SECONDS = 10.0
"""How long a reader that is dropped may take for what was sent to it before."""


class Form(Protocol):
    """What frames look like on the way, by transport."""

    def frame(self, text: str) -> Message: ...

    def end(self, code: int, reason: str) -> Message:
        """How the reader learns that it is over, and why."""


class OverSocket:
    def frame(self, text: str) -> Message:
        return {"type": "websocket.send", "text": text}

    def end(self, code: int, reason: str) -> Message:
        return {"type": "websocket.close", "code": code, "reason": reason}


class AsEvents:
    """Server-sent events. No frame has a line break: JSON writes them as two characters."""

    def frame(self, text: str) -> Message:
        # A comment: proxies and clients see that the line lives.
        event = f"data: {text}\n\n" if text else ":\n\n"
        return {"type": "http.response.body", "body": event.encode(), "more_body": True}

    def end(self, code: int, reason: str) -> Message:
        said = orjson.dumps({"code": code, "reason": reason}).decode()
        return {"type": "http.response.body", "body": f"event: end\ndata: {said}\n\n".encode(), "more_body": True}


class Line:
    """Args:
    form: how frames travel.
    limit: frames that may wait; the reader that lets them grow beyond is dropped (4008) and resumes by cursor.
    ended: called once when the line takes nothing more.

    Attributes:
        arrays: whether the reader takes several frames in one message, as an array.
    """

    def __init__(self, send: Send, form: Form, *, limit: int, ended: Callable[[], None]) -> None:
        self.arrays = False
        self._form = form
        self.closing: tuple[int, str] | None = None
        self._send = send
        self._limit = limit
        self._ended = ended
        self._outbox: deque[str] = deque()
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    def push(self, text: str) -> None:
        """Send a frame as soon as the reader takes it."""
        if self.closing is not None:
            return
        if len(self._outbox) >= self._limit:
            self.end(TOO_SLOW, "frames were not read in time; resume from the last one read", drop=True)
            return
        self._outbox.append(text)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def end(self, code: int, reason: str, *, drop: bool = False) -> None:
        """Take nothing more, and close with this code (0: without a word) after what waits, unless that is dropped."""
        if self.closing is not None:
            return
        self.closing = (code, reason)
        if drop:
            self._outbox.clear()
        self._ended()
        self.stir()
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def run(self) -> None:
        """Send until it ends. Raises OSError when the reader went away."""
        outbox, send, message = self._outbox, self._send, self._form.frame
        loop = asyncio.get_running_loop()
        while True:
            while outbox:
                text = self._together() if self.arrays and len(outbox) > 1 else outbox.popleft()
                await send(message(text))
            self.stir()
            if self.closing is not None:
                break
            self._wake = loop.create_future()
            await self._wake
        code, reason = self.closing
        if code:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await send(self._form.end(code, reason))

    def _together(self) -> str:
        due = [self._outbox.popleft() for _ in range(min(len(self._outbox), MOST_TOGETHER))]
        return f"[{','.join(due)}]"

    async def until_half_empty(self) -> None:
        """Wait until the reader took enough that a backlog may go on."""
        await self.until(lambda: len(self._outbox) < self._limit // 2)

    async def until(self, satisfied: Callable[[], bool]) -> None:
        """Wait until this holds, asked anew at each `stir`, or the line has ended. For one waiter at a time."""
        while not satisfied() and self.closing is None:
            self._room = asyncio.get_running_loop().create_future()
            await self._room

    def stir(self) -> None:
        """Something changed for who waits in `until`."""
        if self._room is not None and not self._room.done():
            self._room.set_result(None)
