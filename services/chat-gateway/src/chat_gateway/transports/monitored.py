"""The routes by which a supervisor hears conversations to which they listen: the stream and the poll of `listening`, for watches.

Nothing can be said through them. Nobody's part in a session is theirs until they step in, and where they may listen no more
the stream says `left`, and the next poll finds nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Query, Request, Response

from chat_gateway import frames
from chat_gateway.answering import notes
from chat_gateway.answering.work import frame_of
from chat_gateway.gate import Caller
from chat_gateway.hearing import Hearing
from chat_gateway.room import Room
from chat_gateway.schemas import Left
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.snapshots import Snapshots
from chat_gateway.supervising.watching import Watch, Watches
from chat_gateway.transports import poll as polling
from chat_gateway.transports.asked import wanted
from chat_gateway.transports.listening import Hear, gone_with
from chat_gateway.transports.schemas import Polled
from chat_gateway.transports.stream import EventStream
from chat_gateway.use_cases import Chat, Part
from common.access import Look
from common.auth import LEEWAY_SECONDS
from common.errors import FieldError, InvalidError
from common.web.door import AtDoor, Guarded
from common.web.wire import when_stopping

monitored_router = APIRouter(prefix="/v1/chat/monitored", tags=["supervising"], route_class=Guarded)


class Ears:
    """What one stream or poll hears of watches: entries, notes and whispers; it ends no watch, since it may come again."""

    def __init__(self, hearing: Hearing, watches: Watches) -> None:
        self._hearing = hearing
        self._watches = watches
        self._heard: dict[str, Watch] = {}
        self._ears: dict[str, notes.Ear] = {}
        hearing.beside(self)

    async def take(self, watch: Watch, part: Part, seq: int) -> None:
        self._heard[part.live.state.key] = watch
        self._watches.hear(watch, self)
        await self._hearing.attend(part, "resumed" if watch.entered else "monitoring", seq)

    async def attend(self, part: Part) -> None:
        state = part.live.state
        ear = self._ears[state.key] = notes.Ear(part.participant, state.id, state.data_key, self._tell_note)
        await self._watches.notes.listen(ear)

    def leave(self, session_key: str) -> None:
        if (ear := self._ears.pop(session_key, None)) is not None:
            self._watches.notes.forget(ear)
        if (watch := self._heard.pop(session_key, None)) is not None:
            self._watches.unhear(watch)

    def shut_out(self, watch: Watch) -> None:
        key = watch.part.live.state.key
        self._hearing.tell(frames.write(Left(session_id=key)))
        if (subscription := self._hearing.parts.get(key)) is not None:
            self._hearing.leave(subscription)
        self.leave(key)

    def _tell_note(self, note: notes.Note) -> None:
        if note.sort != "monitored":
            self._hearing.tell(frames.write(frame_of(note)))


class Monitored:
    """What these routes need."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.chat, self.watches = cast("Chat", state.chat), cast("Watches", state.watches)
        self.snapshots, self.room = cast("Snapshots", state.snapshots), cast("Room", state.room)
        self.settings = cast("ChatGatewaySettings", state.gateway_settings)

    async def found(self, look: Look, hear: list[str], last_event_id: str | None) -> Sequence[tuple[Watch, Part, int]]:
        """The caller's watches for the purpose that is stated, as whom they hear, and from which entry on.

        Raises:
            InvalidError: a desk is asked for; what a supervisor is called to comes by `GET /v1/alarms`.
            UnknownSessionError, CursorAheadError: of the first that is not as it should be.
        """
        asked = wanted(hear, last_event_id)
        if asked.desk:
            raise InvalidError("no desk is heard here", errors=[FieldError("query.hear", "names sessions only")])
        caller = Caller(look.principal, look.terminal)
        watched = []
        for session_id, seq in asked.cursors.items():
            watch = await self.watches.find(look, caller, session_id, look.purpose)
            part = await self.watches.entered(look, session_id) if watch.entered else watch.part
            part.live.check_cursor(seq)
            await self.watches.renew(watch)
            look.touch(session_id, watch.id)
            watched.append((watch, part, seq))
        return watched


AtMonitored = Annotated[Monitored, Depends(Monitored)]


@monitored_router.get(
    "/stream",
    operation_id="session.monitor-stream",
    summary="Hear conversations to which one listens as a stream of server-sent events",
    response_class=Response,
    responses={200: {"description": "Events, each with one frame", "content": {"text/event-stream": {}}}},
)
async def stream(
    monitored: AtMonitored,
    door: AtDoor,
    hear: Hear,
    last_event_id: Annotated[
        str | None, Header(max_length=4000, description="Counts before the cursors of `hear`")
    ] = None,
) -> Response:
    """As `GET /v1/chat/stream`, for sessions that one began to listen to (`POST …/monitor`) for the purpose that is stated."""
    async with door.open("session.monitor-stream", fields=["entries"]) as look:
        watched = await monitored.found(look, hear, last_event_id)

    async def fill(hearing: Hearing) -> None:
        ears = Ears(hearing, monitored.watches)
        for watch, part, seq in watched:
            await ears.take(watch, part, seq)

    settings = monitored.settings
    return EventStream(
        monitored.chat,
        monitored.snapshots,
        door.principal,
        fill,
        lambda _: None,
        place=monitored.room.seat(door.terminal, door.principal),
        lasting=False,
        limit=settings.outbox_frames,
        heartbeat=settings.heartbeat_seconds,
    )


@monitored_router.get(
    "/poll",
    operation_id="session.monitor-poll",
    summary="Hear conversations to which one listens by asking again and again",
    response_model=Polled,
)
async def poll(
    request: Request,
    monitored: AtMonitored,
    door: AtDoor,
    hear: Hear,
    *,
    wait: Annotated[int, Query(ge=0, le=55, description="Seconds to wait for news at most")] = 25,
    state: Annotated[str, Query(max_length=64, description="`state` of the answer before")] = "",
) -> Response:
    """As `GET /v1/chat/poll`, for sessions that one began to listen to (`POST …/monitor`) for the purpose that is stated."""
    async with door.open("session.monitor-poll", fields=["entries"]) as look:
        watched = await monitored.found(look, hear, None)
    left = door.principal.expires_at + LEEWAY_SECONDS - monitored.chat.clock.now().timestamp()
    seconds = max(0.0, min(float(wait), monitored.settings.poll_wait_seconds, left))
    place = monitored.room.seat(door.terminal, door.principal)
    basket = polling.Basket()
    hearing = Hearing(monitored.chat, monitored.snapshots, basket)
    ears = Ears(hearing, monitored.watches)
    when_stopping(request.scope, basket.stir)
    gone = asyncio.create_task(gone_with(request, basket))
    try:
        for watch, part, seq in watched:
            await ears.take(watch, part, seq)
        new_state = await polling.wait_for_news(basket, hearing, [], known=state, seconds=seconds)
    finally:
        place.leave()
        gone.cancel()
        hearing.leave_all()
    return polling.answer(basket, new_state)
