"""How a caller stands to an employee (S3 2.1, 3.4): what the table of permissions asks of this service. Pure."""

from collections.abc import Sequence
from datetime import date

from production.model import Assignment
from production.offices import HEADQUARTERS, Offices


def supervises(supervisor_pin: str, assignments: Sequence[Assignment], *, day: date, today: date) -> bool:
    """Whether a supervisor may see what this employee did on that day.

    They must have been the supervisor on that day, and be it now: the need to know ends with the duty (S3 3.4, 8.3).

    Args:
        assignments: the employee's, in force (not superseded).
    """
    return all(any(a.supervisor_pin == supervisor_pin and a.holds_on(d) for a in assignments) for d in (day, today))


def reach_over(
    office: str, offices: Offices, *, day: date, today: date, own_office: str, own_region: str
) -> tuple[bool, bool, bool]:
    """How a caller stands to what an office did on that day: it is theirs, answers to their region, or to headquarters.

    What an office answers to must have been so on that day and be so now: the need to know ends with the duty (S3 3.4, 8.3).
    """
    above = {offices.above(office, on) for on in (day, today)}
    return office == own_office, above == {own_region} != {HEADQUARTERS}, above == {HEADQUARTERS}


def was_in(assignments: Sequence[Assignment], *, day: date, today: date) -> str:
    """The office in which the employee was on that day and is now; empty where that is not one and the same."""
    found = [next((a.office for a in assignments if a.holds_on(on)), "") for on in (day, today)]
    return found[0] if found[0] == found[1] else ""


def offices_touched(before: Sequence[Assignment], after: Sequence[Assignment]) -> frozenset[str]:
    """The offices whose chart a change touches: an administrator may touch their own alone (S3 2.1)."""
    return frozenset(a.office for a in set(before) ^ set(after))
