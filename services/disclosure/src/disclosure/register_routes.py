"""Routes of what decisions rest on: signed findings, agreements, consents."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey, once
from disclosure import papers
from disclosure.grant_source import AtGrants
from disclosure.register_schemas import (
    AgreementIn,
    AgreementOut,
    AgreementPage,
    ConsentIn,
    FindingIn,
    FindingOut,
    MarkIn,
    MarkOut,
    PaperOut,
)
from disclosure.use_cases import finding, registering

router = APIRouter(prefix="/v1", tags=["disclosure"], route_class=Guarded)


@router.post(
    "/requests/{request_id}/findings",
    operation_id="disclosure.find",
    status_code=201,
    response_model=FindingOut,
    summary="Sign a finding for a request",
)
async def find(
    door: AtDoor, grants: AtGrants, request_id: UUID, body: FindingIn, key: IdempotencyKey = None
) -> Response:
    """Say, as the official who found it, whether something is so: for this request and no other.

    The answer carries a signature that the keys of `GET /v1/keys` check. Found anew, the latest counts.
    """
    signer = await grants.signer()
    async with door.open("disclosure.find", request_id) as look:

        async def make() -> BaseModel:
            row = await finding.sign(
                look.session, request_id=request_id, **dict(body), actor=look.principal, signer=signer, now=look.now
            )
            look.touch(row.id)
            return FindingOut.of(row)

        operation = f"disclosure.find {request_id}"
        return await once(look.session, principal=look.principal, operation=operation, key=key, request=body, make=make)


@router.post(
    "/agreements",
    operation_id="disclosure.enter-agreement",
    status_code=201,
    response_model=PaperOut,
    summary="Enter an agreement in the register",
)
async def enter_agreement(door: AtDoor, body: AgreementIn, key: IdempotencyKey = None) -> Response:
    """Without an agreement that is approved, running and wide enough nothing goes under routine use 4."""
    return await _enter(door, "disclosure.enter-agreement", "agreement", body, key)


@router.post(
    "/consents",
    operation_id="disclosure.enter-consent",
    status_code=201,
    response_model=PaperOut,
    summary="Enter a written consent in the register",
)
async def enter_consent(door: AtDoor, body: ConsentIn, key: IdempotencyKey = None) -> Response:
    """A consent says to whom, which elements, and in which time (20 CFR 401.100); it never covers the whole record."""
    return await _enter(door, "disclosure.enter-consent", "consent", body, key)


async def _enter(door: AtDoor, operation: str, kind: str, body: AgreementIn | ConsentIn, key: str | None) -> Response:
    async with door.open(operation) as look:

        async def make() -> BaseModel:
            row = await registering.enter(
                look.session,
                kind=kind,
                reference=body.reference,
                terms=body.terms(),
                elements=body.elements,
                actor=look.principal,
                now=look.now,
            )
            look.touch(row.id)
            return PaperOut(id=row.id, reference=row.reference)

        return await once(look.session, principal=look.principal, operation=operation, key=key, request=body, make=make)


@router.get("/agreements", operation_id="disclosure.list-agreements", summary="The register of agreements")
async def list_agreements(
    door: AtDoor,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> AgreementPage:
    async with door.open("disclosure.list-agreements") as look:
        rows = await papers.entries(look.session, "agreement", after=cursor, limit=limit)
        marks = await papers.marks_of(look.session, [row.id for row in rows])
        return AgreementPage(
            items=[AgreementOut.of(row, [m for m in marks if m.paper_id == row.id]) for row in rows],
            next_cursor=rows[-1].id if len(rows) == limit else None,
        )


@router.post(
    "/agreements/{paper_id}/approval",
    operation_id="disclosure.approve-agreement",
    status_code=201,
    summary="Approve an agreement that somebody else entered",
)
async def approve(door: AtDoor, paper_id: UUID, body: MarkIn) -> MarkOut:
    return await _mark(door, "disclosure.approve-agreement", "agreement", paper_id, papers.APPROVED, body)


@router.post(
    "/agreements/{paper_id}/end",
    operation_id="disclosure.end-agreement",
    status_code=201,
    summary="End an agreement before its last day",
)
async def end_agreement(door: AtDoor, paper_id: UUID, body: MarkIn) -> MarkOut:
    return await _mark(door, "disclosure.end-agreement", "agreement", paper_id, papers.ENDED, body)


@router.post(
    "/consents/{paper_id}/end",
    operation_id="disclosure.end-consent",
    status_code=201,
    summary="Enter that the person took a consent back",
)
async def end_consent(door: AtDoor, paper_id: UUID, body: MarkIn) -> MarkOut:
    return await _mark(door, "disclosure.end-consent", "consent", paper_id, papers.ENDED, body)


async def _mark(  # noqa: PLR0917 - what, of which kind, of which entry, and how it is said
    door: AtDoor, operation: str, kind: str, paper_id: UUID, said: str, body: MarkIn
) -> MarkOut:
    async with door.open(operation, paper_id) as look:
        row = await registering.mark(
            look.session, kind=kind, paper_id=paper_id, said=said, **dict(body), actor=look.principal, now=look.now
        )
        return MarkOut(paper_id=row.paper_id, mark=row.mark, on_day=row.on_day, record=row.record)
