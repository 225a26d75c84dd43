"""Whether an employee may handle personal data at all: trained, and bound by the sanctions document, within a year.

The issuer puts both dates into the token. An employee whose token is older than either, or lacks one, keeps their role and
loses access to personal data until the date is renewed (S1-099, S1-101, S3-067).
"""

from datetime import date, timedelta

from common.auth import Principal

VALID_FOR = timedelta(days=365)
DATES = {
    "training_date": "the yearly security and privacy training",
    "sanctions_date": "the yearly signature of the sanctions document",
}


def lapsed_claims(principal: Principal, *, today: date) -> tuple[str, ...]:
    """The claims that have to be renewed before this employee may touch personal data; empty when none has to."""
    return tuple(claim for claim in DATES if not _is_recent(principal.claims.get(claim), today))


def suspension(lapsed: tuple[str, ...]) -> str:
    """What an employee with these claims is told; empty when nothing is lapsed."""
    wanted = " and ".join(DATES[claim] for claim in lapsed)
    return f"access to personal data is suspended until {wanted} is renewed" if lapsed else ""


def _is_recent(text: object, today: date) -> bool:
    try:
        day = date.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return False
    return day is not None and today - VALID_FOR <= day <= today
