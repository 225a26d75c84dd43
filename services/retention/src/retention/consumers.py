"""What retention hears: everything of which a record came about."""

from collections.abc import Sequence
from functools import partial

from common.clock import Clock
from common.contracts.disclosure import DISCLOSURE_EVENTS, DisclosureDecided, DisclosureRequested
from common.contracts.envelope import Envelope, EventData
from common.contracts.incidents import INCIDENT_EVENTS, IncidentClosed, IncidentOpened
from common.contracts.production import ACTION_EVENTS, ActionCompleted
from common.contracts.transcripts import TRANSCRIPT_EVENTS, TranscriptClosed
from common.database import WriteSession
from common.errors import PoisonEventError
from common.messaging.consumer import Subject
from retention import use_cases
from retention.model import Closing, Registration, SeriesByKind


def subject(series: SeriesByKind, clock: Clock) -> Subject:
    return Subject(
        group="retention.register",
        topics=(
            TranscriptClosed.topic,
            ActionCompleted.topic,
            DisclosureRequested.topic,
            DisclosureDecided.topic,
            IncidentOpened.topic,
            IncidentClosed.topic,
        ),
        kinds=TRANSCRIPT_EVENTS | ACTION_EVENTS | DISCLOSURE_EVENTS | INCIDENT_EVENTS,
        handler=partial(on_record_made, series=series, clock=clock),
    )


async def on_record_made(
    session: WriteSession, envelopes: Sequence[Envelope[EventData]], *, series: SeriesByKind, clock: Clock
) -> None:
    """Register what came about.

    Raises:
        PoisonEventError: its times make no sense.
        ConflictError: its id stands for another kind of record.
    """
    registrations = [registration(envelope.data) for envelope in envelopes]
    for one in registrations:
        _check_times(one)
    await use_cases.register(session, registrations, series, now=clock.now())
    closed = [envelope.data for envelope in envelopes if isinstance(envelope.data, IncidentClosed)]
    if closed:
        await use_cases.close(session, [Closing(data.incident_id, data.closed_at) for data in closed])


def registration(data: EventData) -> Registration:
    """The line that this fact puts into the register.

    Raises:
        PoisonEventError: no record comes about by an event of this kind.
    """
    if isinstance(data, TranscriptClosed):
        return Registration(data.transcript_id, "transcript", data.opened_at, data.closed_at)
    if isinstance(data, ActionCompleted):
        return Registration(data.action_id, "action", data.started_at, data.completed_at)
    if isinstance(data, DisclosureRequested):
        return Registration(data.request_id, "disclosure_request", data.requested_at, None)
    if isinstance(data, DisclosureDecided):
        # Undecided settles nothing: the file stays open until a decision that is one.
        closed_at = None if data.outcome == "undecided" else data.decided_at
        return Registration(data.decision_id, "disclosure_decision", data.decided_at, closed_at, data.request_id)
    if isinstance(data, IncidentOpened):
        return Registration(data.incident_id, "incident", data.opened_at, None)
    if isinstance(data, IncidentClosed):
        # Told on another topic, it may come first; then it is what puts the record into the register.
        _check_times(Registration(data.incident_id, "incident", data.opened_at, data.closed_at))
        return Registration(data.incident_id, "incident", data.opened_at, None)
    raise PoisonEventError("no record comes about by an event of this type")


def _check_times(one: Registration) -> None:
    if one.created_at.tzinfo is None or (one.closed_at is not None and one.closed_at.tzinfo is None):
        raise PoisonEventError("the times of the event need an offset from UTC")
    if one.closed_at is not None and one.closed_at < one.created_at:
        raise PoisonEventError("by the times of the event the record closes before it opens")
