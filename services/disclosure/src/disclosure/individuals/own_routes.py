"""A person's own requests: file one, see how it stands, answer, ask for a review, disagree, withdraw (5 U.S.C. 552a(d))."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from common.auth import EMPLOYEES, Principal
from common.contracts.disclosure import FactValue
from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey
from disclosure.individuals import intake, looking, reviewing, store, working
from disclosure.individuals.answers import IdentityTableOut, OwnRequestOut, StateOut, StatePage
from disclosure.individuals.at_desk import AtIndividuals
from disclosure.individuals.bodies import ClarificationIn, NothingIn, OwnRequestIn, StatementIn
from disclosure.individuals.desk import Desk
from disclosure.individuals.tables import IndividualRequest

router = APIRouter(prefix="/v1", tags=["my own requests"], route_class=Guarded)
Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post(
    "/me/individual-requests",
    operation_id="individual.file-own",
    status_code=201,
    response_model=StateOut,
    summary="Ask whether there is a record of you, to see it, or to have it corrected",
)
async def file_own(door: AtDoor, at: AtIndividuals, body: OwnRequestIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        subject = "customer" if EMPLOYEES.isdisjoint(door.principal.roles) else "employee"
        return await intake.take_in(desk, body.intake(subject=subject, today=desk.today, token=_token(door.principal)))

    return await at.act(door, "individual.file-own", act, key=key, body=body, own=True)


@router.get("/me/individual-requests", operation_id="individual.list-own", summary="Your requests and how they stand")
async def list_own(door: AtDoor, at: AtIndividuals, cursor: Cursor = None, limit: Limit = 50) -> StatePage:
    keys = await at.keys()
    async with door.open("individual.list-own") as look:
        desk = at.desk(look, keys, own=True)
        rows = await store.own_requests(desk.session, desk.accounts, after=cursor, limit=limit)
        look.touch(*(row.id for row in rows))
        found = await looking.standings(desk, rows)
        return StatePage(
            items=[StateOut.of(one, today=desk.today, own=True) for one in found],
            next_cursor=rows[-1].id if len(rows) == limit else None,
        )


@router.get(
    "/me/individual-requests/{request_id}",
    operation_id="individual.read-own",
    summary="One of your requests, with what was written to you",
)
async def read_own(door: AtDoor, at: AtIndividuals, request_id: UUID) -> OwnRequestOut:
    """Unknown, and somebody else's: the same answer."""
    keys = await at.keys()
    async with door.open("individual.read-own", request_id, fields=["letters"]) as look:
        desk = at.desk(look, keys, own=True)
        return OwnRequestOut.of_person(await looking.dossier(desk, request_id), today=desk.today)


@router.post(
    "/me/individual-requests/{request_id}/answer",
    operation_id="individual.clarify-own",
    status_code=201,
    response_model=StateOut,
    summary="Answer a question that was asked back",
)
async def clarify_own(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: ClarificationIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await working.clarify(desk, request_id, body.description, body.records)

    return await at.act(door, "individual.clarify-own", act, key=key, body=body, request_id=request_id, own=True)


@router.post(
    "/me/individual-requests/{request_id}/review",
    operation_id="individual.ask-review-own",
    status_code=201,
    response_model=StateOut,
    summary="Ask for a review of a refusal",
)
async def ask_review_own(door: AtDoor, at: AtIndividuals, request_id: UUID, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.ask_review(desk, request_id, desk.today)

    return await at.act(
        door, "individual.ask-review-own", act, key=key, body=NothingIn(), request_id=request_id, own=True
    )


@router.post(
    "/me/individual-requests/{request_id}/statement",
    operation_id="individual.disagree-own",
    status_code=201,
    response_model=StateOut,
    summary="File a statement of disagreement",
)
async def disagree_own(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: StatementIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.disagree(desk, request_id, portion=body.portion, statement=body.statement)

    return await at.act(door, "individual.disagree-own", act, key=key, body=body, request_id=request_id, own=True)


@router.post(
    "/me/individual-requests/{request_id}/withdrawal",
    operation_id="individual.withdraw-own",
    status_code=201,
    response_model=StateOut,
    summary="Withdraw a request",
)
async def withdraw_own(door: AtDoor, at: AtIndividuals, request_id: UUID, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.withdraw(desk, request_id)

    return await at.act(
        door, "individual.withdraw-own", act, key=key, body=NothingIn(), request_id=request_id, own=True
    )


@router.get(
    "/identity-table",
    operation_id="individual.read-identity-table",
    summary="What has to be proved on which way, and the words of the certification",
)
async def identity_table(door: AtDoor) -> IdentityTableOut:
    async with door.open("individual.read-identity-table"):
        return IdentityTableOut.now()


def _token(principal: Principal) -> dict[str, FactValue]:
    """What the token proves; the service's own facts of the table of identity."""
    facts: dict[str, FactValue] = {}
    for fact, claim in (("token.level", "ial"), ("token.authenticator", "aal")):
        value = principal.claims.get(claim)
        if isinstance(value, int) and not isinstance(value, bool):
            facts[fact] = value
    # An employee who got through the door used card and PIN: nobody else does (S1-095, S1-096).
    facts["token.card"] = not EMPLOYEES.isdisjoint(principal.roles)
    return facts
