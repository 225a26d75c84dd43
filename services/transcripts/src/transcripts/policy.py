"""Who may look at a transcript, and for what. Pure: facts in, answer out.

Each purpose stands on the notice of the system of records 60-0383 (its purposes and safeguards) or on the law; a look for
anything else is refused (S1-014). A person's own record needs no stated purpose: seeing it is their right.
"""

from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from common.errors import FieldError, ForbiddenError, InvalidError


@dataclass(frozen=True, slots=True)
class Purpose:
    """A purpose of use, where it comes from, and the roles whose work it is (S1-093)."""

    code: str
    describes: str
    basis: str
    roles: frozenset[str]


PURPOSES = {
    purpose.code: purpose
    for purpose in (
        Purpose(
            "program_administration",
            "Answering the person, and serving online users better",
            "60-0383 purposes; 42 U.S.C. 405(a), 902(a)(5)",
            frozenset({"agent", "supervisor"}),
        ),
        Purpose(
            "quality_review",
            "Judging the quality of responses",
            "60-0383 purposes",
            frozenset({"supervisor", "quality_reviewer"}),
        ),
        Purpose(
            "training",
            "Finding training needs of employees, units and offices",
            "60-0383 purposes",
            frozenset({"supervisor", "quality_reviewer"}),
        ),
        Purpose(
            "performance_assessment",
            "Assessing an employee's performance",
            "60-0383 purposes",
            frozenset({"supervisor"}),
        ),
        Purpose(
            "disclosure_processing",
            "Answering a request for access, amendment or disclosure",
            "5 U.S.C. 552a(b), (d)",
            frozenset({"privacy_officer"}),
        ),
        Purpose(
            "records_management",
            "Keeping, transferring and disposing of records",
            "44 U.S.C. 3101; 36 CFR 1225.16",
            frozenset({"records_officer"}),
        ),
        Purpose(
            "audit",
            "Checking who looked, why, and whether the record is whole",
            "5 U.S.C. 552a(e)(10)",
            frozenset({"auditor", "privacy_officer"}),
        ),
    )
}
OWN_RECORD = "first_party_access"
"""The purpose that stands in the trail when a person sees their own record (5 U.S.C. 552a(d)(1))."""

KNOWN = frozenset({*PURPOSES, OWN_RECORD})
STAFF = frozenset[str]().union(*(purpose.roles for purpose in PURPOSES.values()))
EVERY_OFFICE = frozenset({"quality_reviewer", "privacy_officer", "records_officer", "auditor"})
SEES_ACCESSES = frozenset({"auditor", "privacy_officer"})
SEES_FAILURES = frozenset({"records_officer", "auditor"})


@dataclass(frozen=True, slots=True)
class Reader:
    """A caller, as far as these rules ask.

    Attributes:
        account, pin: what the blind index holds for the caller's account id and PIN; empty where the role needs none.
        office: code of the employee's office.
    """

    roles: frozenset[str]
    account: bytes = b""
    pin: bytes = b""
    office: str = ""


@dataclass(frozen=True, slots=True)
class Scope:
    """Which transcripts a reader may see for a purpose: all, those of employees of an office, those of certain parties."""

    everything: bool = False
    offices: frozenset[str] = frozenset()
    numbers: frozenset[bytes] = frozenset()

    def covers(self, *, offices: AbstractSet[str], numbers: AbstractSet[bytes]) -> bool:
        """Whether a transcript whose employees belong to these offices, and whose parties have these numbers, is in it."""
        return self.everything or not self.offices.isdisjoint(offices) or not self.numbers.isdisjoint(numbers)


def purpose_of(reader: Reader, *, header: str, query: str) -> str:
    """The purpose of this look.

    Args:
        header, query: the two places where it may be said; empty where it was not.

    Raises:
        InvalidError: none, an unknown one, or two that differ.
        ForbiddenError: the caller's roles have no such task.
    """
    stated = header or query
    if not stated and "customer" in reader.roles and reader.roles.isdisjoint(STAFF):
        return OWN_RECORD
    if not stated:
        raise InvalidError(
            "say for what purpose: header Purpose-Of-Use or query parameter purpose", missing=["purpose"]
        )
    if header and query and header != query:
        raise InvalidError(
            "header and query parameter name different purposes", errors=[FieldError("purpose", "is stated twice")]
        )
    if stated == OWN_RECORD and "customer" in reader.roles:
        return OWN_RECORD
    if stated not in PURPOSES:
        known = ", ".join(sorted(PURPOSES))
        raise InvalidError("this is no purpose of the system", errors=[FieldError("purpose", f"one of: {known}")])
    if reader.roles.isdisjoint(PURPOSES[stated].roles):
        raise ForbiddenError("this purpose is no task of your role")
    return stated


def scope_of(reader: Reader, purpose: str) -> Scope:
    """What the reader may see for this purpose (already checked by `purpose_of`).

    A customer sees their own; an agent the sessions they took part in; a supervisor those of their office.
    """
    if purpose == OWN_RECORD:
        return Scope(numbers=frozenset({reader.account} - {b""}))
    roles = reader.roles & PURPOSES[purpose].roles
    return Scope(
        everything=not roles.isdisjoint(EVERY_OFFICE),
        offices=frozenset({reader.office} - {""}) if "supervisor" in roles else frozenset(),
        numbers=frozenset({reader.pin} - {b""}) if "agent" in roles else frozenset(),
    )
