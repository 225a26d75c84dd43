"""One chat connection: what its frames ask for, what it hears of its sessions, and how it ends."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any
from uuid import UUID

from starlette.types import Receive
from starlette.types import Send as AsgiSend

from chat_gateway import frames
from chat_gateway.answering.tools import Tools
from chat_gateway.answering.work import AnswerWork
from chat_gateway.desks import Desks, digest_of
from chat_gateway.deskwork import DeskWork
from chat_gateway.errors import MalformedFrameError, TokenExpiredError, TooManyConnectionsError, UnknownSessionError
from chat_gateway.gate import Arrival, Caller, Gate, Passage
from chat_gateway.hearing import Hearing
from chat_gateway.lines import Line, OverSocket
from chat_gateway.model import Receipt
from chat_gateway.notice import Statement
from chat_gateway.pace import Deadline, Pace
from chat_gateway.schemas import (
    Hello,
    NoticeFrame,
    Open,
    Ping,
    Pong,
    Resume,
    Send,
    Welcome,
)
from chat_gateway.sessions import Submission
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.signalwork import SignalWork
from chat_gateway.snapshots import How, Snapshots
from chat_gateway.speaking import Manner
from chat_gateway.supervising.watching import Watches
from chat_gateway.supervising.work import SupervisorWork
from chat_gateway.use_cases import Chat, Part
from common.auth import EMPLOYEES, LEEWAY_SECONDS, Principal, TokenVerifier
from common.dpop import Proof
from common.errors import ForbiddenError, MunimentError, UnauthenticatedError, UnavailableError
from common.ids import new_id_text
from common.messaging.consumer import is_outage
from common.telemetry import get_logger

UNAUTHENTICATED = 4001
NO_HELLO = 4002
IDLE = 4003
FLOOD = 4029
CROWDED = 4030
FAILED = 1011

log = get_logger("connections")


class Connection:
    """One socket."""

    def __init__(
        self,
        chat: Chat,
        gate: Gate,
        settings: ChatGatewaySettings,
        verifier: TokenVerifier,
        desks: Desks,
        *,
        tools: Tools,
        watches: Watches,
        snapshots: Snapshots,
        receive: Receive,
        send: AsgiSend,
        arrival: Arrival,
    ) -> None:
        self.id = new_id_text()
        self.line = Line(send, OverSocket(), limit=settings.outbox_frames, ended=self._leave_all)
        self.tell = self.line.push
        self.hearing = Hearing(chat, snapshots, self.line, origin=self)
        self._chat = chat
        self._gate = gate
        self._settings = settings
        self._verifier = verifier
        self._desks, self._tools = desks, tools
        self._receive = receive
        self._arrival = arrival
        self._pace = Pace(settings.frames_per_second, settings.frames_at_once)
        self._caller: Caller | None = None
        self._shown: Statement | None = None
        self._parts = self.hearing.parts
        self._unacknowledged = 0
        self._loop = asyncio.get_running_loop()
        self._deadline, self._idle = Deadline(self._loop), Deadline(self._loop)
        self._said = self._loop.time()
        self._handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            Hello: self._hello,
            Open: self._open,
            Resume: self._resume,
            Ping: self._ping,
        }
        self._answers = AnswerWork(self, tools, chat, gate, self._who)
        self.hearing.beside(self._answers)
        self._supervision = SupervisorWork(self, watches, Hearing(chat, snapshots, self.line), self._who)
        self.hearing.beside(self._supervision.inside)
        self._handlers |= DeskWork(self, desks, chat).handlers | self._answers.handlers
        self._handlers |= SignalWork(self, chat, self._parts).handlers | self._supervision.handlers

    async def run(self, principal: Principal | None) -> None:
        """Serve until either side ends it.

        Args:
            principal: known already when the token came in the header.
        """
        if principal is not None:
            self._greet(principal, "en")
        else:
            self._deadline.set(self._settings.hello_seconds, lambda: self._turn_away("no hello came in time"))
        listener = self._loop.create_task(self._listen())
        listener.add_done_callback(self._listener_ended)
        try:
            # A client that went away shows as an OSError of the server's.
            with contextlib.suppress(OSError):
                await self.line.run()
        finally:
            listener.cancel()
            self._deadline.cancel()
            self._idle.cancel()
            self._leave_all()
            self._answers.gone()
            self._chat.presence.leave(self.id)
            if self._caller is not None:
                self._desks.floor.leave(self._caller.principal.id, self)

    # What comes in

    async def _listen(self) -> None:
        most, receive, line = self._settings.unacknowledged_frames, self._receive, self.line
        while True:
            message = await receive()
            if message["type"] != "websocket.receive":
                return
            text = message.get("text")
            if text is None:
                text = (message.get("bytes") or b"").decode(errors="replace")
            try:
                self._pace.check(self._loop.time())
                frame = frames.read(text)
                if type(frame) is Send:
                    await self._post(frame)
                else:
                    await self._handle(frame)
            except MunimentError as error:
                line.push(frames.error(error, frames.ids_in(text)))
                if self._pace.hopeless:
                    line.end(FLOOD, "too many frames; wait before connecting again")
            if self._unacknowledged >= most:
                await line.until(lambda: self._unacknowledged < most)

    def _listener_ended(self, listener: "asyncio.Task[None]") -> None:
        if not listener.cancelled() and (error := listener.exception()) is not None:
            log.error("connection.failed", exc_info=error)
            self.line.end(FAILED, "something went wrong here; connect again and resume")
        else:
            self.line.end(0, "", drop=True)

    async def _handle(self, frame: Any) -> None:
        if self._caller is None and type(frame) is not Hello:
            self._turn_away("the first frame must be hello with a token")
            return
        if type(frame) is not Ping:  # a heartbeat says that the line lives, not that somebody uses it
            self._said = self._loop.time()
        try:
            await self._handlers[type(frame)](frame)
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("connection.engine_out_of_reach", error=type(error).__name__)
            raise UnavailableError("an engine is out of reach for now; try again") from None

    async def _post(self, frame: Send) -> None:
        subscription = self._parts.get(frame.session_id)
        if subscription is None:
            if self._caller is not None:
                raise UnknownSessionError
            self._turn_away("the first frame must be hello with a token")
            return
        self._unacknowledged += 1
        manner = Manner(frame.seen_seq, frame.reason, self._arrival.terminal, frame.third_party)
        part, client_id = subscription.part, frame.client_id
        await self._chat.post(part, client_id=client_id, text=frame.text, reply=self, manner=manner)

    def accepted(self, submission: Submission, receipt: Receipt) -> None:
        """A message of this connection is durable."""
        self._unacknowledged -= 1
        line = self.line
        line.push(frames.ack(submission.live.state.key, submission.contribution.entry_id, receipt))
        line.stir()

    def refused(self, submission: Submission, error: MunimentError) -> None:
        """A message of this connection was not stored."""
        self._unacknowledged -= 1
        ids = {"session_id": submission.live.state.key, "client_id": submission.contribution.entry_id}
        self.line.push(frames.error(error, ids))
        self.line.stir()

    async def _hello(self, frame: Hello) -> None:
        self.line.arrays = frame.arrays
        if frame.token is None:
            if self._caller is None:
                raise MalformedFrameError("hello needs a token", missing=["token"])
            self._show(frame.language)
            return
        try:
            principal = await self._verified(frame.token, Proof(frame.proof, "GET", self._arrival.url))
            self._arrival.place.sit(principal)
        except TooManyConnectionsError as error:
            self.line.push(frames.error(error, {}))
            self.line.end(CROWDED, "too many connections of this account; close one, then connect again")
            return
        except (UnauthenticatedError, ForbiddenError) as error:
            await self._arrival.failed()
            self.line.push(frames.error(error, {}))
            self.line.end(UNAUTHENTICATED, "this token logs nobody in")
            return
        self._greet(principal, frame.language)

    async def _verified(self, token: str, proof: Proof) -> Principal:
        principal = await self._verifier.verify(token, proof)
        if self._caller is not None and principal.id != self._caller.principal.id:
            raise UnauthenticatedError("the token is somebody else's")
        await self._gate.log_in(Caller(principal, self._arrival.terminal))
        return principal

    def _greet(self, principal: Principal, language: str) -> None:
        if self._caller is None:
            self._chat.presence.enter(self.id, "customer" if "customer" in principal.roles else "employee")
            if "agent" in principal.roles:
                self._desks.floor.enter(principal.id, self)
            self._check_idle()
        self._caller = Caller(principal, self._arrival.terminal)
        self.hearing.principal = principal
        self._answers.greet(principal)
        self._supervision.greet(principal)
        self._leave_if_barred(principal)
        left = principal.expires_at + LEEWAY_SECONDS - self._chat.clock.now().timestamp()
        self._deadline.set(max(left, 0), self._expired)
        self.line.push(frames.write(Welcome(roles=sorted(principal.roles), expires_at=principal.expires_at)))
        # Employees see it too: they should know what the public was told.
        self._show(language)

    def _leave_if_barred(self, principal: Principal) -> None:
        """Who may take part no longer, their position or standing having changed, hears no more either (S3-111)."""
        barred: MunimentError | None = None
        for subscription in list(self._parts.values()):
            as_supervisor = subscription.part.participant.role == "supervisor"
            try:
                self._gate.ask("message.send" if as_supervisor else "session.resume", principal)
            except MunimentError as error:
                barred = error
                self.hearing.leave(subscription)
                if subscription.part.is_owner:
                    self._tools.standing.give_up(subscription.part)
        if barred is not None:
            self.line.push(frames.error(barred, {}))

    def _show(self, language: str) -> None:
        shown = self._shown = self._chat.statement(language)
        self.line.push(
            frames.write(NoticeFrame(**frames.notice(shown, self._chat.languages(shown.version)).model_dump()))
        )

    def _check_idle(self) -> None:
        """End the connection of somebody who hears nothing and says nothing. Employees hear offers and alarms."""
        busy = self._parts or (self._caller is not None and not self._caller.principal.roles.isdisjoint(EMPLOYEES))
        left = self._settings.idle_seconds - (0 if busy else self._loop.time() - self._said)
        if left <= 0:
            self.line.end(IDLE, "nothing was said or heard for long; connect again when there is something")
        else:
            self._idle.set(left, self._check_idle)

    def _expired(self) -> None:
        self.line.push(frames.error(TokenExpiredError(), {}))
        self.line.end(UNAUTHENTICATED, "the token has expired")

    def _turn_away(self, why: str) -> None:
        self.line.push(frames.error(UnauthenticatedError(why), {}))
        self.line.end(NO_HELLO, why)

    async def _open(self, frame: Open) -> None:
        shown = self._shown
        try:
            async with self._gate.open("session.open", self._who()) as passage:
                part = await self._chat.open_session(
                    passage,
                    client_id=frame.client_id,
                    topic=frame.topic,
                    shown=shown,
                    acknowledged=frame.notice_version,
                    left_message=frame.leave_message,
                    kept=digest_of(frame.place) if frame.place else b"",
                )
                passage.touch(part.live.state.id)
        except MunimentError as error:
            if shown is not None and error.kind == "notice-not-acknowledged":
                self._show(shown.language)
            raise
        await self.attend(part, "opened", 0, client_id=frame.client_id)
        self._desks.floor.ring()

    async def _resume(self, frame: Resume) -> None:
        session_id = UUID(frame.session_id)
        async with self._gate.open("session.resume", self._who(), session_id) as passage:
            part = await self._chat.take_part(passage, session_id=session_id)
            part.live.check_cursor(frame.after_seq)
        await self.attend(part, "resumed", frame.after_seq)

    async def _ping(self, _frame: Ping) -> None:
        self.line.push(frames.write(Pong()))

    def _who(self) -> Caller:
        if self._caller is None:
            raise UnauthenticatedError("the first frame must be hello with a token")
        return self._caller

    # Hearing a session

    async def attend(self, part: Part, how: How, after_seq: int, *, client_id: str | None = None) -> None:
        """Send what the reader lacks, in order, and go over to live delivery without a gap or a repetition."""
        self._gate.ask("message.send", self._who().principal)
        await self.hearing.attend(part, how, after_seq, client_id=client_id)

    def passage(self, operation: str, *ids: UUID, purpose: str = "") -> AbstractAsyncContextManager[Passage]:
        return self._gate.open(operation, self._who(), *ids, purpose=purpose)

    def quit(self, session_key: str) -> None:
        if (subscription := self._parts.get(session_key)) is not None:
            self.hearing.leave(subscription)

    def part_in(self, session_key: str) -> Part | None:
        subscription = self._parts.get(session_key)
        return subscription.part if subscription else None

    def _leave_all(self) -> None:
        self.hearing.leave_all()
        self._supervision.gone()
