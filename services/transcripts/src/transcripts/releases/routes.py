"""Routes: review what may go, take a grant, fetch the copies."""

from datetime import timedelta
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel

from common.pii.taxonomy import Taxonomy
from common.protection.keyring import Keyring
from common.releases.bodies import GrantIn, RefusalIn
from common.releases.keys import GrantKeys
from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey, once
from transcripts.releases import redeeming, reviewing
from transcripts.releases.bodies import (
    LayerIn,
    LayerOut,
    LayerStanding,
    NothingIn,
    ReleaseOut,
    SettlementIn,
)
from transcripts.releases.reviewing import CUSTOMER

router = APIRouter(prefix="/v1", tags=["releases"], route_class=Guarded)
_LAYER = "/transcripts/{transcript_id}/layers/{name}"


class Releases:
    """Keys and bounds, as the application holds them."""

    def __init__(self, request: Request) -> None:
        state = request.app.state
        self.keyring = cast("Keyring", state.keyring)
        self.grants = cast("GrantKeys", state.grant_keys)
        self.taxonomy = cast("Taxonomy", state.taxonomy)
        self.kept = timedelta(seconds=state.release_copy_seconds)


AtReleases = Annotated[Releases, Depends()]


@router.post(
    "/transcripts/{transcript_id}/layers",
    operation_id="redaction.open",
    status_code=201,
    response_model=LayerStanding,
    summary="Search a transcript for what may have to stay behind",
)
async def open_layer(
    door: AtDoor, at: AtReleases, transcript_id: UUID, body: LayerIn, key: IdempotencyKey = None
) -> Response:
    """Findings are places with their kind. What was given of people is looked for and not kept."""
    async with door.open("redaction.open", transcript_id) as look:

        async def make() -> BaseModel:
            found = await reviewing.open_layer(
                look,
                transcript_id,
                name=body.name,
                audience=body.audience,
                others=body.people(),
                customer=body.customer.person(CUSTOMER) if body.customer else None,
                taxonomy=at.taxonomy,
                keyring=at.keyring,
            )
            return LayerStanding.of(found)

        what = f"redaction.open {transcript_id}"
        return await once(look.session, principal=look.principal, operation=what, key=key, request=body, make=make)


@router.get(_LAYER, operation_id="redaction.read", summary="A layer, and the copy as it would be now")
async def read_layer(door: AtDoor, at: AtReleases, transcript_id: UUID, name: str) -> LayerOut:
    async with door.open("redaction.read", transcript_id) as look:
        return LayerOut.of(await reviewing.shown(look, transcript_id, name, at.keyring))


@router.post(
    _LAYER + "/decisions",
    operation_id="redaction.settle",
    status_code=201,
    response_model=LayerStanding,
    summary="Decide findings, add places, say what messages are about",
)
async def settle(
    *, door: AtDoor, at: AtReleases, transcript_id: UUID, name: str, body: SettlementIn, key: IdempotencyKey = None
) -> Response:
    async with door.open("redaction.settle", transcript_id) as look:

        async def make() -> BaseModel:
            found = await reviewing.settle(
                look,
                transcript_id,
                name,
                settled=[one.settled() for one in body.decisions],
                labels={one.seq: one.element for one in body.labels},
                keyring=at.keyring,
            )
            return LayerStanding.of(found)

        what = f"redaction.settle {transcript_id} {name}"
        return await once(look.session, principal=look.principal, operation=what, key=key, request=body, make=make)


@router.post(
    _LAYER + "/review",
    operation_id="redaction.review",
    status_code=201,
    response_model=LayerStanding,
    summary="Confirm that every line was read and every finding decided",
)
async def review(door: AtDoor, at: AtReleases, transcript_id: UUID, name: str, key: IdempotencyKey = None) -> Response:
    async with door.open("redaction.review", transcript_id) as look:

        async def make() -> BaseModel:
            return LayerStanding.of(await reviewing.close(look, transcript_id, name, keyring=at.keyring))

        what = f"redaction.review {transcript_id} {name}"
        return await once(
            look.session, principal=look.principal, operation=what, key=key, request=NothingIn(), make=make
        )


@router.post(
    "/releases",
    operation_id="release.redeem",
    status_code=201,
    response_model=ReleaseOut,
    summary="Take a release grant, once",
)
async def redeem(door: AtDoor, at: AtReleases, body: GrantIn, key: IdempotencyKey = None) -> Response:
    """Makes a fresh, flat copy of each record, without what has to stay behind; their bytes are fetched one by one.

    Where the records are not there to go, the grant is settled as refused, with the reason.
    """
    claims = await at.grants.read(body.grant, now=door.now)
    async with door.open("release.redeem", claims.jti, *claims.transcript_ids) as look:

        async def make() -> BaseModel:
            return ReleaseOut.of(await redeeming.redeem(look, claims, keyring=at.keyring, kept=at.kept))

        return await once(
            look.session, principal=look.principal, operation="release.redeem", key=key, request=body, make=make
        )


@router.post(
    "/releases/refusals",
    operation_id="release.refuse",
    status_code=201,
    response_model=ReleaseOut,
    summary="Hand a release grant back: nothing goes on it any more",
)
async def refuse(door: AtDoor, at: AtReleases, body: RefusalIn, key: IdempotencyKey = None) -> Response:
    claims = await at.grants.read(body.grant, now=door.now)
    async with door.open("release.refuse", claims.jti, *claims.transcript_ids) as look:

        async def make() -> BaseModel:
            return ReleaseOut.of(await redeeming.refuse(look, claims, body.reason))

        return await once(
            look.session, principal=look.principal, operation="release.refuse", key=key, request=body, make=make
        )


@router.get("/releases/{grant_id}", operation_id="release.read", summary="What became of a release grant")
async def read_release(door: AtDoor, grant_id: UUID) -> ReleaseOut:
    async with door.open("release.read", grant_id) as look:
        return ReleaseOut.of(await redeeming.release_of(look, grant_id))


@router.get(
    "/releases/{grant_id}/copies/{transcript_id}",
    operation_id="release.copy",
    summary="The bytes of a copy",
    response_class=Response,
)
async def fetch_copy(door: AtDoor, at: AtReleases, grant_id: UUID, transcript_id: UUID) -> Response:
    """For whoever took the grant, as long as the copy is kept. The ETag is the hash of the bytes."""
    async with door.open("release.copy", grant_id, transcript_id) as look:
        copy, content = await redeeming.bytes_of(look, grant_id, transcript_id, keyring=at.keyring)
    headers = {"ETag": f'"{copy.copy_hash}"', "Cache-Control": "private, no-store"}
    return Response(content, headers=headers, media_type="application/json")
