"""Routes: parse, call one use case in one unit of work, translate. Every look and every refusal is recorded."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.clock import Clock
from common.database import Database, WriteSession
from common.errors import MunimentError
from common.web.callers import Caller, Terminal
from common.web.idempotency import IdempotencyKey, once
from disclosure import repository, rulebook
from disclosure.errors import UnknownRequestError, UnregisteredPurposeError
from disclosure.grants import Signer
from disclosure.schemas import (
    AccountingOut,
    AccountingPage,
    DecisionIn,
    DecisionOut,
    DecisionSummary,
    ExplanationOut,
    KeysOut,
    NoticeOut,
    ReplayOut,
    RequestDetail,
    RequestIn,
    RequestOut,
    RequestPage,
)
from disclosure.use_cases import asking, deciding, looking

router = APIRouter(prefix="/v1", tags=["disclosure"])

READERS = ("privacy_officer", "auditor", "analyst")
OVERSEERS = ("privacy_officer", "auditor")
ASKERS = ("analyst", "privacy_officer", "supervisor", "case_system")

LOOK_PURPOSES = ("decision-review", "accounting-request", "oversight", "audit")
"""Why somebody looks: to review decisions, to answer a person's request for an accounting, to oversee, to audit."""

_PURPOSES = f"Why you look, which is recorded: {', '.join(LOOK_PURPOSES)}"
_SERVER_ERROR = 500
_NOT_FOUND = 404


class Desk:
    """The caller, where from, and the store: what every route that touches a record works with."""

    def __init__(
        self,
        request: Request,
        principal: Caller,
        terminal: Terminal,
        header: Annotated[str, Header(alias="Purpose-Of-Use", max_length=80, description=_PURPOSES)] = "",
        query: Annotated[str, Query(alias="purpose", max_length=80, description=_PURPOSES)] = "",
    ) -> None:
        self.principal: Principal = principal
        self.database: Database = request.app.state.database
        self.clock: Clock = request.app.state.clock
        self.grant_seconds: int = request.app.state.grant_seconds
        self.signer: Callable[[], Awaitable[Signer]] = request.app.state.signer
        self._terminal = terminal
        self._stated = header or query

    @asynccontextmanager
    async def act(
        self,
        action: str,
        *,
        roles: Sequence[str],
        purpose: str | None = None,
        records: Sequence[UUID] = (),
        fields: Sequence[str] = (),
    ) -> AsyncIterator[tuple[WriteSession, list[UUID]]]:
        """One unit of work with its audit entry; a refusal rolls it back and leaves an entry of its own.

        What has no purpose of its own is a look, and the caller states one of `LOOK_PURPOSES`. Gives the session, and a list to which the block adds the records that it touched.
        """
        touched = list(records)
        stated = self._stated if purpose is None else purpose
        known = stated in LOOK_PURPOSES or stated in rulebook.current().notice.purposes()
        try:
            self.principal.require(*roles)
            if purpose is None and stated not in LOOK_PURPOSES:
                raise UnregisteredPurposeError(LOOK_PURPOSES)
            async with self.database.unit_of_work() as session:
                yield session, touched
                await self._record(session, action, "done", purpose=stated, records=touched, fields=fields)
        except MunimentError as error:
            if error.status < _SERVER_ERROR:
                outcome: audit.Outcome = "not_found" if error.status == _NOT_FOUND else "refused"
                async with self.database.unit_of_work() as session:
                    await self._record(session, action, outcome, purpose=stated if known else "", records=records)
            raise

    async def _record(
        self,
        session: WriteSession,
        action: str,
        outcome: audit.Outcome,
        *,
        purpose: str,
        records: Sequence[UUID],
        fields: Sequence[str] = (),
    ) -> None:
        event = AuditEvent(
            principal=self.principal,
            terminal=self._terminal,
            action=action,
            outcome=outcome,
            record_ids=[str(r) for r in dict.fromkeys(records)],
            fields=fields,
            purpose=purpose,
        )
        await audit.record(session, event, now=self.clock.now())


AtDesk = Annotated[Desk, Depends(Desk)]
Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


@router.post("/requests", status_code=201, response_model=RequestOut, summary="Ask that records be disclosed")
async def ask(desk: AtDesk, body: RequestIn, key: IdempotencyKey = None) -> Response:
    """Enter a request. It is decided by a privacy officer who is somebody else than you."""
    async with desk.act("disclosure.ask", roles=ASKERS, purpose=body.purpose, records=body.transcript_ids) as (
        session,
        touched,
    ):

        async def make() -> BaseModel:
            question = asking.new_question(**dict(body))
            row = await asking.ask(session, question=question, actor=desk.principal, now=desk.clock.now())
            touched.insert(0, row.id)
            return RequestOut.of(row)

        return await once(
            session, principal=desk.principal, operation="disclosure.ask", key=key, request=body, make=make
        )


@router.get("/requests", summary="Requests that are not settled yet")
async def list_open_requests(desk: AtDesk, cursor: Cursor = None, limit: Limit = 50) -> RequestPage:
    async with desk.act("disclosure.list_requests", roles=READERS) as (session, touched):
        rows = await repository.open_requests(session, after=cursor, limit=limit)
        touched.extend(row.id for row in rows)
        return RequestPage(
            items=[RequestOut.of(row) for row in rows], next_cursor=rows[-1].id if len(rows) == limit else None
        )


@router.get("/requests/{request_id}", summary="A request and its decisions so far")
async def read_request(desk: AtDesk, request_id: UUID) -> RequestDetail:
    async with desk.act("disclosure.read_request", roles=READERS, records=[request_id]) as (
        session,
        _,
    ):
        row = await repository.request_of(session, request_id)
        if row is None:
            raise UnknownRequestError
        decisions = await repository.decisions_of(session, request_id)
        return RequestDetail(**dict(RequestOut.of(row)), decisions=[DecisionSummary.of(d) for d in decisions])


@router.post(
    "/requests/{request_id}/decision",
    status_code=201,
    response_model=DecisionOut,
    summary="Decide a request, and release if allowed",
)
async def decide(desk: AtDesk, request_id: UUID, body: DecisionIn, key: IdempotencyKey = None) -> Response:
    """Decide on the facts shown so far: with the request, for its earlier decisions, and now.

    With `release`, an allow decision enters the accounting of disclosures and gives a grant that works once; any other
    outcome is then refused with what is missing, and nothing is stored. Who made the request may not decide it.
    """
    signer = await desk.signer()  # before the unit of work: it may need a connection of its own
    async with desk.act(
        "disclosure.decide", roles=("privacy_officer",), purpose="decision-review", records=[request_id]
    ) as (session, touched):

        async def make() -> BaseModel:
            decided = await deciding.decide(
                session,
                request_id=request_id,
                facts=body.facts,
                release=deciding.Release(**dict(body.release)) if body.release else None,
                actor=desk.principal,
                signer=signer,
                grant_seconds=desk.grant_seconds,
                now=desk.clock.now(),
            )
            touched.append(decided.id)
            if decided.grant:
                touched.extend([decided.grant.accounting_id, decided.grant.id, *decided.grant.transcript_ids])
            return DecisionOut.of(decided)

        return await once(
            session,
            principal=desk.principal,
            operation=f"disclosure.decide {request_id}",
            key=key,
            request=body,
            make=make,
        )


@router.get("/decisions/{decision_id}", summary="Explain a decision, step by step")
async def explain(desk: AtDesk, decision_id: UUID) -> ExplanationOut:
    async with desk.act("disclosure.explain", roles=READERS, records=[decision_id]) as (
        session,
        _,
    ):
        return ExplanationOut.of(await looking.explain(session, decision_id))


@router.get("/decisions/{decision_id}/replay", summary="Decide again from the stored rules and facts")
async def replay(desk: AtDesk, decision_id: UUID) -> ReplayOut:
    async with desk.act("disclosure.replay", roles=OVERSEERS, records=[decision_id]) as (
        session,
        _,
    ):
        return ReplayOut.of(await looking.replay(session, decision_id))


@router.get("/accountings", summary="What was disclosed of a transcript, when, why and to whom")
async def list_accountings(
    desk: AtDesk, transcript_id: UUID, cursor: Cursor = None, limit: Limit = 50
) -> AccountingPage:
    async with desk.act(
        "disclosure.read_accounting",
        roles=OVERSEERS,
        records=[transcript_id],
        fields=["recipient_name", "recipient_address"],
    ) as (session, touched):
        rows = await repository.accountings_of(session, transcript_id, after=cursor, limit=limit)
        touched.extend(row.id for row in rows)
        return AccountingPage(
            transcript_id=transcript_id,
            items=[AccountingOut.of(row) for row in rows],
            next_cursor=rows[-1].id if len(rows) == limit else None,
        )


@router.get("/routine-uses", summary="The notice: what may leave, to whom, and what has to be shown")
async def routine_uses(
    request: Request,
    _: Caller,
    version: Annotated[str, Query(max_length=80, description="An earlier version; empty: the one in force")] = "",
) -> NoticeOut:
    rules = rulebook.current()
    if version and version != rules.version:
        database: Database = request.app.state.database
        async with database.reading() as session:
            rules = await looking.rules_of(session, version)
    return NoticeOut(rule_version=rules.version, notice=rules.notice)


@router.get("/keys", summary="Public keys that release grants are checked with")
async def keys(request: Request) -> KeysOut:
    signer: Signer = await request.app.state.signer()
    return KeysOut(keys=signer.public_keys())
