"""The HTTP side of looks into other files."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response

from chat_gateway.lookups.looking import LookUps, Wish
from chat_gateway.lookups.schemas import CalledFor, LookUp, LookUpOut, SystemOut
from common.web.door import AtDoor, Guarded

lookup_router = APIRouter(prefix="/v1", tags=["look-ups"], route_class=Guarded)


def lookups_of(request: Request) -> LookUps:
    return cast("LookUps", request.app.state.lookups)


AtLookUps = Annotated[LookUps, Depends(lookups_of)]


@lookup_router.get(
    "/sessions/{session_id}/lookups",
    operation_id="lookup.list",
    summary="Which of the agency's other files a session of one's own calls for",
)
async def called_for(session_id: UUID, door: AtDoor, lookups: AtLookUps) -> CalledFor:
    async with door.open("lookup.list", session_id, fields=["topic"]) as look:
        topic = await lookups.topic_of(look, session_id)
    register = lookups.register
    systems = [(code, register.systems[code]) for code in sorted(register.called_for(topic))]
    return CalledFor(
        systems=[SystemOut(system=code, means=one.means, fields=sorted(one.fields)) for code, one in systems],
        reasons=dict(register.reasons),
    )


@lookup_router.post(
    "/sessions/{session_id}/lookups",
    operation_id="lookup.make",
    summary="Look into another file of the agency, for the person one serves",
)
async def look_up(session_id: UUID, body: LookUp, response: Response, door: AtDoor, lookups: AtLookUps) -> LookUpOut:
    """Only while the session is open, in its employee's hands, and its topic calls for that file (S1-038, S1-039)."""
    response.headers["Cache-Control"] = "no-store"
    async with door.open("lookup.make", session_id) as look:
        wish = Wish(body.system, body.file_id, frozenset(body.fields), body.reason)
        found = await lookups.look(look, session_id, wish)
        look.touch(found.look_up_id, fields=sorted(wish.fields))
    return LookUpOut(look_up_id=found.look_up_id, system=wish.system, fields=dict(found.fields))
