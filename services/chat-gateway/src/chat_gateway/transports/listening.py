"""The routes by which one hears: a stream of events, and a poll."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from chat_gateway.answering.tools import Tools
from chat_gateway.answering.work import AnswerWork
from chat_gateway.desk_schemas import OfferFrame
from chat_gateway.desks import Desks
from chat_gateway.gate import Caller, Gate, Passage
from chat_gateway.hearing import Hearing
from chat_gateway.room import Room
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.snapshots import Snapshots
from chat_gateway.timekeeper import offer_frame
from chat_gateway.transports import poll as polling
from chat_gateway.transports.asked import MOST, PATTERN, Wanted, wanted
from chat_gateway.transports.schemas import Polled
from chat_gateway.transports.stream import EventStream
from chat_gateway.use_cases import Chat, Part
from common.access import Look
from common.auth import LEEWAY_SECONDS
from common.errors import ForbiddenError
from common.web.door import AtDoor, Guarded
from common.web.wire import when_stopping

listening_router = APIRouter(prefix="/v1/chat", tags=["chat"], route_class=Guarded)

Hear = Annotated[
    list[Annotated[str, Query(pattern=PATTERN, max_length=60)]],
    Query(
        min_length=1,
        max_length=MOST,
        description="What to hear, once for each: a session's id, a colon and the number of the last entry one has (0 or "
        "nothing: from the beginning); or `desk`, for the offers that an employee gets",
        examples=[["01990000-0000-7000-8000-000000000001:0"]],
    ),
]


class Hearings:
    """What these routes need."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.chat = cast("Chat", state.chat)
        self.desks, self.snapshots = cast("Desks", state.desks), cast("Snapshots", state.snapshots)
        self.tools, self.gate = cast("Tools", state.tools), cast("Gate", state.gate)
        self.settings = cast("ChatGatewaySettings", state.gateway_settings)
        self.room = cast("Room", state.room)

    async def parts(self, look: Look, asked: Wanted) -> list[tuple[Part, int]]:
        """The caller's part in each session, with the cursor.

        Raises:
            ForbiddenError: a desk is asked for, and the caller has none.
            UnknownSessionError, NotYourSessionError, CursorAheadError: of the first that is not as it should be.
        """
        if asked.desk and "agent" not in look.principal.roles:
            raise ForbiddenError("only who takes sessions has a desk", missing=["role agent"])
        found = []
        for session_id, seq in asked.cursors.items():
            part = await self.chat.take_part(look, session_id=session_id)
            part.live.check_cursor(seq)
            found.append((part, seq))
        return found

    def beside(self, hearing: Hearing, caller: Caller, *, desk: bool) -> AnswerWork:
        """Notes of an employee's sessions; with a desk, calls for help too."""
        work = AnswerWork(_OnlyHears(hearing), self.tools, self.chat, self.gate, lambda: caller)
        hearing.beside(work)
        if desk:
            work.greet(caller.principal)
        return work

    async def offers(self, agent: str) -> list[OfferFrame]:
        now = self.chat.clock.now()
        return [offer_frame(one, now) for one in await self.desks.asked(agent)]


AtHearings = Annotated[Hearings, Depends(Hearings)]


class _OnlyHears:
    """In the place of a connection, for those who hear notes and alarms beside the entries."""

    def __init__(self, hearing: Hearing) -> None:
        self.tell = hearing.tell

    def part_in(self, session_key: str) -> Part | None:
        """It never says anything in a session."""

    async def attend(self, part: Part, how: str, after_seq: int, /) -> None:
        raise RuntimeError(f"{how} at {after_seq} as {part.participant.role}: what only hears comes into nothing")

    def passage(self, operation: str, *session_ids: UUID) -> AbstractAsyncContextManager[Passage]:
        raise RuntimeError(f"{operation} of {len(session_ids)} sessions: what only hears says nothing")


async def attend(hearing: Hearing, parts: Sequence[tuple[Part, int]]) -> None:
    for part, seq in parts:
        await hearing.attend(part, "resumed", seq)


@listening_router.get(
    "/stream",
    operation_id="session.stream",
    summary="Hear sessions as a stream of server-sent events",
    response_class=Response,
    responses={200: {"description": "Events, each with one frame", "content": {"text/event-stream": {}}}},
)
async def stream(
    hearings: AtHearings,
    door: AtDoor,
    hear: Hear,
    last_event_id: Annotated[
        str | None, Header(max_length=4000, description="Counts before the cursors of `hear`")
    ] = None,
) -> Response:
    """The frames of the socket, each the data of one event; the event's id is the cursor. The token comes in the header
    `Authorization` and in no other place: a browser reads the stream with `fetch`, since its EventSource sets no headers.
    """
    asked = wanted(hear, last_event_id)
    async with door.open("session.stream", *asked.cursors, fields=["entries"]) as look:
        parts = await hearings.parts(look, asked)
        _ = look.scopes
    principal, floor = door.principal, hearings.desks.floor
    companions: list[AnswerWork] = []

    async def fill(hearing: Hearing) -> None:
        companions.append(hearings.beside(hearing, Caller(principal, door.terminal), desk=asked.desk))
        if asked.desk:
            floor.enter(principal.id, hearing)
        await attend(hearing, parts)

    def left(hearing: Hearing) -> None:
        floor.leave(principal.id, hearing)
        for companion in companions:
            companion.gone()

    return EventStream(
        hearings.chat,
        hearings.snapshots,
        principal,
        fill,
        left,
        place=hearings.room.seat(door.terminal, principal),
        lasting=asked.desk,
        limit=hearings.settings.outbox_frames,
        heartbeat=hearings.settings.heartbeat_seconds,
    )


@listening_router.get(
    "/poll", operation_id="session.poll", summary="Hear sessions by asking again and again", response_model=Polled
)
async def poll(
    request: Request,
    hearings: AtHearings,
    door: AtDoor,
    hear: Hear,
    *,
    wait: Annotated[int, Query(ge=0, le=55, description="Seconds to wait for news at most")] = 25,
    state: Annotated[str, Query(max_length=64, description="`state` of the answer before")] = "",
) -> Response:
    """Answers at once with what comes after the cursors, or when things stand otherwise than `state` says; else waits."""
    asked = wanted(hear, None)
    async with door.open("session.poll", *asked.cursors, fields=["entries"]) as look:
        parts = await hearings.parts(look, asked)
        _ = look.scopes
    principal, floor = door.principal, hearings.desks.floor
    left = principal.expires_at + LEEWAY_SECONDS - hearings.chat.clock.now().timestamp()
    seconds = max(0.0, min(float(wait), hearings.settings.poll_wait_seconds, left))
    place = hearings.room.seat(door.terminal, principal)
    basket = polling.Basket()
    hearing = Hearing(hearings.chat, hearings.snapshots, basket, principal=principal)
    companion = hearings.beside(hearing, Caller(principal, door.terminal), desk=asked.desk)
    when_stopping(request.scope, basket.stir)
    gone = asyncio.create_task(gone_with(request, basket))
    try:
        offers = await hearings.offers(principal.id) if asked.desk else []
        if asked.desk:
            floor.enter(principal.id, hearing, knows=True)
        await attend(hearing, parts)
        new_state = await polling.wait_for_news(basket, hearing, offers, known=state, seconds=seconds)
    finally:
        place.leave()
        gone.cancel()
        hearing.leave_all()
        companion.gone()
        floor.leave(principal.id, hearing)
    return polling.answer(basket, new_state)


async def gone_with(request: Request, basket: polling.Basket) -> None:
    """Whoever went away needs no answer: what they hold is what they asked with."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    basket.stir()
