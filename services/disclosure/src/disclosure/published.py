"""What is published about a system of records before anything may leave it (5 U.S.C. 552a(e)(4), (e)(11), (r)).

Plain data, and the state in which a publication stands on a given day. A routine use may be used only when the publication
that announced it has run its whole course.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=80)]
Sentence = Annotated[str, StringConstraints(min_length=10, strip_whitespace=True)]

COMMENT_PERIOD = timedelta(days=30)
"""Between publishing a routine use and using it the public has this long to comment: 5 U.S.C. 552a(e)(11)."""

ReportedTo = Literal["omb", "congress"]
"""Who is told in advance of a new or significantly changed system: 5 U.S.C. 552a(r)."""

State = Literal["drafted", "open-for-comment", "waiting", "in-effect"]
"""Where a routine use stands. Only the last one lets anything leave.

drafted: not in the Federal Register yet. open-for-comment: published, and the public may still comment.
waiting: the comment period is over, and a report or the effective date is still to come.
"""

Lack = Literal["published", "comment-period-over", "reported-to-omb", "reported-to-congress", "in-force"]
"""What a routine use may lack before it may be used."""


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Statement(Rule):
    """One thing that the notice says, in our words, and where it says so."""

    id: Code
    says: Sentence
    citation: Sentence


class RecordElement(Rule):
    """A kind of information that the records hold: disclosures name these, never `everything`."""

    title: str = Field(min_length=3)
    about: Literal["customer", "employee", "both"]
    citation: Sentence
    medical: bool = False


class Publication(Rule):
    """One document in the Federal Register that announced the system, or a change of it."""

    id: Code
    citation: Sentence
    docket: str
    published_on: date | None = Field(description="null: drafted, and not published yet")
    comments_end_on: date | None = Field(description="The day on which the period for comments is over")
    reported_on: Mapping[ReportedTo, date | None] = Field(description="When each was told; null: not yet")

    @model_validator(mode="after")
    def _leaves_time_to_comment(self) -> "Publication":
        if (self.published_on is None) is not (self.comments_end_on is None):
            raise ValueError("a publication and its period for comments have both a day, or neither")
        if set(self.reported_on) != {"omb", "congress"}:
            raise ValueError("a publication says of both, OMB and Congress, when they were told (5 U.S.C. 552a(r))")
        if self.published_on and self.comments_end_on and self.comments_end_on < self.published_on + COMMENT_PERIOD:
            raise ValueError(f"{self.id} leaves fewer than 30 days for comment (5 U.S.C. 552a(e)(11))")
        return self


def lacks(publication: Publication, effective_on: date | None, day: date) -> tuple[Lack, ...]:
    """What is still missing on that day before a routine use of this publication may be used; empty: nothing."""
    passed: dict[Lack, date | None] = {
        "published": publication.published_on,
        "comment-period-over": publication.comments_end_on,
        "reported-to-omb": publication.reported_on["omb"],
        "reported-to-congress": publication.reported_on["congress"],
        "in-force": effective_on,
    }
    return tuple(lack for lack, on in passed.items() if on is None or on > day)


def state(missing: tuple[Lack, ...]) -> State:
    """The state of a routine use that lacks these."""
    if "published" in missing:
        return "drafted"
    if "comment-period-over" in missing:
        return "open-for-comment"
    return "waiting" if missing else "in-effect"
