"""Sealing of what names a person: PINs, A-Numbers, online account numbers.

The database cannot look into what is sealed. So the wall that it is elsewhere stands here, before the seal, apart from the
rules of `policy`: only what has the form of such a number is sealed, and nothing that may be a social security number
(S3 2.5; invariant 10).
"""

import re
from dataclasses import dataclass
from uuid import UUID

from common.pii.ssn import holds_ssn
from common.protection.service_keys import ColumnKeys

PIN, REQUESTOR = "pin", "requestor"
"""Kinds of the blind indexes."""

_FORMS = {PIN: re.compile(r"[A-Za-z0-9._-]{1,32}", re.ASCII), REQUESTOR: re.compile(r"A[-# ]?\d{7,9}|\d{12}", re.ASCII)}
_RECEIPT = re.compile(r"[A-Z]{3}\d{10}", re.ASCII)


class UnsealableError(ValueError):
    """This may not be sealed here: the code that asked for it is wrong. The text never holds the value."""


@dataclass(frozen=True, slots=True)
class CaseNumber:
    """A case's number as it is kept: a receipt in the open, or what names a requestor as index and sealed."""

    receipt: str = ""
    requestor: bytes | None = None
    sealed: bytes | None = None


def pin_place(employee_id: UUID) -> str:
    """Where a sealed PIN belongs; it opens in no other row."""
    return f"employee.pin|{employee_id}"


def number_place(action_id: UUID) -> str:
    return f"action.requestor_number|{action_id}"


def sealed_pin(keys: ColumnKeys, pin: str, employee_id: UUID) -> bytes:
    """Raises: UnsealableError: this is no PIN."""
    _check(PIN, pin)
    return keys.seal(pin, pin_place(employee_id))


def opened_pin(keys: ColumnKeys, sealed: bytes, employee_id: UUID) -> str:
    """Raises: TamperedError: it is not what was sealed for this employee."""
    return keys.open(sealed, pin_place(employee_id))


def case_number(keys: ColumnKeys, number: str, action_id: UUID) -> CaseNumber:
    """Raises: UnsealableError: this is none of the three numbers (S3 2.2)."""
    if not number:
        return CaseNumber()
    if _RECEIPT.fullmatch(number):
        return CaseNumber(receipt=number)
    _check(REQUESTOR, number)
    return CaseNumber("", keys.blind(REQUESTOR, number), keys.seal(number, number_place(action_id)))


def is_case(keys: ColumnKeys, number: str, *, receipt: str, requestor: bytes | None) -> bool:
    """Whether this is the number that is kept so, under whichever version."""
    if requestor is None:
        return receipt == number
    return keys.matches(requestor, REQUESTOR, number)


def _check(kind: str, value: str) -> None:
    if not _FORMS[kind].fullmatch(value) or holds_ssn(value):
        raise UnsealableError(f"what is no {kind} is not sealed as one")
