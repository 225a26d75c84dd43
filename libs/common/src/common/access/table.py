"""The table of permissions and the question put to it. Pure: facts about a caller in, an answer out.

What is asked, in this order: is there a profile, were both factors used, may a role of theirs do it, for what, are they
in good standing, and is their authentication strong and fresh enough. The first "no" is the answer.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from common.access.purposes import PURPOSES
from common.roles import EMPLOYEES
from common.standing import TOOL_TRAINING, suspension

Personal = Literal["none", "own", "others"]


class Scope(StrEnum):
    """How far a role reaches."""

    ANY = "any"
    OWN = "own"
    SUBORDINATE = "subordinate"
    OFFICE = "office"
    REGION = "region"
    CONTROLLED_OFFICE = "controlled-office"


@dataclass(frozen=True, slots=True)
class Reach:
    """How a caller stands to a record; only the service that keeps it knows. What it does not say is not so."""

    own: bool = False
    subordinate: bool = False
    office: bool = False
    region: bool = False
    controlled_office: bool = False


@dataclass(frozen=True, slots=True)
class Grant:
    """What one role may do in one operation.

    Attributes:
        purposes: for what; empty where the operation takes none.
        implied: the purpose that counts where none is stated; empty where one must be.
        alone: not for somebody who has another role as well.
    """

    scope: Scope
    purposes: frozenset[str] = frozenset()
    implied: str = ""
    alone: bool = False


@dataclass(frozen=True, slots=True)
class Assurance:
    """What a caller's own authentication must reach (NIST SP 800-63): levels, and seconds since it at most."""

    ial: int = 0
    aal: int = 0
    max_age: int | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One operation, and where it is reached: method and path, or `frame` and its type at the gateway's socket."""

    operation: str
    service: str
    places: tuple[tuple[str, str], ...]
    does: str
    personal: Personal = "none"
    private: bool = False
    public: str = ""
    no_purpose: str = ""
    apart: str = ""
    assurance: Assurance = Assurance()
    grants: Mapping[str, Grant] = field(default_factory=dict)

    @property
    def purposes(self) -> frozenset[str]:
        return frozenset[str]().union(*(_possible(grant) for grant in self.grants.values()))


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a caller at this moment.

    Attributes:
        roles: those their profile gives them.
        stated: purpose as they state it; empty where they do not.
        gaps: claims that their profile lacks.
        factors: how they proved who they are (RFC 8176).
        lapsed: claims of good standing that are missing or count no more.
        age: seconds since they proved it; None where it is not known.
    """

    roles: frozenset[str]
    stated: str = ""
    gaps: tuple[str, ...] = ()
    factors: frozenset[str] = frozenset()
    lapsed: tuple[str, ...] = ()
    ial: int = 0
    aal: int = 0
    age: float | None = None


@dataclass(frozen=True, slots=True)
class Permit:
    """Yes: for this purpose, by these roles, so far."""

    row: Row
    purpose: str
    roles: frozenset[str]
    scopes: frozenset[Scope]

    @property
    def unlimited(self) -> bool:
        return Scope.ANY in self.scopes

    def covers(self, reach: Reach) -> bool:
        """Whether a record to which the caller stands so is within the permit."""
        return self.unlimited or any(getattr(reach, scope.replace("-", "_")) for scope in self.scopes)


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, why, and what would do. `needed` is what the authentication would have to reach."""

    why: Literal["profile", "factors", "role", "purpose", "standing", "assurance"]
    detail: str
    missing: tuple[str, ...] = ()
    possible: tuple[str, ...] = ()
    needed: Assurance | None = None


class Table:
    """All rows.

    Raises:
        ValueError: two rows stand for the same operation of a service, or for the same place.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = {row.operation: row for row in rows}
        places = [(row.service, *place) for row in self.rows.values() for place in row.places]
        if len(set(places)) < len(places):
            raise ValueError("two operations stand at the same place")

    def of_service(self, service: str) -> list[Row]:
        """The rows of a service, with those that every service has."""
        return [row for row in self.rows.values() if row.service in {service, "every"}]


def decide(row: Row, facts: Facts) -> Permit | Refusal:
    """Whether a caller of whom this is known may do this, and for what."""
    return not_logged_in(facts) or _by_table(row, facts)


def not_logged_in(facts: Facts) -> Refusal | None:
    """Without profile, card and second factor nobody is logged in at all (S1-094, S1-095, S1-096)."""
    if not facts.roles:
        return Refusal("profile", "this account has no profile here: no role of the platform is given to it",
                       missing=("token.roles",))  # fmt: skip
    if facts.roles.isdisjoint(EMPLOYEES):
        return None
    if "sc" not in facts.factors or facts.factors.isdisjoint(_KNOWLEDGE):
        return Refusal("factors", "employees log in with their PIV card and its PIN", missing=("token.amr",))
    return None


_KNOWLEDGE = frozenset({"pin", "pwd", "mfa"})


def _by_table(row: Row, facts: Facts) -> Permit | Refusal:
    mine = {role: row.grants[role] for role in facts.roles if role in row.grants}
    if len(facts.roles) > 1 and any(grant.alone for grant in mine.values()):
        return Refusal("role", f"this is for somebody whose only role is {', '.join(sorted(mine))}")
    if not mine:
        return Refusal("role", f"this needs one of the roles {', '.join(sorted(row.grants))}")
    gaps = facts.gaps if not EMPLOYEES.isdisjoint(mine) else ()
    if gaps:
        return Refusal("profile", "the employee's profile in the token is not complete",
                       missing=tuple(f"token.{gap}" for gap in gaps))  # fmt: skip
    purpose = _purpose(mine.values(), facts.stated)
    if isinstance(purpose, Refusal):
        return purpose
    granting = {role: grant for role, grant in mine.items() if not purpose or purpose in _possible(grant)}
    lapsed = [claim for claim in facts.lapsed if claim != TOOL_TRAINING or row.service == "production"]
    if row.personal == "others" and lapsed and not EMPLOYEES.isdisjoint(granting):
        return Refusal("standing", suspension(lapsed), missing=tuple(f"token.{claim}" for claim in lapsed))
    weak = too_weak(row.assurance, facts)
    return weak or Permit(row, purpose, frozenset(granting), frozenset(grant.scope for grant in granting.values()))


def too_weak(needed: Assurance, facts: Facts) -> Refusal | None:
    """What the caller's authentication lacks of what is needed; None when it reaches it (RFC 9470)."""
    missing = [name for name in ("ial", "aal") if getattr(facts, name) < getattr(needed, name)]
    if needed.max_age is not None and (facts.age is None or facts.age > needed.max_age):
        missing.append("auth_time")
    if not missing:
        return None
    return Refusal(
        "assurance",
        "this needs a stronger or fresher proof of who you are: log in again as the challenge says",
        missing=tuple(f"token.{name}" for name in missing),
        needed=needed,
    )


def _possible(grant: Grant) -> frozenset[str]:
    return grant.purposes | ({grant.implied} if grant.implied else set())


def _purpose(grants: Collection[Grant], stated: str) -> str | Refusal:
    """The purpose of an access: the one stated if a role of theirs has it, or the one that all their roles imply."""
    possible = tuple(sorted(frozenset[str]().union(*map(_possible, grants))))
    if not possible and (not stated or stated in PURPOSES):
        return ""  # whatever purpose of the register it is, it decides nothing here
    implied = {grant.implied for grant in grants}
    if not stated and len(implied) == 1 and "" not in implied:
        return implied.pop()
    if stated in possible:
        return stated
    said = "no purpose is taken here" if not possible else f"possible for your roles here: {', '.join(possible)}"
    how = (
        "the one that is stated is not among them"
        if stated
        else "state one in the header Purpose-Of-Use or the query parameter purpose"
    )
    return Refusal("purpose", f"the purpose of an access decides who may have it; {said}; {how}",
                   missing=() if stated else ("purpose",), possible=possible)  # fmt: skip
