"""By when: the time limits of an incident, met, running, or late. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from disclosure.incidents.law_files import limits

MAJOR_PEOPLE = 100_000
"""So many people make an incident a major one, whatever else is known of it (OMB M-17-12, at second hand)."""


@dataclass(frozen=True, slots=True)
class Clock:
    """A time limit of one incident. `late`: it ran out before it was met, or runs out unmet."""

    name: str
    title: str
    due_at: datetime
    met_at: datetime | None
    late: bool
    authority: str


def clocks(
    detected_at: datetime, acts: Mapping[str, datetime], *, district_minutes: int, major: bool, now: datetime
) -> list[Clock]:
    """The limits that run for an incident.

    Args:
        acts: when each act was done first. district_minutes: what the operator set for the first notice.
    """
    found = []
    for name, limit in limits().items():
        if limit.only_major and not major:
            continue
        due = detected_at + timedelta(minutes=district_minutes if limit.minutes is None else limit.minutes)
        met = acts.get(limit.met_by)
        found.append(Clock(name, limit.title, due, met, (met or now) > due, limit.authority))
    return found
