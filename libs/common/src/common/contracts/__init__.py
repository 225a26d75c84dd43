"""The published language: every event that one service tells another. No behaviour of any service stands here."""

from common.contracts.audit import AUDIT_EVENTS
from common.contracts.chat import CHAT_EVENTS
from common.contracts.disclosure import AMENDMENT_EVENTS, DISCLOSURE_EVENTS, RELEASE_EVENTS
from common.contracts.envelope import EventData
from common.contracts.incidents import INCIDENT_EVENTS
from common.contracts.production import ACTION_EVENTS, CHART_EVENTS
from common.contracts.transcripts import TRANSCRIPT_EVENTS

ALL_EVENTS: dict[str, type[EventData]] = {
    **CHAT_EVENTS,
    **TRANSCRIPT_EVENTS,
    **ACTION_EVENTS,
    **CHART_EVENTS,
    **DISCLOSURE_EVENTS,
    **RELEASE_EVENTS,
    **AMENDMENT_EVENTS,
    **INCIDENT_EVENTS,
    **AUDIT_EVENTS,
}
