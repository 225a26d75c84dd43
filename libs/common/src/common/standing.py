"""Whether an employee may handle personal data at all: trained and bound within a year, and by the texts in force.

The issuer puts the dates and the versions of what was acknowledged into the token. An employee whose token lacks one, or has
one that counts no more, keeps their role and loses access to personal data until it is renewed (S1-099 to S1-102, S2-002,
S3-066, S3-067, S3-099, S3-107). `common.registers` holds the texts.
"""

from collections.abc import Collection, Mapping
from datetime import date, timedelta
from functools import lru_cache

from common.auth import Principal
from common.registers.documents import accepted_versions

VALID_FOR = timedelta(days=365)
DATES = ("training_date", "sanctions_date")
TOOL_TRAINING = "tool_training_version"
"""Needed for the reporting tools of the production service, and nowhere else (S3 3.4)."""

_RENEW = {
    "training_date": "the yearly security and privacy training",
    "training_version": "the yearly security and privacy training, in the version in force",
    "sanctions_date": "the yearly signature of the sanctions document",
    "sanctions_version": "the signature of the sanctions document, in the version in force",
    "policy_version": "the acknowledgement of the policy on personal information",
    "rules_version": "the acknowledgement of the rules of behaviour",
    TOOL_TRAINING: "the training in the reporting tools",
}


def lapsed_claims(principal: Principal, *, today: date) -> tuple[str, ...]:
    """The claims that have to be renewed before this employee may touch personal data; empty when none has to."""
    lapsed = [claim for claim in DATES if not _is_recent(principal.claims.get(claim), today)]
    for claim, accepted in _accepted(today).items():
        if accepted and principal.claims.get(claim) not in accepted:
            lapsed.append(claim)
    return tuple(lapsed)


def suspension(lapsed: Collection[str]) -> str:
    """What an employee with these claims is told; empty when nothing is lapsed."""
    wanted = " and ".join(_RENEW.get(claim, claim) for claim in lapsed)
    return f"access to personal data is suspended until {wanted} is renewed" if lapsed else ""


@lru_cache(maxsize=8)
def _accepted(today: date) -> Mapping[str, frozenset[str]]:
    return accepted_versions(today)


def _is_recent(text: object, today: date) -> bool:
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return day is not None and today - VALID_FOR <= day <= today
