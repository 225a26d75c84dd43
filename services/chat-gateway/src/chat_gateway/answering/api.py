"""The HTTP side of what those who answer need."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from chat_gateway.answering import alarms, notes
from chat_gateway.answering.work import body, out
from chat_gateway.answering_schemas import Alarms, Notes
from chat_gateway.errors import NotYourSessionError, UnknownSessionError
from chat_gateway.use_cases import Chat
from common.access import Reach, Scope
from common.web.door import AtDoor, Guarded

answering_router = APIRouter(prefix="/v1", tags=["answering"], route_class=Guarded)


def chat_of(request: Request) -> Chat:
    return cast("Chat", request.app.state.chat)


AtChat = Annotated[Chat, Depends(chat_of)]


@answering_router.get(
    "/sessions/{session_id}/notes", operation_id="note.read", summary="Notes among employees about a session"
)
async def notes_of(
    chat: AtChat,
    session_id: UUID,
    door: AtDoor,
    after: Annotated[int, Query(ge=0, le=2_147_483_647, description="Number of the last note one has")] = 0,
    limit: Annotated[int, Query(ge=1, le=notes.PAGE)] = notes.PAGE,
) -> Notes:
    """For the employee who has the session, supervisors of the offices that had it, and those who watch over records."""
    async with door.open("note.read", session_id, fields=["notes"]) as look:
        live = await chat.sessions.find(session_id)
        if live is None:
            raise UnknownSessionError
        state, me = live.state, look.principal
        mine = state.participants.get(me.id)
        own = mine is not None and mine.role in notes.EMPLOYEES and mine.id == state.situation.owner
        offices = {p.office for p in state.participants.values() if p.role in notes.EMPLOYEES}
        if not look.covers(Reach(own=own, office=me.claims.get("office") in offices)):
            raise NotYourSessionError
        found = await notes.after(look.session, session_id, state.data_key, after, limit)
    return Notes(notes=[body(note) for note in found], next=found[-1].number if len(found) == limit else None)


@answering_router.get("/alarms", operation_id="duress.list", summary="Calls for help by employees")
async def alarms_of(door: AtDoor) -> Alarms:
    """Of one's office, or of all; those that nobody answered stand first."""
    async with door.open("duress.list", fields=["alarms"]) as look:
        office = None if Scope.ANY in look.scopes else look.principal.claim("office")
        found = await alarms.recent(look.session, look.now, office)
        look.touch(*(alarm.id for alarm in found))
    return Alarms(alarms=[out(alarm) for alarm in found])
