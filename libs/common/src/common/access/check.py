"""Put the question to the table for a caller, and turn a "no" into what they are answered."""

from datetime import datetime

from common.access.table import Assurance, Facts, Permit, Refusal, Row, decide, not_logged_in, too_weak
from common.auth import EMPLOYEES, Principal
from common.errors import ForbiddenError, MunimentError, StepUpError
from common.standing import lapsed_claims

PROFILE = ("pin", "office", "region")
"""What the profile of an employee holds besides the roles (S1-094)."""


def admit(row: Row, principal: Principal, *, stated: str, now: datetime) -> Permit:
    """Let a caller do what this row stands for.

    Args:
        stated: the purpose as the caller states it; empty where they do not.

    Raises:
        ForbiddenError: profile, role, purpose or standing do not allow it; it says which, and what would do.
        StepUpError: they have to prove better, or anew, who they are.
    """
    answer = decide(row, facts_of(principal, stated=stated, now=now))
    if isinstance(answer, Refusal):
        raise refused(answer)
    return answer


def log_in(principal: Principal) -> None:
    """Refuse who is not logged in at all, whatever they would ask for (S1-094, S1-095, S1-096).

    Raises:
        ForbiddenError: the account has no profile here.
        StepUpError: an employee came without card or PIN.
    """
    refusal = not_logged_in(Facts(principal.roles, factors=_factors(principal.claims.get("amr"))))
    if refusal is not None:
        raise refused(refusal)


def require_assurance(needed: Assurance, principal: Principal, *, now: datetime) -> None:
    """Refuse a caller whose authentication is too weak or too old for what this asks.

    Raises:
        StepUpError: says what it would have to reach.
    """
    refusal = too_weak(needed, facts_of(principal, stated="", now=now))
    if refusal is not None:
        raise refused(refusal)


def facts_of(principal: Principal, *, stated: str, now: datetime) -> Facts:
    """What the table asks of a caller, by the token alone."""
    claims = principal.claims
    lapsed: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    if not EMPLOYEES.isdisjoint(principal.roles):
        lapsed = lapsed_claims(principal, today=now.date())
        gaps = tuple(name for name in PROFILE if not isinstance(claims.get(name), str) or not claims[name])
    at = claims.get("auth_time")
    return Facts(
        roles=principal.roles,
        stated=stated,
        gaps=gaps,
        factors=_factors(claims.get("amr")),
        lapsed=lapsed,
        ial=_level(claims.get("ial")),
        aal=_level(claims.get("aal")),
        age=now.timestamp() - at if isinstance(at, int) and not isinstance(at, bool) else None,
    )


def refused(refusal: Refusal) -> MunimentError:
    """The answer to a caller. It names what is possible and never what they wrote."""
    if refusal.why in {"factors", "assurance"}:
        needed = refusal.needed or Assurance()
        return StepUpError(
            refusal.detail, missing=refusal.missing, ial=needed.ial, aal=needed.aal, max_age=needed.max_age
        )
    return ForbiddenError(refusal.detail, missing=refusal.missing, purposes=list(refusal.possible))


def _factors(amr: object) -> frozenset[str]:
    return frozenset(one for one in amr if isinstance(one, str)) if isinstance(amr, list) else frozenset()


def _level(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
