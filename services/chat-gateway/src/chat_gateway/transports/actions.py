"""What the socket's frames say, as requests: the same operations of the table, the same use cases, one answer each.

That somebody types is no request: each request leaves an entry in the audit trail, and typing is kept nowhere.
"""

import inspect
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, create_model

from chat_gateway import frames
from chat_gateway.answering.tools import Tools
from chat_gateway.answering.work import AnswerWork
from chat_gateway.answering_schemas import AccompanyPerson, AnswerAlarm, NoteFrame, RegardPerson, UseAnswer, WriteNote
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
from chat_gateway.desks import Desks, digest_of
from chat_gateway.deskwork import DeskWork
from chat_gateway.errors import TextTooLongError
from chat_gateway.gate import Caller, Gate
from chat_gateway.schemas import Ack, Join, Opened
from chat_gateway.signals import store
from chat_gateway.signals.hub import receipt_of, steps_of
from chat_gateway.signals.schemas import Mark, Receipt, Receipts
from chat_gateway.snapshots import How, Snapshots
from chat_gateway.speaking import Manner
from chat_gateway.transports.schemas import MessageBody, OpenBody
from chat_gateway.use_cases import Chat, LetIn, Part
from chat_gateway.wire import MAX_TEXT_BYTES, ClientFrame
from common.access import Look
from common.web.door import AtDoor, Door, Guarded

FIELDS = ("entries",)
actions_router = APIRouter(prefix="/v1", tags=["chat"], route_class=Guarded)


def chat_of(request: Request) -> Chat:
    return cast("Chat", request.app.state.chat)


def desks_of(request: Request) -> Desks:
    return cast("Desks", request.app.state.desks)


def snapshots_of(request: Request) -> Snapshots:
    return cast("Snapshots", request.app.state.snapshots)


AtChat = Annotated[Chat, Depends(chat_of)]
AtDesks = Annotated[Desks, Depends(desks_of)]


def tools_of(request: Request) -> Tools:
    return cast("Tools", request.app.state.tools)


def gate_of(request: Request) -> Gate:
    return cast("Gate", request.app.state.gate)


AtTools = Annotated[Tools, Depends(tools_of)]
AtGate = Annotated[Gate, Depends(gate_of)]
AtSnapshots = Annotated[Snapshots, Depends(snapshots_of)]


@actions_router.post("/sessions", operation_id="session.open", summary="Open a session", status_code=201)
async def open_session(body: OpenBody, chat: AtChat, desks: AtDesks, snapshots: AtSnapshots, door: AtDoor) -> Opened:
    """Acknowledges the Privacy Act statement of `GET /v1/notice` by its version and digest (S1-001, S3-070). The same
    `client_id` again opens nothing new and answers with the session that is there.
    """
    async with _through(door, "session.open") as look:
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


def _body_of(frame: type[ClientFrame]) -> type[BaseModel] | None:
    """The frame without what the address says."""
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in frame.model_fields.items()
        if name not in {"type", "session_id"}
    }
    if not fields:
        return None
    config = ConfigDict(extra="forbid", frozen=True, strict=True)
    return create_model(f"{frame.__name__}Body", __config__=config, __doc__=frame.__doc__, **fields)


MarkBody = _body_of(Mark)


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
        return "session_id" in self.frame.model_fields

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
)


class _Asked:
    """One request in the place of a connection."""

    def __init__(self, door: Door, snapshots: Snapshots) -> None:
        self.answer: str | None = None
        self._door = door
        self._snapshots = snapshots

    @asynccontextmanager
    async def passage(self, operation: str, *session_ids: UUID) -> AsyncIterator[LetIn]:
        async with _through(self._door, operation, *session_ids) as look:
            yield look

    def part_in(self, session_key: str) -> Part | None:
        """A request hears no session."""

    def who(self) -> Caller:
        return Caller(self._door.principal, self._door.terminal)

    def tell(self, text: str) -> None:
        self.answer = text

    async def attend(self, part: Part, how: How, after_seq: int) -> None:
        self.answer = frames.write(await self._snapshots.of(part, how, after_seq))


@asynccontextmanager
async def _through(door: Door, operation: str, *session_ids: UUID) -> AsyncIterator[Look]:
    """The door for what looks at the session itself to see how far the caller reaches, as it does for the socket."""
    async with door.open(operation, *session_ids, fields=FIELDS) as look:
        _ = look.scopes
        yield look


def _route(action: Action) -> Callable[..., Awaitable[Response]]:
    body_type = _body_of(action.frame)

    async def act(**given: Any) -> Response:
        asked = _Asked(given["door"], given["snapshots"])
        answering = AnswerWork(asked, given["tools"], given["chat"], given["gate"], asked.who)
        handlers = DeskWork(asked, given["desks"], given["chat"]).handlers | answering.handlers
        said = given["body"].model_dump() if "body" in given else {}
        ids = {"session_id": str(given["session_id"])} if action.of_session else {}
        await handlers[action.frame](action.frame.model_validate({"type": action.word, **ids, **said}))
        if action.answer is None:
            return Response(status_code=204)
        return Response(asked.answer, media_type="application/json")

    wanted: dict[str, Any] = {"session_id": UUID} if action.of_session else {}
    wanted |= {"body": body_type} if body_type is not None else {}
    wanted |= {"chat": AtChat, "desks": AtDesks, "snapshots": AtSnapshots, "door": AtDoor}
    wanted |= {"tools": AtTools, "gate": AtGate}
    keyword = inspect.Parameter.KEYWORD_ONLY
    act.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [inspect.Parameter(name, keyword, annotation=kind) for name, kind in wanted.items()]
    )
    act.__doc__ = action.frame.__doc__
    return act


mark.__annotations__["body"] = MarkBody
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
