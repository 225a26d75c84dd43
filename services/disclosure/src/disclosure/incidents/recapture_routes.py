"""Routes of recaptures: what is out is asked back, and what came of it is entered."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from common.access import Look
from common.web.door import Guarded
from common.web.idempotency import IdempotencyKey
from disclosure.incidents import bodies, recapturing, store
from disclosure.incidents.answers import RecaptureOut, RecapturePage
from disclosure.incidents.routes import bounds
from disclosure.incidents.tables import Recapture
from disclosure.matter_desk import AtMatters, Cursor, Limit
from disclosure.matters import Desk
from disclosure.packages.bodies import In

router = APIRouter(prefix="/v1", tags=["recaptures"], route_class=Guarded)
STANDS: dict[str, Any] = {"status_code": 201, "response_model": RecaptureOut}
_ONE = "/recaptures/{recapture_id}"


@router.post(
    "/incidents/{incident_id}/recaptures", operation_id="incident.ask-return", summary="Ask for it back", **STANDS
)
async def ask_return(at: AtMatters, incident_id: UUID, body: bodies.AskingIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return _told(look, await recapturing.ask_return(desk, incident_id, body.asking()))

    return await at.act("incident.ask-return", act, key=key, body=body, matter_id=incident_id)


@router.get("/recaptures", operation_id="recapture.list", summary="The tracking list: every recapture, open or closed")
async def list_recaptures(
    at: AtMatters,
    office: Annotated[str, Query(max_length=40)] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> RecapturePage:
    keys = await at.keys()
    async with at.door.open("recapture.list") as look:
        desk = at.desk(look, keys)
        rows = await store.recaptures_in(
            desk.session, **bounds(look, desk), asked_for=office, after=cursor, limit=limit
        )
        look.touch(*(row.id for row in rows))
        return RecapturePage(
            items=[RecaptureOut.of(row) for row in rows], next_cursor=rows[-1].id if len(rows) == limit else None
        )


@router.post(_ONE + "/acts", operation_id="recapture.act", summary="Enter what came of a recapture", **STANDS)
async def act_on(
    at: AtMatters, recapture_id: UUID, body: bodies.RecaptureActIn, key: IdempotencyKey = None
) -> Response:
    """It came back, filed again or destroyed; or the holder does not answer, or refuses and goes to the National Office."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        back = [(one.id, one.outcome) for one in body.documents]
        return _told(look, await recapturing.act(desk, recapture_id, body.act, back))

    return await at.act("recapture.act", act, key=key, body=body, matter_id=recapture_id)


@router.post(
    _ONE + "/sign-off", operation_id="recapture.sign-off", summary="The regional director signs an escalation", **STANDS
)
async def sign_off(at: AtMatters, recapture_id: UUID, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return _told(look, await recapturing.sign_off(desk, recapture_id))

    return await at.act("recapture.sign-off", act, key=key, body=In(), matter_id=recapture_id)


@router.post(_ONE + "/advice", operation_id="recapture.advise", summary="Enter the National Office's advice", **STANDS)
async def advise(at: AtMatters, recapture_id: UUID, body: bodies.AdviceIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return _told(look, await recapturing.advise(desk, recapture_id, body.advice))

    return await at.act("recapture.advise", act, key=key, body=body, matter_id=recapture_id)


def _told(look: Look, row: Recapture) -> RecaptureOut:
    look.touch(row.id, row.incident_id)
    return RecaptureOut.of(row)
