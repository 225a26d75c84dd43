"""Routes: parse, call one use case in one unit of work, translate. The door records every look and every refusal."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel

from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey, once
from disclosure import repository
from disclosure.errors import UnknownRequestError
from disclosure.grant_source import AtGrants
from disclosure.schemas import (
    DecisionIn,
    DecisionOut,
    DecisionSummary,
    ExplanationOut,
    KeysOut,
    ReplayOut,
    RequestDetail,
    RequestIn,
    RequestOut,
    RequestPage,
)
from disclosure.use_cases import asking, deciding, looking
from disclosure.use_cases.releasing import Hand, Release

router = APIRouter(prefix="/v1", tags=["disclosure"], route_class=Guarded)
public = APIRouter(prefix="/v1", tags=["disclosure"])


Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post(
    "/requests",
    operation_id="disclosure.ask",
    status_code=201,
    response_model=RequestOut,
    summary="Ask that records be disclosed",
)
async def ask(door: AtDoor, body: RequestIn, key: IdempotencyKey = None) -> Response:
    """Enter a request. It is decided by a privacy officer who is somebody else than you."""
    async with door.open("disclosure.ask", *body.transcript_ids) as look:

        async def make() -> BaseModel:
            question = asking.new_question(**dict(body))
            row = await asking.ask(look.session, question=question, actor=look.principal, now=look.now)
            look.touch(row.id)
            return RequestOut.of(row)

        return await once(
            look.session, principal=look.principal, operation="disclosure.ask", key=key, request=body, make=make
        )


@router.get("/requests", operation_id="disclosure.list-requests", summary="Requests that are not settled yet")
async def list_open_requests(door: AtDoor, cursor: Cursor = None, limit: Limit = 50) -> RequestPage:
    async with door.open("disclosure.list-requests") as look:
        rows = await repository.open_requests(look.session, after=cursor, limit=limit)
        look.touch(*(row.id for row in rows))
        return RequestPage(
            items=[RequestOut.of(row) for row in rows], next_cursor=rows[-1].id if len(rows) == limit else None
        )


@router.get(
    "/requests/{request_id}", operation_id="disclosure.read-request", summary="A request and its decisions so far"
)
async def read_request(door: AtDoor, request_id: UUID) -> RequestDetail:
    async with door.open("disclosure.read-request", request_id) as look:
        row = await repository.request_of(look.session, request_id)
        if row is None:
            raise UnknownRequestError
        decisions = await repository.decisions_of(look.session, request_id)
        return RequestDetail(**dict(RequestOut.of(row)), decisions=[DecisionSummary.of(d) for d in decisions])


@router.post(
    "/requests/{request_id}/decision",
    operation_id="disclosure.decide",
    status_code=201,
    response_model=DecisionOut,
    summary="Decide a request, and release if allowed",
)
async def decide(
    door: AtDoor, grants: AtGrants, request_id: UUID, body: DecisionIn, key: IdempotencyKey = None
) -> Response:
    """Decide on the facts shown so far: with the request, for its earlier decisions, and now.

    With `release`, an allow decision enters the accounting of disclosures and gives a grant that works once; any other
    outcome is then refused with what is missing, and nothing is stored. Who made the request may not decide it.
    """
    # Before the unit of work: they may need connections of their own.
    hand = Hand(await grants.signer(), await grants.column_keys.ready(), grants.seconds)
    async with door.open("disclosure.decide", request_id) as look:

        async def make() -> BaseModel:
            decided = await deciding.decide(
                look.session,
                request_id=request_id,
                facts=body.facts,
                spans=body.spans(),
                release=Release(**dict(body.release)) if body.release else None,
                actor=look.principal,
                hand=hand,
                now=look.now,
            )
            look.touch(decided.id, fields=decided.commitments)
            if decided.grant:
                accounting_id = decided.grant.accounting_id
                look.touch(*([accounting_id] if accounting_id else []), decided.grant.id, *decided.grant.transcript_ids)
            return DecisionOut.of(decided)

        return await once(
            look.session,
            principal=look.principal,
            operation=f"disclosure.decide {request_id}",
            key=key,
            request=body,
            make=make,
            hold=(repository.HOLD_REQUEST, request_id),
        )


@router.get("/decisions/{decision_id}", operation_id="disclosure.explain", summary="Explain a decision, step by step")
async def explain(door: AtDoor, decision_id: UUID) -> ExplanationOut:
    async with door.open("disclosure.explain", decision_id) as look:
        return ExplanationOut.of(await looking.explain(look.session, decision_id))


@router.get(
    "/decisions/{decision_id}/replay",
    operation_id="disclosure.replay",
    summary="Decide again from the stored rules and facts",
)
async def replay(door: AtDoor, decision_id: UUID) -> ReplayOut:
    async with door.open("disclosure.replay", decision_id) as look:
        return ReplayOut.of(await looking.replay(look.session, decision_id))


@public.get("/keys", operation_id="disclosure.read-keys", summary="Public keys that release grants are checked with")
async def keys(grants: AtGrants) -> KeysOut:
    return KeysOut(keys=(await grants.signer()).public_keys())
