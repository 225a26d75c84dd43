"""What may be stored: rules about the state of records, as lists of what is wrong. Pure."""

import re
from collections.abc import Sequence
from itertools import pairwise

from common.contracts.personal import opened
from common.contracts.production import ActionCompleted, ActionPii
from common.contracts.transcripts import TranscriptClosed
from common.errors import FieldError
from production.model import Assignment

# Receipt number, A-Number, online account number: no other number of a requestor belongs here (S3 2.2).
_CASE_NUMBER = re.compile(r"[A-Z]{3}\d{10}|A[-# ]?\d{7,9}|\d{12}", re.ASCII)
_PIN = re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII)

SSN_RULE = "a social security number stands here; this service neither uses nor stores them (S3 2.5)"


KNOWN_FIELDS = frozenset(
    {*ActionCompleted.model_fields, *ActionPii.model_fields, *TranscriptClosed.model_fields, *Assignment.__annotations__,
     "assignments", "data", "id", "source", "subject", "type"}
)  # fmt: skip
"""Names of fields that a refusal may repeat; other names were given by a stranger and may be personal themselves."""


def wrong_with_action(action: ActionCompleted) -> list[FieldError]:
    """Everything that keeps this action from being stored; empty when nothing does."""
    wrong = []
    if action.started_at.tzinfo is None or action.completed_at.tzinfo is None:
        wrong.append(FieldError("started_at", "times need an offset from UTC"))
    elif action.completed_at < action.started_at:
        wrong.append(FieldError("completed_at", "the work cannot end before it starts"))
    whose = opened(action.pii)
    if not _PIN.fullmatch(whose.employee_pin):
        wrong.append(
            FieldError("pii.employee_pin", "a PIN has 1 to 32 letters, digits, points, hyphens or underscores")
        )
    if whose.case_number and not _CASE_NUMBER.fullmatch(whose.case_number):
        wrong.append(
            FieldError(
                "pii.case_number",
                "must be a receipt number, an A-Number or an online account number (S3 2.2), or empty",
            )
        )
    return wrong


def wrong_with_assignments(pin: str, assignments: Sequence[Assignment]) -> list[FieldError]:
    """Everything that keeps these from being one employee's history; empty when nothing does."""
    wrong = []
    if not _PIN.fullmatch(pin):
        wrong.append(FieldError("pin", "a PIN has 1 to 32 letters, digits, points, hyphens or underscores"))
    for n, one in enumerate(assignments):
        if one.valid_to is not None and one.valid_to <= one.valid_from:
            wrong.append(FieldError(f"assignments.{n}.valid_to", "must lie after valid_from"))
        if one.supervisor_pin == pin:
            wrong.append(FieldError(f"assignments.{n}.supervisor_pin", "nobody supervises themselves"))
        elif one.supervisor_pin is not None and not _PIN.fullmatch(one.supervisor_pin):
            wrong.append(FieldError(f"assignments.{n}.supervisor_pin", "is not a PIN"))
    ordered = sorted(enumerate(assignments), key=lambda item: item[1].valid_from)
    for (_, earlier), (n, later) in pairwise(ordered):
        if earlier.valid_to is None or later.valid_from < earlier.valid_to:
            wrong.append(FieldError(f"assignments.{n}.valid_from", "the assignment before it still holds on this day"))
    return wrong
