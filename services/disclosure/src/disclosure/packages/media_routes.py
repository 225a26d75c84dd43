"""Routes of portable media."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from common.access import Look
from common.web.door import Guarded
from common.web.idempotency import IdempotencyKey
from disclosure.matter_desk import AtMatters, Cursor, Limit
from disclosure.matters import Desk
from disclosure.packages import bodies, media, store
from disclosure.packages.answers import MediaPage, MediumOut, NecessityOut
from disclosure.packages.law_files import marking

router = APIRouter(prefix="/v1", tags=["portable media"], route_class=Guarded)
MEDIUM: dict[str, Any] = {"status_code": 201, "response_model": MediumOut}


@router.post(
    "/media-necessities",
    operation_id="medium.find-necessary",
    summary="Find that data of one file have to be on a portable medium",
    status_code=201,
    response_model=NecessityOut,
)
async def find_necessary(at: AtMatters, body: bodies.NecessityIn, key: IdempotencyKey = None) -> Response:
    """One approval is for one medium, which somebody else makes."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        row = await media.find_necessary(desk, record_id=body.record_id, reason=body.reason, reference=body.reference)
        look.touch(row.id, row.record_id)
        return NecessityOut.of(row)

    return await at.act("medium.find-necessary", act, key=key, body=body)


@router.post("/media", operation_id="medium.register", summary="Register a medium, made here or received", **MEDIUM)
async def register(at: AtMatters, body: bodies.MediumIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        row = await media.register(desk, body.registration())
        look.touch(row.id, row.record_id)
        return MediumOut.of(row)

    return await at.act("medium.register", act, key=key, body=body)


@router.get("/media", operation_id="medium.list", summary="Media, by state, and the warning that they bear")
async def list_media(
    at: AtMatters,
    state: Annotated[str, Query(max_length=40)] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> MediaPage:
    async with at.door.open("medium.list") as look:
        rows = await store.media_in(look.session, state=state, after=cursor, limit=limit)
        look.touch(*(row.id for row in rows))
        return MediaPage(
            items=[MediumOut.of(row) for row in rows],
            next_cursor=rows[-1].id if len(rows) == limit else None,
            warning=marking().text,
        )


@router.post("/media/{medium_id}/moves", operation_id="medium.move", summary="Enter what becomes of a medium", **MEDIUM)
async def move(at: AtMatters, medium_id: UUID, body: bodies.MoveIn, key: IdempotencyKey = None) -> Response:
    """Taken out, locked away again, lost (an incident is due), or shredded or burned."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        place = body.place or bodies.LockedPlaceIn(kind="none", mark="")
        row = await media.move(desk, medium_id, body.act, place_kind=place.kind, place_mark=place.mark, how=body.how)
        look.touch(row.id)
        return MediumOut.of(row)

    return await at.act("medium.move", act, key=key, body=body, matter_id=medium_id)
