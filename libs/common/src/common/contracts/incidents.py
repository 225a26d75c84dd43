"""Incidents with personal data, as far as their records have to be kept: that there is one, and that it was closed.

No person's values and no word of what happened: ids, a code, times.
"""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from pydantic import Field

from common.contracts.envelope import EventData


class IncidentOpened(EventData):
    """An incident was entered, suspected or confirmed; its record began."""

    event_type: ClassVar[str] = "muniment.incident.opened.v1"
    topic: ClassVar[str] = "incident.opened"
    key_field: ClassVar[str] = "incident_id"
    system: ClassVar[str] = "60-0383"

    incident_id: UUID
    trigger: str = Field(description="What opened it, as a code")
    opened_at: datetime


class IncidentClosed(EventData):
    """An incident was closed, and its record is filed."""

    event_type: ClassVar[str] = "muniment.incident.closed.v1"
    topic: ClassVar[str] = "incident.closed"
    key_field: ClassVar[str] = "incident_id"
    system: ClassVar[str] = "60-0383"

    incident_id: UUID
    opened_at: datetime
    closed_at: datetime


INCIDENT_EVENTS: dict[str, type[EventData]] = {kind.event_type: kind for kind in (IncidentOpened, IncidentClosed)}
