"""How a caller stands to an employee (S3 2.1, 3.4): what the table of permissions asks of this service. Pure."""

from collections.abc import Sequence
from datetime import date

from production.model import Assignment


def supervises(supervisor_pin: str, assignments: Sequence[Assignment], *, day: date, today: date) -> bool:
    """Whether a supervisor may see what this employee did on that day.

    They must have been the supervisor on that day, and be it now: the need to know ends with the duty (S3 3.4, 8.3).

    Args:
        assignments: the employee's, in force (not superseded).
    """
    return all(any(a.supervisor_pin == supervisor_pin and a.holds_on(d) for a in assignments) for d in (day, today))


def offices_touched(before: Sequence[Assignment], after: Sequence[Assignment]) -> frozenset[str]:
    """The offices whose chart a change touches: an administrator may touch their own alone (S3 2.1)."""
    return frozenset(a.office for a in set(before) ^ set(after))
