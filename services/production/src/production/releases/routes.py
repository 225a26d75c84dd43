"""Routes: take a grant for production figures, hand it back, fetch the copies."""

from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from common.protection.service_keys import ServiceKeys
from common.releases.bodies import GrantIn, RefusalIn
from common.releases.keys import GrantKeys
from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey, once
from production.releases import redeeming
from production.releases.bodies import ReleaseOut
from production.releases.redeeming import Holding
from production.screening import refuse_ssn

router = APIRouter(prefix="/v1", tags=["releases"], dependencies=[Depends(refuse_ssn)], route_class=Guarded)


class Releases:
    """Keys and bounds, as the application holds them."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.grants = cast("GrantKeys", state.grant_keys)
        self.service_keys = cast("ServiceKeys", state.service_keys)
        self._zone, self._seconds = state.zone, state.release_copy_seconds

    async def holding(self) -> Holding:
        """Raises: KeyServiceUnavailableError: the keys cannot be had for now."""
        return Holding(await self.service_keys.ready(), self._zone, timedelta(seconds=self._seconds))


AtReleases = Annotated[Releases, Depends()]


@router.post(
    "/releases",
    operation_id="figures.redeem",
    status_code=201,
    response_model=ReleaseOut,
    summary="Take a release grant for production figures, once",
)
async def redeem(door: AtDoor, at: AtReleases, body: GrantIn, key: IdempotencyKey = None) -> Response:
    """Makes a copy of each record with the elements that the grant names; their bytes are fetched one by one.

    Where the records are not there to go, the grant is settled as refused, with the reason.
    """
    claims = await at.grants.read(body.grant, now=door.now)
    holding = await at.holding()
    async with door.open("figures.redeem", claims.jti, *claims.transcript_ids) as look:

        async def make() -> BaseModel:
            return ReleaseOut.of(await redeeming.redeem(look, claims, holding))

        return await once(
            look.session, principal=look.principal, operation="figures.redeem", key=key, request=body, make=make
        )


@router.post(
    "/releases/refusals",
    operation_id="figures.refuse",
    status_code=201,
    response_model=ReleaseOut,
    summary="Hand a release grant back: nothing goes on it any more",
)
async def refuse(door: AtDoor, at: AtReleases, body: RefusalIn, key: IdempotencyKey = None) -> Response:
    claims = await at.grants.read(body.grant, now=door.now)
    async with door.open("figures.refuse", claims.jti, *claims.transcript_ids) as look:

        async def make() -> BaseModel:
            return ReleaseOut.of(await redeeming.refuse(look, claims, body.reason))

        return await once(
            look.session, principal=look.principal, operation="figures.refuse", key=key, request=body, make=make
        )


@router.get("/releases/{grant_id}", operation_id="figures.read", summary="What became of a release grant")
async def read_release(door: AtDoor, grant_id: UUID) -> ReleaseOut:
    async with door.open("figures.read", grant_id) as look:
        return ReleaseOut.of(await redeeming.release_of(look, grant_id))


@router.get(
    "/releases/{grant_id}/copies/{record_id}",
    operation_id="figures.copy",
    summary="The bytes of a copy",
    response_class=Response,
)
async def fetch_copy(door: AtDoor, at: AtReleases, grant_id: UUID, record_id: UUID) -> Response:
    """For whoever took the grant, as long as the copy is kept. The ETag is the hash of the bytes."""
    keys = await at.service_keys.ready()
    async with door.open("figures.copy", grant_id, record_id) as look:
        copy, content = await redeeming.bytes_of(look, grant_id, record_id, keys)
    headers = {"ETag": f'"{copy.copy_hash}"', "Cache-Control": "private, no-store"}
    return Response(content, headers=headers, media_type="application/json")
