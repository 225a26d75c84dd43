"""What auditors send and get over the wire."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from disclosure.auditing.asked import Asked
from disclosure.auditing.rows import Shown
from disclosure.auditing.today import Compared
from disclosure.question import Outcome

Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/+-]{0,79}$")]
User = Annotated[str, StringConstraints(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Personal = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Day = Annotated[date, Field(ge=date(1974, 1, 1), le=date(2199, 12, 31))]


class AskedIn(BaseModel):
    """By what rows are sought; all that is given must hold, nothing given finds all.

    It stands in the body, since addresses end up in logs.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"basis": "routine-use-7", "day_from": "2025-10-01", "day_to": "2026-09-30"}]},
    )

    account_id: Personal | None = Field(
        default=None,
        repr=False,
        description="The person's account. Of disclosures it finds those of records that were found to be theirs on a "
        "request of theirs; others by `record_id`, as the search of transcripts tells it",
    )
    recipient_name: Personal | None = Field(
        default=None, repr=False, description="The whole name; case, spaces and punctuation do not count"
    )
    record_id: UUID | None = Field(default=None, description="A transcript, or set of production figures")
    request_id: UUID | None = None
    recipient_kind: Code | None = None
    basis: Code | None = None
    purpose: Code | None = None
    outcome: Code | None = Field(
        default=None,
        description="allow, deny, undecided; of accountings released, refused, expired, "
        "awaited; of individual-requests granted, granted-in-part, refused",
    )
    rule_version: Code | None = Field(default=None, description="Version of the rules that it was decided under")
    officer: User | None = Field(default=None, repr=False, description="Who decided it, or acted on it")
    requested_by: User | None = Field(default=None, repr=False)
    kind: Code | None = Field(default=None, description="Of individual-requests: notification, access, amendment")
    state: Code | None = Field(default=None, description="Of individual-requests")
    system: Code | None = Field(default=None, description="Of individual-requests: number of the system of records")
    day_from: Day | None = Field(default=None, description="First day at the agency's seat, included")
    day_to: Day | None = Field(default=None, description="Last day, included")

    def asked(self) -> Asked:
        return Asked(**self.model_dump(include=set(AskedIn.model_fields)))


class SearchIn(AskedIn):
    """A page of what is sought."""

    cursor: UUID | None = Field(default=None, description="`next_cursor` of the page before")
    limit: int = Field(default=50, ge=1, le=200)


class FoundPage(BaseModel):
    """Rows in the order in which they were made."""

    items: Sequence[Shown] = Field(description="All of the register that was asked")
    next_cursor: UUID | None = Field(description="Give it as `cursor` for what follows; null at the end")


class TodayIn(SearchIn):
    """Past decisions to be made again."""

    as_of_then: bool = Field(
        default=False,
        description="Decide each as on its own day, so that only what the rules changed is different; else as of today, on "
        "which an agreement may have run out as well",
    )


class ChangeOut(BaseModel):
    """One element of the rules that is answered otherwise. not-asked: the rules of that day do not ask it."""

    fact: str
    asks: str
    citation: str
    then: str
    now: str


class ComparedOut(BaseModel):
    """A decision then and under the rules of today."""

    decision_id: UUID
    request_id: UUID
    basis: str
    decided_at: datetime
    rule_version_then: str
    rule_version_now: str
    outcome_then: Outcome
    outcome_now: Outcome | None = Field(description="null: today's rules do not know its basis or recipient")
    same: bool
    missing_now: list[str]
    changes: list[ChangeOut]
    because: str = Field(description="What led from one to the other; empty when the same")

    @classmethod
    def of(cls, compared: Compared) -> Self:
        return cls.model_validate(compared, from_attributes=True)


class ComparedPage(BaseModel):
    """The decisions of a page, made again; nothing is stored."""

    items: list[ComparedOut]
    different: int = Field(description="How many of this page would come out otherwise")
    next_cursor: UUID | None
