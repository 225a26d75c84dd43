"""Entries of incidents and recaptures in the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import ColumnElement
from sqlmodel import col, select

from common.database import ReadSession, WriteSession, fetch_all
from disclosure.incidents.tables import (
    Incident,
    IncidentAssessment,
    IncidentClosing,
    IncidentDisclosure,
    IncidentDocument,
    IncidentNotification,
    IncidentPerson,
    IncidentReport,
    Recapture,
)

_LOOK = "SELECT record_ids FROM audit_entry WHERE id = $1"


async def incident_of(session: ReadSession, incident_id: UUID) -> Incident | None:
    return await session.get(Incident, incident_id)


async def incident_for_update(session: WriteSession, incident_id: UUID) -> Incident | None:
    """The incident, held until the unit of work ends: its acts come one after the other."""
    query = select(Incident).where(col(Incident.id) == incident_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def incidents_in(
    session: ReadSession,
    *,
    office: str | None,
    region: str | None,
    state: str,
    late_at: datetime | None,
    after: UUID | None,
    limit: int,
) -> Sequence[Incident]:
    """Incidents, oldest first.

    Args:
        office, region: of these only; None: of any. state: only those in it; empty: in any.
        late_at: only those of which the district director was not told in time, as of this moment.
    """
    query = select(Incident).where(*_within(Incident, office, region))
    if state:
        query = query.where(col(Incident.state) == state)
    if late_at is not None:
        query = query.where(col(Incident.state) == "detected", col(Incident.district_due_at) < late_at)
    if after is not None:
        query = query.where(col(Incident.id) > after)
    return (await session.execute(query.order_by(col(Incident.id)).limit(limit))).scalars().all()


async def detected_between(session: ReadSession, begin: datetime, end: datetime) -> Sequence[Incident]:
    query = select(Incident).where(col(Incident.detected_at) >= begin, col(Incident.detected_at) < end)
    return (await session.execute(query.order_by(col(Incident.detected_at), col(Incident.id)))).scalars().all()


async def untold(session: WriteSession, now: datetime) -> Sequence[Incident]:
    """Incidents of which the district director is not told and ought to be, and for which no alarm was raised yet; held."""
    query = select(Incident).where(
        col(Incident.state) == "detected", col(Incident.district_due_at) < now, col(Incident.alarmed_at).is_(None)
    )
    return (await session.execute(query.with_for_update(skip_locked=True))).scalars().all()


async def people_of(session: ReadSession, incident_ids: Sequence[UUID]) -> Sequence[IncidentPerson]:
    query = select(IncidentPerson).where(col(IncidentPerson.incident_id).in_(incident_ids))
    return (await session.execute(query.order_by(col(IncidentPerson.person_id)))).scalars().all()


async def documents_of(session: ReadSession, incident_ids: Sequence[UUID]) -> Sequence[IncidentDocument]:
    query = select(IncidentDocument).where(col(IncidentDocument.incident_id).in_(incident_ids))
    return (await session.execute(query.order_by(col(IncidentDocument.id)))).scalars().all()


async def recapture_for_update(session: WriteSession, recapture_id: UUID) -> Recapture | None:
    query = select(Recapture).where(col(Recapture.id) == recapture_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def recaptures_of(session: ReadSession, incident_id: UUID) -> Sequence[Recapture]:
    query = select(Recapture).where(col(Recapture.incident_id) == incident_id)
    return (await session.execute(query.order_by(col(Recapture.id)))).scalars().all()


async def recaptures_in(
    session: ReadSession, *, office: str | None, region: str | None, asked_for: str, after: UUID | None, limit: int
) -> Sequence[Recapture]:
    """The tracking list. `asked_for`: of one office only; empty: of all that the caller may see."""
    query = select(Recapture).where(*_within(Recapture, office, region))
    if asked_for:
        query = query.where(col(Recapture.office) == asked_for)
    if after is not None:
        query = query.where(col(Recapture.id) > after)
    return (await session.execute(query.order_by(col(Recapture.id)).limit(limit))).scalars().all()


async def assessments_of(session: ReadSession, incident_ids: Sequence[UUID]) -> Sequence[IncidentAssessment]:
    """Assessments, first to last; the latest of an incident counts."""
    query = select(IncidentAssessment).where(col(IncidentAssessment.incident_id).in_(incident_ids))
    return (await session.execute(query.order_by(col(IncidentAssessment.id)))).scalars().all()


async def notifications_of(session: ReadSession, incident_id: UUID) -> Sequence[IncidentNotification]:
    query = select(IncidentNotification).where(col(IncidentNotification.incident_id) == incident_id)
    return (await session.execute(query.order_by(col(IncidentNotification.decided_at)))).scalars().all()


async def disclosures_of(session: ReadSession, incident_id: UUID) -> Sequence[IncidentDisclosure]:
    query = select(IncidentDisclosure).where(col(IncidentDisclosure.incident_id) == incident_id)
    return (await session.execute(query.order_by(col(IncidentDisclosure.request_id)))).scalars().all()


async def report_of(session: ReadSession, incident_id: UUID) -> IncidentReport | None:
    return await session.get(IncidentReport, incident_id)


async def closing_of(session: ReadSession, incident_id: UUID) -> IncidentClosing | None:
    return await session.get(IncidentClosing, incident_id)


async def records_of_look(session: ReadSession, entry_id: UUID) -> Sequence[str] | None:
    """The records that an entry of this service's audit trail names; None: there is no such entry."""
    rows = await fetch_all(session, _LOOK, entry_id)
    return list(rows[0]["record_ids"]) if rows else None


def _within(
    table: type[Incident] | type[Recapture], office: str | None, region: str | None
) -> list[ColumnElement[bool]]:
    """Of this office and region; None: of any."""
    told = ((col(table.office), office), (col(table.region), region))
    return [column == value for column, value in told if value is not None]
