"""Routes: parse, one use case, translate."""

import base64
from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, tzinfo
from typing import Annotated, cast

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response

from common.access import Look
from common.protection.keyring import Keyring
from common.protection.service_keys import ColumnKeys, ServiceKeys
from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey, once
from production import use_cases
from production.metrics import minutes, totals
from production.model import Figure, OfficeFigure
from production.offices import Offices
from production.publishing import tell_chart
from production.schemas import (
    ActionRecorded,
    ActionReport,
    AssignmentBody,
    Assignments,
    AssignmentsBody,
    ChatBody,
    DailyReport,
    DataKeys,
    DataKeysAsked,
    DataKeyShown,
    FigureBody,
    OfficeReport,
    OfficeTotals,
    RegionReport,
    TeamMember,
    TeamReport,
    TotalsBody,
)
from production.screening import refuse_ssn
from production.tables import EmployeeRow
from production.use_cases import DailyWork


def zone_of(request: Request) -> tzinfo:
    """Where the days of the reports begin at midnight."""
    return cast("tzinfo", request.app.state.zone)


def keyring_of(request: Request) -> Keyring:
    return cast("Keyring", request.app.state.keyring)


Zone = Annotated[tzinfo, Depends(zone_of)]
AtKeyring = Annotated[Keyring, Depends(keyring_of)]


async def column_keys(request: Request) -> ColumnKeys:
    """Raises: KeyServiceUnavailableError: not now."""
    return await cast("ServiceKeys", request.app.state.service_keys).ready()


AtKeys = Annotated[ColumnKeys, Depends(column_keys)]


def offices_of(request: Request) -> Offices:
    """To whom each office answers."""
    return cast("Offices", request.app.state.offices)


AtOffices = Annotated[Offices, Depends(offices_of)]


router = APIRouter(prefix="/v1", dependencies=[Depends(refuse_ssn)], route_class=Guarded)

On = Annotated[date | None, Query(alias="date", description="The day, YYYY-MM-DD; today when left out")]
Pin = Annotated[str, Path(max_length=32)]
Code = Annotated[str, Path(max_length=40, description="Code of the office or region")]


@router.post("/actions", operation_id="action.record", tags=["ingest"], status_code=201, response_model=ActionRecorded)
async def take_action(
    report: ActionReport, door: AtDoor, keyring: AtKeyring, keys: AtKeys, key: IdempotencyKey = None
) -> Response:
    """Take one finished piece of work from a case-management system; it is stored, and told to all who hear of actions."""
    async with door.open("action.record") as look:

        async def make() -> ActionRecorded:
            return ActionRecorded(
                action_id=report.action_id, new=await use_cases.take_report(look, report, keyring, keys)
            )

        return await once(
            look.session, principal=look.principal, operation="action.record", key=key, request=report, make=make
        )


@router.post("/data-keys", operation_id="data-key.issue", tags=["ingest"], status_code=201)
async def issue_data_keys(asked: DataKeysAsked, door: AtDoor, keyring: AtKeyring, response: Response) -> DataKeys:
    """Keys for a case system that tells its actions by events: each seals the `pii` of one case or action (README).

    They are not kept in the open here and never given out again; the trail says who took which.
    """
    async with door.open("data-key.issue") as look:
        issued = await use_cases.issue_data_keys(look, asked.number, keyring)
    response.headers["Cache-Control"] = "no-store"
    return DataKeys(
        keys=[DataKeyShown(id=key_id, secret=base64.b64encode(secret).decode()) for key_id, secret in issued.items()]
    )


@router.get("/reports/daily/me", operation_id="report.own", tags=["reports"])
async def own_day(door: AtDoor, zone: Zone, keys: AtKeys, day: On = None) -> DailyReport:
    """Your own day: what you completed, how long it took, the chats you handled. Whose day it is stands in your token."""
    async with door.open("report.own") as look:
        chosen = day or _today(look, zone)
        work = await use_cases.read_own_day(look, keys, day=chosen, zone=zone)
        return _daily(work, look, chosen, zone)


@router.get("/reports/daily/employees/{pin}", operation_id="report.named", tags=["reports"])
async def named_day(
    door: AtDoor, zone: Zone, offices: AtOffices, pin: Pin, keys: AtKeys, *, day: On = None
) -> DailyReport:
    """The day of one employee: yours on that day and still, or of your office or region then and now."""
    async with door.open("report.named") as look:
        chosen = day or _today(look, zone)
        work = await use_cases.read_named_day(look, pin, keys, offices, day=chosen, zone=zone)
        return _daily(work, look, chosen, zone)


@router.get("/reports/team", operation_id="report.team", tags=["reports"])
async def team_day(door: AtDoor, zone: Zone, keys: AtKeys, day: On = None) -> TeamReport:
    """The day of your team, employee by employee: who was yours on that day and is so still."""
    async with door.open("report.team") as look:
        chosen = day or _today(look, zone)
        work = await use_cases.read_team_day(look, keys, day=chosen, zone=zone)
    members = [
        TeamMember(employee_pin=employee.pin, totals=_totals(figures), actions=_figures(figures))
        for employee, figures in work.members
    ]
    return TeamReport(
        date=chosen, time_zone=str(zone), as_of=look.now, purpose=look.purpose, employees=members,
        totals=_totals([f for _, figures in work.members for f in figures]), not_shown=work.not_shown,
    )  # fmt: skip


@router.get("/reports/offices/{office}", operation_id="report.office", tags=["reports"])
async def office_day(door: AtDoor, zone: Zone, offices: AtOffices, office: Code, day: On = None) -> OfficeReport:
    """The day of an office as a whole: yours, or one that answered to your region, or to headquarters, then and does now."""
    async with door.open("report.office") as look:
        chosen = day or _today(look, zone)
        figures = await use_cases.read_office_day(look, office, offices, day=chosen, zone=zone)
        return OfficeReport(
            date=chosen, time_zone=str(zone), as_of=look.now, purpose=look.purpose, office=office,
            totals=_totals(figures), actions=_figures(figures),
        )  # fmt: skip


@router.get("/reports/regions/{region}", operation_id="report.region", tags=["reports"])
async def region_day(door: AtDoor, zone: Zone, offices: AtOffices, region: Code, day: On = None) -> RegionReport:
    """The day of a region, office by office: those that answered to it on that day."""
    async with door.open("report.region") as look:
        chosen = day or _today(look, zone)
        work = await use_cases.read_region_day(look, region, offices, day=chosen, zone=zone)
        return RegionReport(
            date=chosen, time_zone=str(zone), as_of=look.now, purpose=look.purpose, region=region,
            totals=_totals(work.figures),
            offices=[
                OfficeTotals(office=one, totals=_totals([f for f in work.figures if f.office == one]))
                for one in work.offices
            ],
        )  # fmt: skip


@router.get("/employees/{pin}/assignments", operation_id="assignments.read", tags=["organisation chart"])
async def read_assignments(door: AtDoor, pin: Pin, keys: AtKeys, response: Response) -> Assignments:
    """Where an employee of your office belonged and belongs. The ETag is what a change has to name in If-Match."""
    async with door.open("assignments.read") as look:
        employee, chart = await use_cases.read_assignments(look, pin, keys)
        return _assignments(response, employee, [AssignmentBody(**asdict(a)) for a in chart])


@router.put("/employees/{pin}/assignments", operation_id="assignments.set", tags=["organisation chart"])
async def set_assignments(
    door: AtDoor,
    pin: Pin,
    body: AssignmentsBody,
    *,
    keys: AtKeys,
    response: Response,
    keyring: AtKeyring,
    if_match: Annotated[str | None, Header(description="The ETag you read; needed once there are assignments")] = None,
) -> Assignments:
    """Put the whole history of an employee in the chart. Only rows of your own office may come, change or go."""
    async with door.open("assignments.set") as look:
        employee, chart = await use_cases.set_assignments(
            look, pin, [a.value() for a in body.assignments], keys, revision=_revision(if_match)
        )
        await tell_chart(look.session, employee.id, employee.revision, pin, chart, keyring=keyring, now=look.now)
        return _assignments(response, employee, [AssignmentBody(**asdict(a)) for a in chart])


def _today(look: Look, zone: tzinfo) -> date:
    return look.now.astimezone(zone).date()


def _revision(if_match: str | None) -> int | None:
    """The number in an ETag; one that is not ours matches nothing."""
    if if_match is None:
        return None
    text = if_match.strip().removeprefix("W/").strip('"')
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1  # noqa: PLR2004 - fits an int4


def _assignments(response: Response, employee: EmployeeRow, chart: list[AssignmentBody]) -> Assignments:
    response.headers["ETag"] = f'"{employee.revision}"'
    return Assignments(employee_id=employee.id, revision=employee.revision, assignments=chart)


def _daily(work: DailyWork, look: Look, day: date, zone: tzinfo) -> DailyReport:
    return DailyReport(
        date=day, time_zone=str(zone), as_of=look.now, purpose=look.purpose, employee_pin=work.pin,
        totals=_totals(work.figures), actions=_figures(work.figures), chats=[ChatBody(**asdict(c)) for c in work.chats],
    )  # fmt: skip


def _totals(figures: Sequence[Figure | OfficeFigure]) -> TotalsBody:
    return TotalsBody(**asdict(totals(figures)))


def _figures(figures: Sequence[Figure | OfficeFigure]) -> list[FigureBody]:
    return [
        FigureBody(minutes=minutes(f.seconds), **_without(asdict(f), "employee_id", "office", "seconds"))
        for f in figures
    ]


def _without(values: dict[str, object], *names: str) -> dict[str, object]:
    return {name: value for name, value in values.items() if name not in names}
