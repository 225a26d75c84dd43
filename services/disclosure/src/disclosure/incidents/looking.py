"""What there is of an incident, the tracking list, and the log of a quarter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from disclosure.incidents import store
from disclosure.incidents.clocks import Clock, clocks
from disclosure.incidents.desk import (
    ADVICE,
    ENDED,
    HOLDER,
    LETTER,
    REASONS,
    REPORTED,
    STORY,
    acts_of,
    within,
)
from disclosure.incidents.errors import UnknownIncidentError
from disclosure.incidents.tables import (
    Incident,
    IncidentAssessment,
    IncidentDisclosure,
    IncidentDocument,
    IncidentNotification,
    IncidentPerson,
    IncidentReport,
    Recapture,
)
from disclosure.incidents.telling import is_major
from disclosure.individuals import store as sealing
from disclosure.matters import Desk, MatterStep, steps_of

_SEAT = ZoneInfo("America/New_York")


@dataclass(frozen=True, slots=True)
class Standing:
    """How an incident stands; nothing in it is of a person."""

    row: Incident
    clocks: Sequence[Clock]
    people: Sequence[IncidentPerson]
    documents: Sequence[IncidentDocument]
    recaptures: Sequence[Recapture]
    level: str | None


@dataclass(frozen=True, slots=True)
class Dossier:
    """All there is of an incident. What is sealed is opened."""

    standing: Standing
    steps: Sequence[MatterStep]
    assessments: Sequence[IncidentAssessment]
    notifications: Sequence[IncidentNotification]
    disclosures: Sequence[IncidentDisclosure]
    report: IncidentReport | None
    story: Mapping[str, str] = field(repr=False)
    told: Mapping[str, str] = field(repr=False)
    reasons: Mapping[str, str] = field(repr=False)
    letters: Mapping[UUID, str] = field(repr=False)
    holders: Mapping[UUID, Mapping[str, str]] = field(repr=False)
    advice: Mapping[UUID, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Logged:
    """One line of the log: what happened, how grave it is, and how it stands."""

    row: Incident
    people: int
    kinds: Sequence[str]
    level: str | None
    reference: str


async def standing(desk: Desk, row: Incident, *, district_minutes: int) -> Standing:
    assessments = await store.assessments_of(desk.session, [row.id])
    return Standing(
        row,
        clocks(
            row.detected_at,
            await acts_of(desk, row.id),
            district_minutes=district_minutes,
            major=await is_major(desk, row),
            now=desk.now,
        ),
        await store.people_of(desk.session, [row.id]),
        await store.documents_of(desk.session, [row.id]),
        await store.recaptures_of(desk.session, row.id),
        assessments[-1].level if assessments else None,
    )


async def dossier(desk: Desk, incident_id: UUID, *, district_minutes: int) -> Dossier:
    """Raises UnknownIncidentError: there is none, or it is beyond the reader's reach."""
    row = await store.incident_of(desk.session, incident_id)
    if row is None or not within(desk, row):
        raise UnknownIncidentError
    stands = await standing(desk, row, district_minutes=district_minutes)
    report, closing = await store.report_of(desk.session, row.id), await store.closing_of(desk.session, row.id)
    assessments = await store.assessments_of(desk.session, [row.id])
    notifications = await store.notifications_of(desk.session, row.id)
    told: dict[str, Any] = sealing.opened(desk.keys, report.told, REPORTED, row.id) if report else {}
    if closing:
        told |= sealing.opened(desk.keys, closing.told, ENDED, row.id)
    latest = assessments[-1] if assessments else None
    return Dossier(
        standing=stands,
        steps=await steps_of(desk.session, [row.id, *(r.id for r in stands.recaptures)]),
        assessments=assessments,
        notifications=notifications,
        disclosures=await store.disclosures_of(desk.session, row.id),
        report=report,
        story=sealing.opened(desk.keys, row.story, STORY, row.id),
        told=told,
        reasons=sealing.opened(desk.keys, latest.reasons, REASONS, latest.id) if latest else {},
        letters={
            n.person_id: sealing.opened(desk.keys, n.letter, LETTER, f"{row.id}/{n.person_id}/{n.outcome}")
            for n in notifications
            if n.letter is not None
        },
        holders={r.id: sealing.opened(desk.keys, r.holder, HOLDER, r.id) for r in stands.recaptures},
        advice={
            r.id: sealing.opened(desk.keys, r.advice, ADVICE, r.id) for r in stands.recaptures if r.advice is not None
        },
    )


def quarter(year: int, number: int) -> tuple[datetime, datetime]:
    """First moment of a calendar quarter at the agency's seat, and first moment after it; in UTC."""
    first = date(year, 3 * number - 2, 1)
    after = date(year + number // 4, 3 * number % 12 + 1, 1)
    begin, end = (datetime(d.year, d.month, d.day, tzinfo=_SEAT).astimezone(UTC) for d in (first, after))
    return begin, end


async def log(desk: Desk, year: int, number: int) -> list[Logged]:
    """Every incident that was detected in a quarter, suspected ones too."""
    rows = await store.detected_between(desk.session, *quarter(year, number))
    ids = [row.id for row in rows]
    people = await store.people_of(desk.session, ids)
    levels = {one.incident_id: one.level for one in await store.assessments_of(desk.session, ids)}
    found = []
    for row in rows:
        theirs = [p for p in people if p.incident_id == row.id]
        report = await store.report_of(desk.session, row.id)
        kinds = sorted({kind for p in theirs for kind in p.kinds})
        count = max(len(theirs), row.people_estimated)
        found.append(Logged(row, count, kinds, levels.get(row.id), report.reference if report else ""))
    return found
