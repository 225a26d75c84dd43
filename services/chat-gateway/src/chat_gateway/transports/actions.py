"""What the socket's frames say, as requests: the same operations of the table, the same use cases, one answer each.

Three frames are no requests: `hello`, since every request brings its token; `resume`, since a stream or a poll does that; and
`ping`, since no line has to be kept alive. A test holds this against all frames of the protocol.
"""

import inspect
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import BaseModel

from chat_gateway.answering.work import AnswerWork, out
from chat_gateway.answering_schemas import (
    AccompanyPerson,
    AlarmFrame,
    AnswerAlarm,
    Duress,
    Monitor,
    NoteFrame,
    RegardPerson,
    StepIn,
    StopMonitoring,
    UseAnswer,
    Whisper,
    WriteNote,
    WriteWhisper,
)
from chat_gateway.desk_schemas import (
    Accept,
    Available,
    Away,
    Decline,
    DeskFrame,
    Extend,
    Hold,
    KeepPlace,
    PlaceFrame,
    Prioritise,
    ReleaseHold,
    Transfer,
    TransferFrame,
    WithdrawTransfer,
)
from chat_gateway.desks import digest_of
from chat_gateway.deskwork import DeskWork
from chat_gateway.errors import TextTooLongError
from chat_gateway.gate import Passage
from chat_gateway.schemas import Ack, Join, Left, Opened
from chat_gateway.signals import store
from chat_gateway.signals.hub import receipt_of, steps_of
from chat_gateway.signals.schemas import Mark, Receipt, Receipts, Typing
from chat_gateway.speaking import Manner
from chat_gateway.supervising.posts import SupervisorPosts
from chat_gateway.transports.asking import (
    FIELDS,
    Asked,
    AtChat,
    AtDesks,
    AtGate,
    AtSnapshots,
    AtTools,
    AtWatches,
    body_of,
    is_of_session,
    through,
)
from chat_gateway.transports.schemas import MessageBody, OpenBody
from chat_gateway.use_cases import Chat
from chat_gateway.wire import MAX_TEXT_BYTES, ClientFrame
from common.errors import MunimentError
from common.messaging.consumer import is_outage
from common.web.door import AtDoor, Guarded

actions_router = APIRouter(prefix="/v1", tags=["chat"], route_class=Guarded)


@actions_router.post("/sessions", operation_id="session.open", summary="Open a session", status_code=201)
async def open_session(body: OpenBody, chat: AtChat, desks: AtDesks, snapshots: AtSnapshots, door: AtDoor) -> Opened:
    """Acknowledges the Privacy Act statement of `GET /v1/notice` by its version and digest (S1-001, S3-070). The same
    `client_id` again opens nothing new and answers with the session that is there.
    """
    async with through(door, "session.open") as look:
        part = await chat.open_session(
            look,
            client_id=body.client_id,
            topic=body.topic,
            shown=chat.shown_as(body.notice_digest),
            acknowledged=body.notice_version,
            left_message=body.leave_message,
            kept=digest_of(body.place) if body.place else b"",
        )
        look.touch(part.live.state.id)
    desks.floor.ring()
    return await snapshots.of(part, "opened", 0, client_id=body.client_id)


@actions_router.post(
    "/sessions/{session_id}/messages", operation_id="message.send", summary="Say something", status_code=201
)
async def send(session_id: UUID, body: MessageBody, chat: AtChat, door: AtDoor) -> Ack:
    """The answer comes when the message is durable. The same `client_id` again is the same message; with another text it
    is refused.
    """
    if len(body.text.encode()) > MAX_TEXT_BYTES:
        raise TextTooLongError(MAX_TEXT_BYTES)
    async with door.open("message.send", session_id, fields=FIELDS) as look:
        part = await chat.take_part(look, session_id=session_id)
        manner = Manner(body.seen_seq, body.reason, door.terminal, third_party=body.third_party)
        receipt = await chat.say(part, client_id=body.client_id, text=body.text, manner=manner)
    return Ack(
        type="ack",
        session_id=str(session_id),
        client_id=body.client_id,
        seq=receipt.seq,
        digest=receipt.digest,
        at=receipt.at,
        salt=receipt.salt,
    )


MarkBody = body_of(Mark)


async def mark(session_id: UUID, body: Any, chat: AtChat, door: AtDoor) -> Receipt:
    """Never goes back: the answer says how far it stands. What was read has been delivered."""
    async with door.open("message.receipt", session_id, fields=["receipts"]) as look:
        part = await chat.take_part(look, session_id=session_id)
        me = part.participant.id
        stored = await store.keep(look.session, steps_of(part.live, me, body.kind, body.up_to), look.now)
        latest = await store.latest(look.session, session_id)
    chat.signals.stored(stored)
    return next(receipt_of(one) for one in latest if (one.participant_id, one.kind) == (me, body.kind))


@actions_router.get(
    "/sessions/{session_id}/receipts",
    operation_id="message.read-receipts",
    summary="Who received and read a session, how far and when",
)
async def receipts(session_id: UUID, chat: AtChat, door: AtDoor) -> Receipts:
    """For both sides. Message n was read by a participant at the first of their steps that covers n."""
    async with door.open("message.read-receipts", session_id, fields=["receipts"]) as look:
        await chat.take_part(look, session_id=session_id)
        steps = await store.of_session(look.session, session_id)
    return Receipts(receipts=[receipt_of(one) for one in steps])


@dataclass(frozen=True, slots=True)
class Action:
    """A frame that is also a request.

    Attributes:
        answer: the frame that answers it; None where the entry that follows says all.
    """

    frame: type[ClientFrame]
    operation: str
    summary: str
    answer: type[BaseModel] | None = None

    @property
    def word(self) -> str:
        return str(self.frame.model_fields["type"].annotation.__args__[0])  # type: ignore[union-attr]

    @property
    def of_session(self) -> bool:
        return is_of_session(self.frame)

    @property
    def path(self) -> str:
        return f"/sessions/{{session_id}}/{self.word}" if self.of_session else f"/desk/{self.word}"


ACTIONS = (
    Action(Join, "session.join", "Take a waiting session", Opened),
    Action(Available, "desk.available", "Take offers", DeskFrame),
    Action(Away, "desk.away", "Take no more offers", DeskFrame),
    Action(Accept, "session.accept", "Take a session that was offered", Opened),
    Action(Decline, "session.decline", "Not take a session that was offered"),
    Action(Transfer, "session.transfer", "Hand a session on", TransferFrame),
    Action(WithdrawTransfer, "session.withdraw", "Ask a colleague no longer", TransferFrame),
    Action(Hold, "session.hold", "Put a session on hold"),
    Action(ReleaseHold, "session.unhold", "Go on with a session on hold"),
    Action(Extend, "session.extend", "Ask for more time"),
    Action(Prioritise, "session.prioritise", "Record a reason to serve somebody sooner"),
    Action(KeepPlace, "session.keep-place", "Leave the queue and keep the place", PlaceFrame),
    Action(WriteNote, "note.write", "Write a note for colleagues", NoteFrame),
    Action(UseAnswer, "answer.use", "Send an answer of the register"),
    Action(RegardPerson, "session.regard", "Say how the person stands to what they ask about"),
    Action(AccompanyPerson, "session.accompany", "Come into the conversation of whom one acts for", Opened),
    Action(AnswerAlarm, "duress.answer", "See to a colleague's call for help"),
    Action(Monitor, "session.monitor", "Listen to a conversation of somebody whom one supervises", Opened),
    Action(StopMonitoring, "session.unmonitor", "Listen no more", Left),
    Action(WriteWhisper, "session.whisper", "Say something to the employee to whom one listens", Whisper),
    Action(StepIn, "session.step-in", "Join the conversation to which one listens", Opened),
)


def _route(action: Action) -> Callable[..., Awaitable[Response]]:
    body_type = body_of(action.frame)

    async def act(**given: Any) -> Response:
        asked = Asked(given["door"], given["snapshots"])
        answering = AnswerWork(asked, given["tools"], given["chat"], given["gate"], asked.who)
        watching = SupervisorPosts(asked, given["watches"], asked.who, asked.purpose)
        handlers = DeskWork(asked, given["desks"], given["chat"]).handlers | answering.handlers | watching.handlers
        said = given["body"].model_dump() if "body" in given else {}
        if "purpose" in action.frame.model_fields:
            said["purpose"] = asked.purpose()
        ids = {"session_id": str(given["session_id"])} if action.of_session else {}
        await handlers[action.frame](action.frame.model_validate({"type": action.word, **ids, **said}))
        if action.answer is None:
            return Response(status_code=204)
        return Response(asked.answer, media_type="application/json")

    wanted: dict[str, Any] = {"session_id": UUID} if action.of_session else {}
    wanted |= {"body": body_type} if body_type is not None else {}
    wanted |= {"chat": AtChat, "desks": AtDesks, "snapshots": AtSnapshots, "door": AtDoor}
    wanted |= {"tools": AtTools, "gate": AtGate, "watches": AtWatches}
    keyword = inspect.Parameter.KEYWORD_ONLY
    act.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, keyword, annotation=kind) for name, kind in wanted.items()]
    )
    act.__doc__ = action.frame.__doc__
    return act


TypingBody, DuressBody = body_of(Typing), body_of(Duress)


async def typing(session_id: UUID, body: Any, chat: AtChat, door: AtDoor) -> None:
    """Passed on to those who are there, and kept nowhere: it leaves no entry in the audit trail unless it is refused."""
    part = await chat.take_part(Passage(door.principal, door.let_in()), session_id=session_id)
    chat.signals.typing(part.live, part.participant.id, on=body.on)


async def duress(body: Any, chat: AtChat, tools: AtTools, door: AtDoor) -> AlarmFrame:
    """Whoever is connected here is told before anything is stored; its audit entry is stored with the alarm."""
    permit = door.let_in()
    session_id = await _taking_part(chat, Passage(door.principal, permit), body.session_id)
    alarm = await tools.alarms.ring(
        door.principal, terminal=door.terminal, purpose=permit.purpose, session_id=session_id, cause=body.cause
    )
    return AlarmFrame(**out(alarm).model_dump(), state="raised", recorded=tools.alarms.has_stored(alarm))


async def _taking_part(chat: Chat, letting: Passage, session_key: str | None) -> UUID | None:
    """The session that a call for help names, if it is the caller's. Nothing about it keeps the call from going out."""
    if session_key is None:
        return None
    try:
        part = await chat.take_part(letting, session_id=UUID(session_key))
    except MunimentError:
        return None
    except Exception as error:
        if not is_outage(error):
            raise
        return None
    return part.live.state.id


mark.__annotations__["body"] = MarkBody
typing.__annotations__["body"] = TypingBody
duress.__annotations__["body"] = DuressBody
actions_router.post(
    "/sessions/{session_id}/typing", operation_id="message.typing", summary="Say that one types", status_code=204
)(typing)
actions_router.post(
    "/desk/duress", operation_id="duress.raise", summary="Call supervisors and security for help", status_code=201
)(duress)
actions_router.post(
    "/sessions/{session_id}/receipts",
    operation_id="message.receipt",
    summary="Say how far one has received or read a session",
)(mark)
for _action in ACTIONS:
    actions_router.post(
        _action.path,
        operation_id=_action.operation,
        summary=_action.summary,
        response_model=_action.answer,
        status_code=204 if _action.answer is None else 200,
    )(_route(_action))
