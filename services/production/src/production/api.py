"""Routes: parse, one use case, translate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import date, datetime, tzinfo
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from common.audit import refusals_recorded
from common.clock import Clock
from common.database import Database, WriteSession
from common.errors import FieldError, ForbiddenError, InvalidError
from common.pii.ssn import fields_with_ssn, holds_ssn
from common.web import callers
from common.web.idempotency import IdempotencyKey, once
from production import use_cases
from production.metrics import minutes, totals
from production.model import Figure, Purpose
from production.policy import KNOWN_FIELDS, SSN_RULE
from production.schemas import (
    ActionRecorded,
    ActionReport,
    AssignmentBody,
    Assignments,
    AssignmentsBody,
    ChatBody,
    DailyReport,
    FigureBody,
    TeamMember,
    TeamReport,
    TotalsBody,
)
from production.tables import EmployeeRow
from production.use_cases import Caller, DailyWork


class Door:
    """One caller at this service's door: who, from where, and what is needed to let them in."""

    def __init__(self, request: Request, principal: callers.Caller, terminal: callers.Terminal) -> None:
        self._database: Database = request.app.state.database
        self._clock: Clock = request.app.state.clock
        self.zone: tzinfo = request.app.state.zone
        self.caller = Caller(principal, terminal)

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @asynccontextmanager
    async def open(self, action: str, *, purpose: str = "") -> AsyncIterator[WriteSession]:
        """A unit of work for this look or act; a refusal of it is recorded."""
        event = self.caller.event(action, purpose=purpose)
        async with refusals_recorded(self._database, event, clock=self._clock) as session:
            yield session


AtDoor = Annotated[Door, Depends(Door)]


async def refuse_ssn(request: Request, door: AtDoor) -> None:
    """Look at everything a request carries that could be kept (S3 2.5; invariant 10).

    Raises:
        InvalidError: a social security number stands in it, with the fields; nothing was stored, the refusal is recorded.
        ForbiddenError: the token itself names its owner by one; then not even the refusal can be recorded.
    """
    principal = door.caller.principal
    if any(holds_ssn(str(value)) for value in (principal.id, *map(principal.claims.get, ("pin", "office")))):
        raise ForbiddenError("the token names its owner by what this service neither uses nor stores (S3 2.5)")
    found = [f"body.{name}" for name in fields_with_ssn(await request.body(), KNOWN_FIELDS)]
    found += [f"path.{name}" for name, value in request.path_params.items() if holds_ssn(value)]
    found += [f"query.{name if name in _QUERY else '(unknown)'}" for name, value in request.query_params.items()
              if holds_ssn(f"{name} | {value}")]  # fmt: skip
    found += [f"header.{name}" for name in _HEADERS if holds_ssn(request.headers.get(name, ""))]
    if found:
        async with door.open("ssn.refused"):
            raise InvalidError(
                f"{', '.join(found)}: {SSN_RULE}", errors=[FieldError(field, SSN_RULE) for field in found]
            )


_QUERY = frozenset({"date", "purpose"})
_HEADERS = ("Idempotency-Key", "If-Match", "Purpose-Of-Use")

router = APIRouter(prefix="/v1", dependencies=[Depends(refuse_ssn)])

On = Annotated[date | None, Query(alias="date", description="The day, YYYY-MM-DD; today when left out")]
Pin = Annotated[str, Path(max_length=32)]


def purpose_stated(
    query: Annotated[Purpose | None, Query(alias="purpose", description="What the report is read for")] = None,
    header: Annotated[Purpose | None, Header(alias="Purpose-Of-Use", description="The same, as a header")] = None,
) -> Purpose:
    """The coded purpose of a look at others' figures (S3 2.2).

    Raises:
        InvalidError: none is stated.
    """
    stated = query or header
    if stated is None:
        raise InvalidError(
            "say what the report is read for: production, performance or reporting", missing=["query.purpose"]
        )
    return stated


StatedPurpose = Annotated[Purpose, Depends(purpose_stated)]


@router.post("/actions", tags=["ingest"], status_code=201, response_model=ActionRecorded)
async def take_action(report: ActionReport, door: AtDoor, key: IdempotencyKey = None) -> Response:
    """Take one finished piece of work from a case-management system; it is stored, and told to all who hear of actions."""
    async with door.open("action.record") as session:

        async def make() -> ActionRecorded:
            new = await use_cases.take_report(session, door.caller, report, now=door.now)
            return ActionRecorded(action_id=report.action_id, new=new)

        return await once(
            session, principal=door.caller.principal, operation="action.record", key=key, request=report, make=make
        )


@router.get("/reports/daily/me", tags=["reports"])
async def own_day(
    door: AtDoor,
    day: On = None,
    purpose: Annotated[Purpose, Query(description="What the report is read for")] = "performance",
) -> DailyReport:
    """Your own day: what you completed, how long it took, the chats you handled. Whose day it is stands in your token."""
    chosen = day or _today(door)
    async with door.open("report.own", purpose=purpose) as session:
        work = await use_cases.read_own_day(
            session, door.caller, day=chosen, zone=door.zone, purpose=purpose, now=door.now
        )
        return _daily(work, door, chosen, purpose)


@router.get("/reports/daily/employees/{pin}", tags=["reports"])
async def subordinates_day(door: AtDoor, pin: Pin, purpose: StatedPurpose, day: On = None) -> DailyReport:
    """The day of one of your employees: yours on that day, and yours still."""
    chosen = day or _today(door)
    async with door.open("report.named", purpose=purpose) as session:
        work = await use_cases.read_subordinates_day(
            session, door.caller, pin, day=chosen, zone=door.zone, purpose=purpose, now=door.now
        )
        return _daily(work, door, chosen, purpose)


@router.get("/reports/team", tags=["reports"])
async def team_day(door: AtDoor, purpose: StatedPurpose, day: On = None) -> TeamReport:
    """The day of your team, employee by employee: who was yours on that day and is so still."""
    chosen = day or _today(door)
    async with door.open("report.team", purpose=purpose) as session:
        work = await use_cases.read_team_day(
            session, door.caller, day=chosen, zone=door.zone, purpose=purpose, now=door.now
        )
    members = [
        TeamMember(employee_pin=employee.pin, totals=_totals(figures), actions=_figures(figures))
        for employee, figures in work.members
    ]
    return TeamReport(
        date=chosen, time_zone=str(door.zone), as_of=door.now, purpose=purpose, employees=members,
        totals=_totals([f for _, figures in work.members for f in figures]), not_shown=work.not_shown,
    )  # fmt: skip


@router.get("/employees/{pin}/assignments", tags=["organisation chart"])
async def read_assignments(door: AtDoor, pin: Pin, response: Response) -> Assignments:
    """Where an employee of your office belonged and belongs. The ETag is what a change has to name in If-Match."""
    async with door.open("assignments.read") as session:
        employee, chart = await use_cases.read_assignments(session, door.caller, pin, now=door.now)
        return _assignments(response, employee, [AssignmentBody(**asdict(a)) for a in chart])


@router.put("/employees/{pin}/assignments", tags=["organisation chart"])
async def set_assignments(
    door: AtDoor,
    pin: Pin,
    body: AssignmentsBody,
    response: Response,
    if_match: Annotated[str | None, Header(description="The ETag you read; needed once there are assignments")] = None,
) -> Assignments:
    """Put the whole history of an employee in the chart. Only rows of your own office may come, change or go."""
    async with door.open("assignments.set") as session:
        employee, chart = await use_cases.set_assignments(
            session, door.caller, pin, [a.value() for a in body.assignments], revision=_revision(if_match), now=door.now
        )
        return _assignments(response, employee, [AssignmentBody(**asdict(a)) for a in chart])


def _today(door: Door) -> date:
    return door.now.astimezone(door.zone).date()


def _revision(if_match: str | None) -> int | None:
    """The number in an ETag; one that is not ours matches nothing."""
    if if_match is None:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - fits an int4


def _assignments(response: Response, employee: EmployeeRow, chart: list[AssignmentBody]) -> Assignments:
    response.headers["ETag"] = f'"{employee.revision}"'
    return Assignments(employee_id=employee.id, revision=employee.revision, assignments=chart)


def _daily(work: DailyWork, door: Door, day: date, purpose: Purpose) -> DailyReport:
    return DailyReport(
        date=day, time_zone=str(door.zone), as_of=door.now, purpose=purpose, employee_pin=work.pin,
        totals=_totals(work.figures), actions=_figures(work.figures), chats=[ChatBody(**asdict(c)) for c in work.chats],
    )  # fmt: skip


def _totals(figures: list[Figure]) -> TotalsBody:
    return TotalsBody(**asdict(totals(figures)))


def _figures(figures: list[Figure]) -> list[FigureBody]:
    return [FigureBody(minutes=minutes(f.seconds), **_without(asdict(f), "pin", "seconds")) for f in figures]


def _without(values: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in names}
