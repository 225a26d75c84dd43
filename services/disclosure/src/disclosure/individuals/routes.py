"""Officials' work on requests of individuals: take in, prove, acknowledge, ask back, decide, review, give access."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response

from common.pii.third_persons import Entry
from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey
from disclosure.individuals import bodies, intake, looking, redacting, reviewing, store, working
from disclosure.individuals.answers import DisputesOut, RedactionsOut, RequestDetailOut, StateOut, StatePage
from disclosure.individuals.at_desk import AtIndividuals
from disclosure.individuals.desk import Desk
from disclosure.individuals.redaction_bodies import SearchIn, SettlementIn
from disclosure.individuals.tables import IndividualRequest

router = APIRouter(prefix="/v1", tags=["individuals' requests"], route_class=Guarded)
Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]
IN_STATE: dict[str, Any] = {"status_code": 201, "response_model": StateOut}
_ONE = "/individual-requests/{request_id}"


@router.post(
    "/individual-requests",
    operation_id="individual.take-in",
    summary="Enter a request that came on paper or in person",
    **IN_STATE,
)
async def take_in(
    door: AtDoor, at: AtIndividuals, body: bodies.TakenInRequestIn, key: IdempotencyKey = None
) -> Response:
    """The identity gate judges it at once. What is missing is named, and written to the person."""

    async def act(desk: Desk) -> IndividualRequest:
        return await intake.take_in(desk, body.intake())

    return await at.act(door, "individual.take-in", act, key=key, body=body)


@router.get(
    "/individual-requests", operation_id="individual.list", summary="Requests, by state, or those that are late"
)
async def list_requests(  # noqa: PLR0917 - query parameters
    door: AtDoor,
    at: AtIndividuals,
    state: Annotated[str, Query(max_length=40)] = "",
    overdue: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> StatePage:
    keys = await at.keys()
    async with door.open("individual.list") as look:
        desk = at.desk(look, keys)
        late = desk.today if overdue else None
        rows = await store.requests_in(desk.session, state=state, overdue_on=late, after=cursor, limit=limit)
        look.touch(*(row.id for row in rows))
        found = await looking.standings(desk, rows)
        return StatePage(
            items=[StateOut.of(one, today=desk.today) for one in found],
            next_cursor=rows[-1].id if len(rows) == limit else None,
        )


@router.get(_ONE, operation_id="individual.read", summary="A request with its proof, steps, clocks and letters")
async def read(door: AtDoor, at: AtIndividuals, request_id: UUID) -> RequestDetailOut:
    keys = await at.keys()
    async with door.open("individual.read", request_id, fields=["person", "matter", "letters"]) as look:
        desk = at.desk(look, keys)
        return RequestDetailOut.of_official(await looking.dossier(desk, request_id), today=desk.today)


@router.post(
    _ONE + "/identity", operation_id="individual.prove-identity", summary="Enter further proof of who asks", **IN_STATE
)
async def prove_identity(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.IdentityIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return (await intake.prove(desk, request_id, body.channel or "", body.evidence()))[0]

    return await at.act(door, "individual.prove-identity", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/acknowledgement",
    operation_id="individual.acknowledge",
    summary="Acknowledge receipt in writing",
    **IN_STATE,
)
async def acknowledge(door: AtDoor, at: AtIndividuals, request_id: UUID, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await working.acknowledge(desk, request_id)

    return await at.act(door, "individual.acknowledge", act, key=key, body=bodies.NothingIn(), request_id=request_id)


@router.post(
    _ONE + "/question", operation_id="individual.ask-back", summary="Ask the person what is not clear", **IN_STATE
)
async def ask_back(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.QuestionIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await working.ask_back(desk, request_id, body.question)

    return await at.act(door, "individual.ask-back", act, key=key, body=body, request_id=request_id)


@router.post(_ONE + "/answer", operation_id="individual.clarify", summary="Enter the person's answer", **IN_STATE)
async def clarify(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.ClarificationIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await working.clarify(desk, request_id, body.description, body.records)

    return await at.act(door, "individual.clarify", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/rerouting", operation_id="individual.reroute", summary="Send it to the office it belongs to", **IN_STATE
)
async def reroute(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.ReroutingIn, key: IdempotencyKey = None
) -> Response:
    """The day of receipt goes along: a wrong door costs the person no time."""

    async def act(desk: Desk) -> IndividualRequest:
        return await working.reroute(desk, request_id, body.aim)

    return await at.act(door, "individual.reroute", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/delay", operation_id="individual.tell-delay", summary="Tell the person that it takes longer", **IN_STATE
)
async def tell_delay(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.DelayIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await working.tell_delay(desk, request_id, body.until)

    return await at.act(door, "individual.tell-delay", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/decision",
    operation_id="individual.decide",
    summary="Grant, or refuse with all that a refusal says",
    **IN_STATE,
)
async def decide(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.DecisionOnRequestIn, key: IdempotencyKey = None
) -> Response:
    """A refusal says its ground and reason, how to get a review, and who reviews, with business address. No exemption
    under 5 U.S.C. 552a(j) or (k) is claimed, so none is a ground.
    """

    async def act(desk: Desk) -> IndividualRequest:
        return await working.decide(desk, request_id, body.ruling())

    return await at.act(door, "individual.decide", act, key=key, body=body, request_id=request_id)


@router.post(_ONE + "/redactions", operation_id="individual.search-others", status_code=201,
             summary="Look for other people's data in the record")  # fmt: skip
async def search_others(door: AtDoor, at: AtIndividuals, request_id: UUID, body: SearchIn) -> RedactionsOut:
    """Entries in, places out. The texts are looked through and not kept; searching again adds what is new."""
    requester, others = body.people()
    keys = await at.keys()
    async with door.open("individual.search-others", request_id, body.transcript_id) as look:
        entries = [Entry(entry.seq, entry.text) for entry in body.entries]
        desk = at.desk(look, keys)
        return RedactionsOut.of(
            await redacting.propose(
                desk, request_id, body.transcript_id, entries=entries, requester=requester, others=others
            )
        )


@router.put(
    _ONE + "/redactions", operation_id="individual.settle-redactions", summary="Decide what stays and what goes"
)
async def settle(door: AtDoor, at: AtIndividuals, request_id: UUID, body: SettlementIn) -> RedactionsOut:
    keys = await at.keys()
    async with door.open("individual.settle-redactions", request_id) as look:
        decisions = [(one.id, one.decision, one.reason) for one in body.decisions]
        return RedactionsOut.of(await redacting.settle(at.desk(look, keys), request_id, decisions))


@router.post(
    _ONE + "/delivery",
    operation_id="individual.deliver",
    summary="Record that the person saw it or has the copy",
    **IN_STATE,
)
async def deliver(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.DeliveryIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await working.deliver(desk, request_id, body.delivery())

    return await at.act(door, "individual.deliver", act, key=key, body=body, request_id=request_id)


@router.post(_ONE + "/review", operation_id="individual.enter-review", summary="Enter a request for review", **IN_STATE)
async def enter_review(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.ReviewIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.ask_review(desk, request_id, body.received_on, paper=body.paper)

    return await at.act(door, "individual.enter-review", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/review/extension",
    operation_id="individual.extend-review",
    summary="Enter the head's order to extend",
    **IN_STATE,
)
async def extend_review(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.ExtensionIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.extend_review(
            desk, request_id, until=body.until, cause=body.good_cause, order=body.order
        )

    return await at.act(door, "individual.extend-review", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/review/decision", operation_id="individual.decide-review", summary="The final determination", **IN_STATE
)
async def decide_review(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.RulingIn, key: IdempotencyKey = None
) -> Response:
    """By somebody other than who refused. A final refusal tells of the statement of disagreement and of judicial review."""

    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.decide_review(desk, request_id, body.ruling())

    return await at.act(door, "individual.decide-review", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/statement",
    operation_id="individual.enter-statement",
    summary="Enter a statement of disagreement",
    **IN_STATE,
)
async def enter_statement(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.EnteredStatementIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.disagree(
            desk, request_id, portion=body.portion, statement=body.statement, paper=body.paper
        )

    return await at.act(door, "individual.enter-statement", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/statement/answer",
    operation_id="individual.answer-statement",
    summary="The agency's concise reasons",
    **IN_STATE,
)
async def answer_statement(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.ReasonsIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.answer_statement(desk, request_id, body.reasons)

    return await at.act(door, "individual.answer-statement", act, key=key, body=body, request_id=request_id)


@router.post(
    _ONE + "/withdrawal",
    operation_id="individual.enter-withdrawal",
    summary="Enter that the person withdraws",
    **IN_STATE,
)
async def enter_withdrawal(
    door: AtDoor, at: AtIndividuals, request_id: UUID, body: bodies.WithdrawalIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> IndividualRequest:
        return await reviewing.withdraw(desk, request_id, paper=body.paper)

    return await at.act(door, "individual.enter-withdrawal", act, key=key, body=body, request_id=request_id)


@router.get(
    "/disputes", operation_id="individual.read-disputes", summary="What is disputed of a record, with the statements"
)
async def disputes(door: AtDoor, at: AtIndividuals, record_id: UUID) -> DisputesOut:
    """Whoever discloses the record notes the disputed part and sends the statement along (5 U.S.C. 552a(d)(4))."""
    keys = await at.keys()
    async with door.open("individual.read-disputes", record_id, fields=["portion", "statement", "answer"]) as look:
        return DisputesOut.of(await looking.disputes(at.desk(look, keys), [record_id]))
