"""What an auditor asks of a register: which one, and by which keys. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Literal
from uuid import UUID

from common.errors import FieldError, InvalidError

Register = Literal["requests", "decisions", "accountings", "individual-requests"]
REGISTERS: tuple[Register, ...] = ("requests", "decisions", "accountings", "individual-requests")

PERSONAL = ("account_id", "recipient_name")
"""Keys that are a person's: the audit trail keeps them as keyed digests."""


@dataclass(frozen=True, slots=True)
class Asked:
    """By what rows are sought; all that is given must hold.

    Attributes:
        account_id: the person's account. Of the registers of disclosures it finds what names a record that was found to be
            theirs on a request of theirs; which other records are theirs is found out in transcripts, by `record_id`.
        recipient_name: the whole name, as it was entered; case, spaces and punctuation do not count.
        officer: who decided or, of individuals' requests, did any act.
        day_from, day_to: days at the agency's seat, both included: of asking, deciding, disclosing, or receipt.
    """

    account_id: str | None = field(default=None, repr=False)
    recipient_name: str | None = field(default=None, repr=False)
    record_id: UUID | None = None
    request_id: UUID | None = None
    recipient_kind: str | None = None
    basis: str | None = None
    purpose: str | None = None
    outcome: str | None = None
    rule_version: str | None = None
    officer: str | None = None
    requested_by: str | None = None
    kind: str | None = None
    state: str | None = None
    system: str | None = None
    day_from: date | None = None
    day_to: date | None = None

    def given(self) -> Mapping[str, object]:
        """The keys that something is sought by."""
        return {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name) is not None}


_OF_DISCLOSURES = frozenset(f.name for f in fields(Asked)) - {"kind", "state", "system"}
KEYS: Mapping[Register, frozenset[str]] = {
    "requests": _OF_DISCLOSURES,
    "decisions": _OF_DISCLOSURES,
    "accountings": _OF_DISCLOSURES,
    "individual-requests": frozenset(
        {"account_id", "record_id", "request_id", "outcome", "officer", "kind", "state", "system", "day_from", "day_to"}
    ),
}
"""By what each register can be asked."""


def check(register: Register, asked: Asked) -> None:
    """Refuse keys that mean nothing in this register.

    Raises:
        InvalidError: by field.
    """
    strange = sorted(asked.given().keys() - KEYS[register])
    if strange:
        raise InvalidError(
            f"{register} are not kept by {', '.join(strange)}",
            errors=[FieldError(name, f"is no key of {register}; possible: {', '.join(sorted(KEYS[register]))}")
                    for name in strange],
        )  # fmt: skip
    if asked.day_from and asked.day_to and asked.day_to < asked.day_from:
        raise InvalidError("the last day lies before the first", errors=[FieldError("day_to", "is before day_from")])
