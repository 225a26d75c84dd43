"""Routes of incidents: parse, one act in one unit of work, translate. Each reaches as far as the caller's office or region."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import BaseModel

from common.access import Look, Scope
from common.web.door import Guarded
from common.web.idempotency import IdempotencyKey
from disclosure.incidents import bodies, looking, opening, store, telling, weighing
from disclosure.incidents.answers import (
    AssessmentOut,
    DraftedOut,
    IncidentDetailOut,
    IncidentOut,
    IncidentPage,
    LogLineOut,
    LogOut,
    NotificationOut,
)
from disclosure.incidents.tables import Incident
from disclosure.matter_desk import AtMatters, Cursor, Limit, Matters
from disclosure.matters import Desk

router = APIRouter(prefix="/v1", tags=["incidents"], route_class=Guarded)
STANDS: dict[str, Any] = {"status_code": 201, "response_model": IncidentOut}
_ONE = "/incidents/{incident_id}"


class Incidents:
    """The desk, and how long the first notice may take, as the operator set it."""

    def __init__(self, request: Request, matters: AtMatters) -> None:
        self.matters: Matters = matters
        self.district_minutes: int = request.app.state.incident_district_minutes

    async def standing(self, desk: Desk, look: Look, row: Incident) -> IncidentOut:
        look.touch(row.id, *(str(one) for one in row.records))
        return IncidentOut.of(await looking.standing(desk, row, district_minutes=self.district_minutes))


AtIncidents = Annotated[Incidents, Depends()]


def bounds(look: Look, desk: Desk) -> dict[str, str | None]:
    """Of which office and region the caller may see a list; None: of any."""
    scopes = look.scopes
    if Scope.ANY in scopes:
        return {"office": None, "region": None}
    return (
        {"office": None, "region": desk.region} if Scope.REGION in scopes else {"office": desk.office, "region": None}
    )


@router.post("/incidents", operation_id="incident.open", summary="Report an incident; suspected is enough", **STANDS)
async def open_incident(at: AtIncidents, body: bodies.IncidentIn, key: IdempotencyKey = None) -> Response:
    """Whose data of which kind got out is read from the package. The district director is to be told at once."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        row = await opening.open_incident(
            desk, body.detection(at.matters.kinds), at.matters.taxonomy, district_minutes=at.district_minutes
        )
        return await at.standing(desk, look, row)

    return await at.matters.act("incident.open", act, key=key, body=body)


@router.get("/incidents", operation_id="incident.list", summary="Incidents, by state, or those that are told too late")
async def list_incidents(
    at: AtIncidents,
    state: Annotated[str, Query(max_length=40)] = "",
    overdue: bool = False,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> IncidentPage:
    keys = await at.matters.keys()
    async with at.matters.door.open("incident.list") as look:
        desk = at.matters.desk(look, keys)
        late_at = desk.now if overdue else None
        rows = await store.incidents_in(
            desk.session, **bounds(look, desk), state=state, late_at=late_at, after=cursor, limit=limit
        )
        return IncidentPage(
            items=[await at.standing(desk, look, row) for row in rows],
            next_cursor=rows[-1].id if len(rows) == limit else None,
        )


@router.get(_ONE, operation_id="incident.read", summary="An incident with its report, letters, recaptures and steps")
async def read(at: AtIncidents, incident_id: UUID) -> IncidentDetailOut:
    keys = await at.matters.keys()
    async with at.matters.door.open("incident.read", incident_id, fields=["story", "letters", "holders"]) as look:
        desk = at.matters.desk(look, keys)
        found = await looking.dossier(desk, incident_id, district_minutes=at.district_minutes)
        return IncidentDetailOut.of_dossier(found)


@router.post(
    _ONE + "/district-notice", operation_id="incident.tell-district", summary="The district director was told", **STANDS
)
async def tell_district(
    at: AtIncidents, incident_id: UUID, body: bodies.ToldIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return await at.standing(desk, look, await telling.tell_district(desk, incident_id, body.means))

    return await at.matters.act("incident.tell-district", act, key=key, body=body, matter_id=incident_id)


@router.post(
    _ONE + "/region-notice", operation_id="incident.tell-region", summary="The regional director was told", **STANDS
)
async def tell_region(at: AtIncidents, incident_id: UUID, body: bodies.ToldIn, key: IdempotencyKey = None) -> Response:
    """By the district director, and so not before the district director knows of it."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        return await at.standing(desk, look, await telling.tell_region(desk, incident_id, body.means))

    return await at.matters.act("incident.tell-region", act, key=key, body=body, matter_id=incident_id)


@router.post(_ONE + "/report", operation_id="incident.report", summary="Enter the departmental report", **STANDS)
async def report(at: AtIncidents, incident_id: UUID, body: bodies.ReportIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return await at.standing(desk, look, await telling.report(desk, incident_id, body.report()))

    return await at.matters.act("incident.report", act, key=key, body=body, matter_id=incident_id)


@router.post(
    _ONE + "/assessment",
    operation_id="incident.assess",
    summary="Weigh the risk of harm",
    status_code=201,
    response_model=AssessmentOut,
)
async def assess(at: AtIncidents, incident_id: UUID, body: bodies.AssessmentIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        look.touch(incident_id)
        return AssessmentOut.of(await weighing.assess(desk, incident_id, body.assessment(), at.matters.taxonomy))

    return await at.matters.act("incident.assess", act, key=key, body=body, matter_id=incident_id)


@router.post(
    _ONE + "/notices",
    operation_id="incident.notify",
    summary="Tell somebody whose data got out, or enter why not",
    status_code=201,
    response_model=NotificationOut,
)
async def notify(at: AtIncidents, incident_id: UUID, body: bodies.NoticeIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        look.touch(incident_id, body.person_id)
        return NotificationOut.of(await weighing.notify(desk, incident_id, body.notice()))

    return await at.matters.act("incident.notify", act, key=key, body=body, matter_id=incident_id)


@router.post(
    _ONE + "/disclosures",
    operation_id="incident.draft-disclosure",
    summary="Draft a disclosure under routine use 8 or 9",
    status_code=201,
    response_model=DraftedOut,
)
async def draft(at: AtIncidents, incident_id: UUID, body: bodies.DraftIn, key: IdempotencyKey = None) -> Response:
    """A request comes of it, with what the incident says. Somebody else decides it, and it is accounted for as all are."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        row = await weighing.draft(desk, incident_id, body.draft(), look.principal)
        look.touch(incident_id, row.request_id, *body.transcript_ids)
        return DraftedOut.of(row)

    return await at.matters.act("incident.draft-disclosure", act, key=key, body=body, matter_id=incident_id)


@router.post(
    _ONE + "/closing", operation_id="incident.close", summary="Close an incident and file its record", **STANDS
)
async def close(at: AtIncidents, incident_id: UUID, body: bodies.ClosingIn, key: IdempotencyKey = None) -> Response:
    """By somebody else than who reported it, once everything is back, reported, weighed, and everybody is told."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        row = await telling.close(desk, incident_id, disposition=body.disposition, filed_as=body.filed_as)
        return await at.standing(desk, look, row)

    return await at.matters.act("incident.close", act, key=key, body=body, matter_id=incident_id)


@router.get("/incident-log", operation_id="incident.log", summary="Every incident of a quarter")
async def log(
    at: AtIncidents,
    year: Annotated[int, Query(ge=2000, le=2200)],
    quarter: Annotated[int, Query(ge=1, le=4)],
) -> LogOut:
    keys = await at.matters.keys()
    async with at.matters.door.open("incident.log") as look:
        found = await looking.log(at.matters.desk(look, keys), year, quarter)
        look.touch(*(one.row.id for one in found))
        lines = [LogLineOut.of(one) for one in found]
        suspected = sum(line.certainty == "suspected" for line in lines)
        return LogOut(
            year=year,
            quarter=quarter,
            incidents=lines,
            suspected=suspected,
            confirmed=len(lines) - suspected,
            people=sum(line.people for line in lines),
        )
