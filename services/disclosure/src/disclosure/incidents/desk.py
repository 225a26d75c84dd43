"""What the acts on incidents share: the incident held, within whose reach it is, and what is sealed where."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from common.access import Reach
from disclosure.incidents import store
from disclosure.incidents.errors import OwnIncidentError, UnknownIncidentError, UnknownRecaptureError
from disclosure.incidents.tables import Incident, Recapture
from disclosure.matters import Desk, steps_of

STORY, HOLDER, ADVICE = "incident.story", "recapture.holder", "recapture.advice"
REASONS, LETTER = "incident_assessment.reasons", "incident_notification.letter"
REPORTED, ENDED = "incident_report.told", "incident_closing.told"


async def held(desk: Desk, incident_id: UUID) -> Incident:
    """The incident, held for this act.

    Raises:
        UnknownIncidentError: there is none, or it is beyond the actor's reach: the same answer.
    """
    row = await store.incident_for_update(desk.session, incident_id)
    if row is None or not within(desk, row):
        raise UnknownIncidentError
    return row


async def held_recapture(desk: Desk, recapture_id: UUID) -> Recapture:
    """Raises UnknownRecaptureError: there is none, or it is beyond the actor's reach."""
    row = await store.recapture_for_update(desk.session, recapture_id)
    if row is None or not within(desk, row):
        raise UnknownRecaptureError
    return row


def within(desk: Desk, row: Incident | Recapture) -> bool:
    """Whether the actor may work on it: their office's, their region's, or anybody's."""
    office = bool(row.office) and row.office == desk.office
    region = bool(row.region) and row.region == desk.region
    return desk.covers(Reach(office=office, region=region))


def refuse_reporter(desk: Desk, row: Incident) -> None:
    """Raises OwnIncidentError: the actor reported it."""
    if desk.actor == row.opened_by:
        raise OwnIncidentError


async def acts_of(desk: Desk, incident_id: UUID) -> Mapping[str, datetime]:
    """When each act on the incident was done first."""
    acts: dict[str, datetime] = {}
    for step in await steps_of(desk.session, [incident_id]):
        acts.setdefault(step.act, step.at)
    return acts
