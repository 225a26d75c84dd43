"""From what is held of an employee's work to the copy that goes. Pure.

Nothing here is free text: each part is a code, a number or a date, and belongs to one element of the records (DHS/ALL-019).
So the elements that the decision named are what is let through, and there is nothing for a reviewer to take out.
"""

import hashlib
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from common.contracts.chat import canonical

FORMAT = "muniment/released-figures/1"
USER_ID, OFFICE, HOURS, ACTIONS, CASES = "user-id", "office", "hours", "actions", "case-ids"
HELD = (USER_ID, OFFICE, HOURS, ACTIONS, CASES)
"""The elements of the notice that this service holds; a name or a position title stands in no table of it."""

NOT_TO_BE_PASSED_ON = (
    "This copy is for whom it was made for and for the matter that it was asked for in. It may not be passed on "
    "(DHS/USCIS/PIA-086, 6.3 and 6.4)."
)
_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Place:
    """An office in which the work was done; `valid_to` is the first day on which it no longer holds."""

    office: str
    region: str
    valid_from: date
    valid_to: date | None


@dataclass(frozen=True, slots=True)
class Work:
    """Finished work of one sort in one month: how often, and how long (seconds)."""

    month: date
    kind: str
    form_type: str
    hour_type: str
    outcome: str
    actions: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Held:
    """One record as it is held: all work of an employee, or one action.

    Attributes:
        action_ids: of every action in it, sorted.
        cases: numbers of the cases, opened where they are to go and nowhere else.
    """

    record_id: UUID
    pin: str = field(repr=False)
    places: Sequence[Place]
    work: Sequence[Work]
    action_ids: Sequence[UUID]
    cases: Sequence[str] = field(default=(), repr=False)

    def digest(self, salt: str) -> str:
        """The hash of what is held now. Salted: few figures could be guessed from their hash."""
        whole = {
            "record_id": str(self.record_id),
            "salt": salt,
            "places": [_plain(asdict(place)) for place in self.places],
            "work": [_plain(asdict(one)) for one in self.work],
            "actions": [str(one) for one in self.action_ids],
        }
        return _hash(canonical(whole))


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy that goes: its text and the hash of its bytes."""

    text: str = field(repr=False)
    digest: str


def copy_of(
    held: Held, named: Collection[str], *, notations: Sequence[Mapping[str, str]], copy_id: UUID, salt: str
) -> Copy:
    """The elements that were named and no other, with the mark and the amendments.

    Args:
        salt: random; it stands in the copy and makes its hash tell nothing of what it says.
    """
    document: dict[str, Any] = {
        "format": FORMAT,
        "copy_id": str(copy_id),
        "salt": salt,
        "marking": NOT_TO_BE_PASSED_ON,
        "elements": sorted(set(named) & set(HELD)),
        "not_held": sorted(set(named) - set(HELD)),
        "notations": [dict(one) for one in notations],
    }
    if USER_ID in named:
        document["user_id"] = held.pin
    if OFFICE in named:
        document["offices"] = [_plain(asdict(place)) for place in held.places]
    if ACTIONS in named or HOURS in named:
        document["work"] = _summed(held.work, actions=ACTIONS in named, hours=HOURS in named)
    if CASES in named:
        document["cases"] = list(held.cases)
    content = canonical(document)
    return Copy(content.decode(), _hash(content))


def _summed(work: Sequence[Work], *, actions: bool, hours: bool) -> list[dict[str, Any]]:
    """By month; sorts of work and their number belong to `actions`, sorts of hours and their length to `hours`."""
    totals: dict[tuple[tuple[str, str], ...], tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    for one in work:
        key = [("month", one.month.strftime("%Y-%m"))]
        key += [("kind", one.kind), ("form_type", one.form_type), ("outcome", one.outcome)] if actions else []
        key += [("hour_type", one.hour_type)] if hours else []
        number, seconds = totals[tuple(key)]
        totals[tuple(key)] = (number + one.actions, seconds + one.seconds)
    return [
        dict(key) | ({"actions": number} if actions else {}) | ({"minutes": round(seconds / _SECONDS)} if hours else {})
        for key, (number, seconds) in sorted(totals.items())
    ]


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Dates as text; seconds as whole ones, so that the same work is the same bytes everywhere."""
    return {name: _as_text(value) for name, value in values.items()}


def _as_text(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    return round(value) if isinstance(value, float) else value


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
