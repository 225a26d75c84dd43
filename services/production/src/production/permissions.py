"""Who may do what (S3 2.1, 3.4): rules about people. Rules about the state of records are in `policy`. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date

from production.model import Assignment

# Everyone who works here may see their own figures at any time (S3 7.1); the public and machines have none.
EMPLOYEES = frozenset(
    {
        "agent", "supervisor", "quality_reviewer", "analyst", "office_admin", "regional_admin", "hq_admin",
        "privacy_officer", "records_officer", "auditor",
    }
)  # fmt: skip

WHO_MAY: Mapping[str, frozenset[str]] = {
    "action.record": frozenset({"case_system"}),
    "report.own": EMPLOYEES,
    "report.named": frozenset({"supervisor"}),
    "report.team": frozenset({"supervisor"}),
    "assignments.read": frozenset({"office_admin"}),
    "assignments.set": frozenset({"office_admin"}),
}


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
