"""One WebSocket connection: frames in, frames out, and how it ends. Plain ASGI: nothing stands between it and the server.

Nothing here waits for a slow reader: what cannot be sent waits in a bounded outbox, and who lets that fill is dropped
and resumes by cursor.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chat_gateway import frames, policy
from chat_gateway.errors import MalformedFrameError, TokenExpiredError, UnknownSessionError
from chat_gateway.journal import OUTAGES
from chat_gateway.model import Entry, Kind, Receipt, Status
from chat_gateway.notice import Statement
from chat_gateway.schemas import (
    CloseSession,
    Hello,
    Join,
    Notice,
    NoticeFrame,
    Open,
    Opened,
    Ping,
    Pong,
    Resume,
    Welcome,
)
from chat_gateway.schemas import Send as SendFrame
from chat_gateway.sessions import Submission
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.use_cases import Caller, Chat, Part, check_cursor
from common.auth import LEEWAY_SECONDS, Principal, TokenVerifier, bearer
from common.errors import MunimentError, UnauthenticatedError, UnavailableError
from common.ids import new_id
from common.telemetry import get_logger

PATH = "/v1/chat"

UNAUTHENTICATED = 4001
NO_HELLO = 4002
TOO_SLOW = 4008
FAILED = 1011

PAGE = 100
MOST_TOGETHER = 64
CLOSE_SECONDS = 10.0
"""How long a dropped reader may take for what it was sent before."""

log = get_logger("connections")


class Subscription:
    """A connection's ear for one session. `cursor` is the last entry that went out to it."""

    __slots__ = ("connection", "cursor", "live", "part", "withhold")

    def __init__(self, connection: "Connection", part: Part, cursor: int) -> None:
        self.connection = connection
        self.part = part
        self.cursor = cursor
        self.live = False
        self.withhold = policy.withheld_from(part.participant)

    def deliver(self, entry: Entry, origin: object) -> None:
        seq = entry.receipt.seq
        if not self.live or seq <= self.cursor:
            return
        self.cursor = seq
        if origin is not self.connection:
            self.connection.push(frames.entry(entry, withhold=self.withhold))
        if entry.kind is Kind.CLOSED:
            self.connection.session_ended(self)


class Connection:
    """Args:
    terminal: the network terminal, as this server saw it.
    """

    def __init__(
        self,
        chat: Chat,
        settings: ChatGatewaySettings,
        verifier: TokenVerifier,
        *,
        receive: Receive,
        send: Send,
        terminal: str,
    ) -> None:
        self.id = str(new_id())
        self._chat = chat
        self._settings = settings
        self._verifier = verifier
        self._receive = receive
        self._send = send
        self._terminal = terminal
        self._caller: Caller | None = None
        self._shown: Statement | None = None
        self._parts: dict[str, Subscription] = {}
        self._outbox: deque[str] = deque()
        self._arrays = False
        self._limit = settings.outbox_frames
        self._unacknowledged = 0
        self._closing: tuple[int, str] | None = None
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None
        self._timers: list[asyncio.TimerHandle] = []
        self._loop = asyncio.get_running_loop()
        self._handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            Hello: self._hello,
            Open: self._open,
            Join: self._join,
            Resume: self._resume,
            CloseSession: self._close_session,
            Ping: self._ping,
        }

    async def run(self, principal: Principal | None) -> None:
        """Serve until either side ends it."""
        if principal is not None:
            self._greet(principal, "en")
        else:
            self._timers.append(
                self._loop.call_later(self._settings.hello_seconds, self._turn_away, "no hello came in time")
            )
        listener = self._loop.create_task(self._listen())
        listener.add_done_callback(self._listener_ended)
        try:
            # A client that went away shows as an OSError of the server's.
            with contextlib.suppress(OSError):
                await self._write()
        finally:
            listener.cancel()
            for timer in self._timers:
                timer.cancel()
            for subscription in list(self._parts.values()):
                self._leave(subscription)
            self._chat.presence.leave(self.id)

    # What goes out

    def push(self, text: str) -> None:
        """Send a frame as soon as the reader takes it."""
        if self._closing is not None:
            return
        if len(self._outbox) >= self._limit:
            self._outbox.clear()
            self.end(TOO_SLOW, "frames were not read in time; resume from the last one read")
            return
        self._outbox.append(text)
        self._stir()

    def end(self, code: int, reason: str) -> None:
        """Close with this code after what waits in the outbox."""
        if self._closing is None:
            self._closing = (code, reason)
            for subscription in list(self._parts.values()):
                self._leave(subscription)
            self._stir()

    def _stir(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    async def _write(self) -> None:
        outbox, send = self._outbox, self._send
        while True:
            while outbox:
                text = self._together() if self._arrays and len(outbox) > 1 else outbox.popleft()
                await send({"type": "websocket.send", "text": text})
            self._make_room()
            if self._closing is not None:
                break
            self._wake = self._loop.create_future()
            await self._wake
        code, reason = self._closing
        if code:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_SECONDS):
                    await send({"type": "websocket.close", "code": code, "reason": reason})

    def _together(self) -> str:
        frames_due = [self._outbox.popleft() for _ in range(min(len(self._outbox), MOST_TOGETHER))]
        return f"[{','.join(frames_due)}]"

    # What comes in

    async def _listen(self) -> None:
        most = self._settings.unacknowledged_frames
        while True:
            message = await self._receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None:
                text = (message.get("bytes") or b"").decode(errors="replace")
            try:
                frame = frames.read(text)
                if type(frame) is SendFrame:
                    self._post(frame)
                else:
                    await self._handle(frame)
            except MunimentError as error:
                self.push(frames.error(error, frames.ids_in(text)))
            if self._unacknowledged >= most:
                await self._until(lambda: self._unacknowledged < most)

    def _listener_ended(self, listener: "asyncio.Task[None]") -> None:
        if not listener.cancelled() and (error := listener.exception()) is not None:
            log.error("connection.failed", exc_info=error)
            self.end(FAILED, "something went wrong here; connect again and resume")
        else:
            self._outbox.clear()
            self.end(0, "")

    async def _handle(self, frame: Any) -> None:
        if self._caller is None and type(frame) is not Hello:
            self._turn_away("the first frame must be hello with a token")
            return
        try:
            await self._handlers[type(frame)](frame)
        except OUTAGES as error:
            log.warning("connection.engine_out_of_reach", error=type(error).__name__)
            raise UnavailableError("an engine is out of reach for now; try again") from None

    def _post(self, frame: SendFrame) -> None:
        subscription = self._parts.get(frame.session_id)
        if subscription is None:
            if self._caller is not None:
                raise UnknownSessionError
            self._turn_away("the first frame must be hello with a token")
            return
        self._unacknowledged += 1
        self._chat.post(subscription.part, client_id=frame.client_id, text=frame.text, reply=self)

    def accepted(self, submission: Submission, receipt: Receipt) -> None:
        """A message of this connection is durable."""
        self._unacknowledged -= 1
        self.push(frames.ack(submission.live.state.key, submission.contribution.entry_id, receipt))
        self._make_room()

    def refused(self, submission: Submission, error: MunimentError) -> None:
        """A message of this connection was not stored."""
        self._unacknowledged -= 1
        self.push(
            frames.error(
                error, {"session_id": submission.live.state.key, "client_id": submission.contribution.entry_id}
            )
        )
        self._make_room()

    async def _hello(self, frame: Hello) -> None:
        self._arrays = frame.arrays
        if frame.token is None:
            if self._caller is None:
                raise MalformedFrameError("hello needs a token", missing=["token"])
            self._show(frame.language)
            return
        try:
            principal = await self._verified(frame.token)
        except UnauthenticatedError as error:
            self.push(frames.error(error, {}))
            self.end(UNAUTHENTICATED, "the token proves nothing")
            return
        self._greet(principal, frame.language)

    async def _verified(self, token: str) -> Principal:
        principal = await self._verifier.verify(token)
        if self._caller is not None and principal.id != self._caller.principal.id:
            raise UnauthenticatedError("the token is somebody else's")
        return principal

    def _greet(self, principal: Principal, language: str) -> None:
        if self._caller is None:
            self._chat.presence.enter(self.id, "customer" if "customer" in principal.roles else "employee")
        self._caller = Caller(principal, self._terminal)
        for timer in self._timers:
            timer.cancel()
        left = principal.expires_at + LEEWAY_SECONDS - self._chat.clock.now().timestamp()
        self._timers = [self._loop.call_later(max(left, 0), self._expired)]
        self.push(frames.write(Welcome(roles=sorted(principal.roles), expires_at=principal.expires_at)))
        # Employees see it too: they should know what the public was told.
        self._show(language)

    def _show(self, language: str) -> None:
        shown = self._shown = self._chat.statement(language)
        self.push(frames.write(NoticeFrame(**notice_of(shown, self._chat).model_dump())))

    def _expired(self) -> None:
        self.push(frames.error(TokenExpiredError(), {}))
        self.end(UNAUTHENTICATED, "the token has expired")

    def _turn_away(self, why: str) -> None:
        self.push(frames.error(UnauthenticatedError(why), {}))
        self.end(NO_HELLO, why)

    async def _open(self, frame: Open) -> None:
        shown = self._shown
        try:
            part = await self._chat.open_session(
                self._who(),
                client_id=frame.client_id,
                topic=frame.topic,
                shown=shown,
                acknowledged=frame.notice_version,
            )
        except MunimentError as error:
            if shown is not None and error.kind == "notice-not-acknowledged":
                self._show(shown.language)
            raise
        await self._attend(part, "opened", 0, client_id=frame.client_id)

    async def _join(self, frame: Join) -> None:
        part = await self._chat.join_session(self._who(), session_id=UUID(frame.session_id))
        await self._attend(part, "joined", 0)

    async def _resume(self, frame: Resume) -> None:
        part = await self._chat.take_part(self._who(), session_id=UUID(frame.session_id), action="session.resume")
        check_cursor(part, frame.after_seq)
        await self._attend(part, "resumed", frame.after_seq)

    async def _close_session(self, frame: CloseSession) -> None:
        subscription = self._parts.get(frame.session_id)
        if subscription is not None:
            await self._chat.close_session(subscription.part)  # the closing entry is delivered to everybody, here too
            return
        part = await self._chat.take_part(self._who(), session_id=UUID(frame.session_id), action="session.close")
        await self._chat.close_session(part)
        self.push(frames.write(frames.closed(part.live.state)))

    async def _ping(self, _frame: Ping) -> None:
        self.push(frames.write(Pong()))

    def _who(self) -> Caller:
        if self._caller is None:
            raise UnauthenticatedError("the first frame must be hello with a token")
        return self._caller

    # Hearing a session

    async def _attend(self, part: Part, how: str, after_seq: int, *, client_id: str | None = None) -> None:
        """Send what the reader lacks, in order, and go over to live delivery without a gap or a repetition."""
        state = part.live.state
        if (former := self._parts.get(state.key)) is not None:
            self._leave(former)
        subscription = self._parts[state.key] = Subscription(self, part, after_seq)
        self._chat.sessions.subscribe(part.live, subscription)
        self.push(
            frames.write(
                Opened(
                    type=how,
                    session_id=state.key,
                    participant_id=part.participant.id,
                    client_id=client_id,
                    last_seq=state.last_seq,
                    digest=state.digest,
                )
            )
        )
        # The last look at last_seq and going live happen without a pause in between: nothing can slip through.
        while self._closing is None and subscription.cursor < state.last_seq:
            for stored in await self._chat.journal.entries_after(state.id, subscription.cursor, PAGE):
                await self._until(lambda: len(self._outbox) < self._limit // 2)
                self.push(frames.entry(stored.follow(""), withhold=subscription.withhold))
                subscription.cursor = stored.seq
        subscription.live = True
        if state.status is Status.CLOSED:
            self.session_ended(subscription)

    def session_ended(self, subscription: Subscription) -> None:
        """The closing entry went out: say so, and hear no more of this session."""
        self.push(frames.write(frames.closed(subscription.part.live.state)))
        self._leave(subscription)

    def _leave(self, subscription: Subscription) -> None:
        self._parts.pop(subscription.part.live.state.key, None)
        self._chat.sessions.unsubscribe(subscription.part.live, subscription)

    async def _until(self, satisfied: Callable[[], bool]) -> None:
        while not satisfied() and self._closing is None:
            self._room = self._loop.create_future()
            await self._room

    def _make_room(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


def notice_of(statement: Statement, chat: Chat) -> Notice:
    return Notice.model_validate(
        {
            "version": statement.version,
            "language": statement.language,
            "digest": statement.digest,
            "effective_from": statement.effective_from,
            "title": statement.title,
            "sections": [{"id": s.id, "heading": s.heading, "text": list(s.text)} for s in statement.sections],
            "languages": list(chat.languages(statement.version)),
        }
    )


class ChatSocket:
    """The endpoint `GET /v1/chat`, in front of the application: what stands between would see every frame for nothing."""

    def __init__(self, app: ASGIApp, settings: ChatGatewaySettings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "websocket" or scope["path"] != PATH:
            await self._app(scope, receive, send)
            return
        state = scope["app"].state
        principal = None
        header = Headers(scope=scope).get("authorization")
        if header is not None:
            try:
                principal = await state.verifier.verify(bearer(header))
            except MunimentError as error:
                await _refuse(send, error)
                return
        await receive()  # websocket.connect
        await send({"type": "websocket.accept"})
        terminal = scope["client"][0] if scope.get("client") else "unknown"
        connection = Connection(
            state.chat, self._settings, state.verifier, receive=receive, send=send, terminal=terminal
        )
        await connection.run(principal)


async def _refuse(send: Send, error: MunimentError) -> None:
    """Answer the handshake with the status instead of a socket."""
    await send(
        {
            "type": "websocket.http.response.start",
            "status": error.status,
            "headers": [(b"content-type", b"application/problem+json"), (b"www-authenticate", b"Bearer")],
        }
    )
    body = f'{{"type":"https://muniment.dev/problems/{error.kind}","title":"{error.title}","status":{error.status}}}'
    await send({"type": "websocket.http.response.body", "body": body.encode()})
