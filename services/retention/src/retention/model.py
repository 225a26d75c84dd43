"""Values of retention: no rules, no storage."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

Kind = Literal["transcript", "action", "disclosure_request", "disclosure_decision", "incident"]
Status = Literal["UNSCHEDULED"]
Outcome = Literal["eligible", "not_eligible", "undecided"]
ReasonCode = Literal[
    "UNSCHEDULED",
    "SCHEDULE_PROPOSED",
    "AUTHORITY_WITHDRAWN",
    "OTHER_AGENCY",
    "PERMANENT",
    "CLOCK_NOT_STARTED",
    "PERIOD_RUNNING",
    "HELD",
    "DISPUTED",
]

GENERAL = "NARA"
"""The agency of an item in a General Records Schedule: it serves every agency."""


@dataclass(frozen=True, slots=True)
class ScheduleItem:
    """The line of a records schedule that speaks of a series.

    Attributes:
        status: proposed and withdrawn confer no authority; only approved does.
        authority: the approval's number; empty until there is one.
        event: what starts the clock, e.g. `last_completed_action`.
        cutoff: when the file is closed: with the event itself, or at the end of the fiscal or calendar year it falls in.
        years: kept that long after cutoff; 0 for permanent records.
        reason: why they are kept that long.
    """

    code: str
    agency: str
    disposition: Literal["temporary", "permanent"]
    status: Literal["proposed", "approved", "withdrawn"]
    authority: str
    event: str
    cutoff: Literal["event", "fiscal_year", "calendar_year"]
    years: int
    reason: str
    citation: str


@dataclass(frozen=True, slots=True)
class Series:
    """Records of one sort that are kept and disposed of together.

    Attributes:
        event: what happened when a record of it was closed, in the words of schedules.
        citation: what speaks of the scheduling of the series.
    """

    code: str
    kind: Kind
    title: str
    owner: str
    agency: str
    system_of_records: str
    event: str
    citation: str
    item: ScheduleItem | None = None


SeriesByKind = Mapping[Kind, Series]


@dataclass(frozen=True, slots=True)
class Registration:
    """A record that came about. `related_id` is the request that a decision decides."""

    record_id: UUID
    kind: Kind
    created_at: datetime
    closed_at: datetime | None
    related_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Closing:
    """A record that came about before was closed."""

    record_id: UUID
    closed_at: datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the register."""

    position: int
    record_id: UUID
    kind: Kind
    series: str
    owner: str
    created_at: datetime
    closed_at: datetime | None
    registered_at: datetime
    status: Status


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known when somebody asks whether a record may be disposed of.

    Attributes:
        citation: what speaks of the scheduling of the series.
        item: None: no line of any schedule speaks of the series.
        events: event → when it happened, None: it has not. An event that is not in here is not known.
        holds, disputes: ids of those that stand; None: not known.
    """

    agency: str
    citation: str
    item: ScheduleItem | None
    events: Mapping[str, datetime | None]
    holds: tuple[str, ...] | None
    disputes: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Reason:
    """Why not: a code for machines, a sentence for people, and the law or source that says so."""

    code: ReasonCode
    sentence: str
    citation: str


@dataclass(frozen=True, slots=True)
class Eligibility:
    """`undecided` names what is missing and never acts as eligible. `eligible_at` is None while no approved clock runs."""

    outcome: Outcome
    reasons: tuple[Reason, ...]
    missing: tuple[str, ...]
    eligible_at: datetime | None
