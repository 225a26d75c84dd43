"""A stream of server-sent events: one request whose answer goes on until somebody ends it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime

from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from chat_gateway import frames
from chat_gateway.errors import TokenExpiredError
from chat_gateway.hearing import Hearing
from chat_gateway.lines import AsEvents, Line
from chat_gateway.room import Place
from chat_gateway.schemas import Welcome
from chat_gateway.snapshots import Snapshots
from chat_gateway.subscriptions import Subscription
from chat_gateway.transports.asked import cursor_text
from chat_gateway.use_cases import Chat
from common import tasks
from common.auth import LEEWAY_SECONDS, Principal
from common.errors import MunimentError, UnavailableError
from common.ids import new_id_text
from common.messaging.consumer import is_outage
from common.telemetry import get_logger
from common.web.wire import when_stopping

UNAUTHENTICATED, FAILED, OVER, STOPPING = 4001, 1011, 1000, 1012
RETRY_MS = 2000
PADDING = 2048
"""Some proxies pass nothing on before they have so many bytes."""

HEADERS = {"Cache-Control": "no-store, no-transform", "X-Accel-Buffering": "no"}
Fill = Callable[[Hearing], Awaitable[None]]
log = get_logger("stream")


class EventStream(StreamingResponse):
    """Args:
    fill: lets the hearing attend what was asked for.
    left: called with the hearing when the stream is over.
    place: its own among the connections; it is given back then.
    lasting: whether it goes on when no session is left.
    limit: events that may wait for a slow reader.
    heartbeat: seconds between comments.
    """

    def __init__(
        self,
        chat: Chat,
        snapshots: Snapshots,
        principal: Principal,
        fill: Fill,
        left: Callable[[Hearing], None],
        *,
        place: Place,
        lasting: bool,
        limit: int,
        heartbeat: float,
    ) -> None:
        super().__init__(_nothing(), media_type="text/event-stream", headers=HEADERS)
        self.id = new_id_text()
        self._chat = chat
        self._snapshots = snapshots
        self._principal = principal
        self._fill = fill
        self._left = left
        self._place = place
        self._lasting = lasting
        self._limit = limit
        self._heartbeat = heartbeat

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._place:
            await self._stream(scope, receive, send)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        line = Line(send, AsEvents(), limit=self._limit, ended=lambda: hearing.leave_all())  # noqa: PLW0108 - made below
        hearing = Hearing(self._chat, self._snapshots, line, principal=self._principal, numbered=numbered)
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        opening = f"retry: {RETRY_MS}\n:{' ' * PADDING}\n\n"
        await send({"type": "http.response.body", "body": opening.encode(), "more_body": True})
        expires_at = datetime.fromtimestamp(self._principal.expires_at, UTC)
        line.push(frames.write(Welcome(roles=sorted(self._principal.roles), expires_at=expires_at)))
        when_stopping(scope, lambda: line.end(STOPPING, "the process stops; connect again with the cursor"))
        helpers = [
            asyncio.create_task(work)
            for work in (self._feed(hearing, line), self._watch(receive, line), self._beat(line), self._expire(line))
        ]
        self._chat.presence.enter(self.id, "customer" if "customer" in self._principal.roles else "employee")
        try:
            with contextlib.suppress(OSError):  # the reader went away
                await line.run()
                await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            await tasks.end(*helpers)
            hearing.leave_all()
            self._left(hearing)
            self._chat.presence.leave(self.id)

    async def _feed(self, hearing: Hearing, line: Line) -> None:
        try:
            await self._fill(hearing)
            if not self._lasting:
                await hearing.until_over()
                line.end(OVER, "every session of this stream is over, or is somebody else's now")
        except MunimentError as error:
            line.push(frames.error(error, {}))
            line.end(FAILED, "connect again with the cursor")
        except Exception as error:
            # Whatever it is, the reader has to learn that nothing more comes.
            if is_outage(error):
                line.push(frames.error(UnavailableError("an engine is out of reach for now; try again"), {}))
            else:
                log.exception("stream.failed")
            line.end(FAILED, "something went wrong here; connect again with the cursor")

    @staticmethod
    async def _watch(receive: Receive, line: Line) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass
        line.end(0, "", drop=True)

    async def _beat(self, line: Line) -> None:
        while line.closing is None:
            await asyncio.sleep(self._heartbeat)
            line.push("")

    async def _expire(self, line: Line) -> None:
        left = self._principal.expires_at + LEEWAY_SECONDS - self._chat.clock.now().timestamp()
        await asyncio.sleep(max(left, 0))
        line.push(frames.error(TokenExpiredError(), {}))
        line.end(UNAUTHENTICATED, "the token has expired")


def numbered(hearing: Hearing, subscription: Subscription) -> Callable[[str], None]:
    """Writes beside each entry, as the event's id, the cursor of all that the stream carries."""
    push = hearing.outlet.push

    def show(text: str) -> None:
        cursors = {key: one.cursor for key, one in hearing.parts.items()}
        cursors[subscription.part.live.state.key] = subscription.cursor
        push(f"{text}\nid: {cursor_text(cursors)}")

    return show


async def _nothing() -> AsyncIterator[bytes]:
    return
    yield b""
