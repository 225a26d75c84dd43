"""What is asked of the rules, and what they answer: plain values, kept with each decision."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from common.contracts.disclosure import FactValue
from disclosure.model import Basis, Notice, RefusedBasis

Outcome = Literal["allow", "deny", "undecided"]
Answer = Literal["yes", "no", "not-shown"]

TAX_AUTHORITIES = ("statute", "irs", "irs-regulation")
"""Whose permission lifts the bar on return information: the notice's own list (60-0383, routine uses)."""


@dataclass(frozen=True, slots=True)
class TaxSpan:
    """Lines of a transcript that hold return information, judged by where it came from (26 U.S.C. 6103(b)).

    Attributes:
        first, last: numbers of the first and the last line, both included.
        authority, authority_citation: what permits these lines to go, if anything does.
    """

    transcript_id: UUID
    first: int
    last: int
    authority: str = ""
    authority_citation: str = ""

    @property
    def may_go(self) -> bool:
        return self.authority in TAX_AUTHORITIES and bool(self.authority_citation)


@dataclass(frozen=True, slots=True)
class Rules:
    """A notice under its version: system, notice version and digest of the rules' text, e.g. `60-0383/2017+1f2e3d4c5b6a`.

    `document` is that text, as the store keeps it.
    """

    version: str
    notice: Notice
    document: str = field(repr=False)
    bases: Mapping[str, Basis] = field(init=False, repr=False, compare=False)
    refused: Mapping[str, RefusedBasis] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        notice = self.notice
        object.__setattr__(self, "bases", {b.id: b for b in (*notice.routine_uses, *notice.conditions)})
        object.__setattr__(self, "refused", {b.id: b for b in notice.refused})


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: may these records go to such a recipient, on this basis, for this purpose?

    Attributes:
        facts: coded facts, by name, as far as they are shown: said by people, signed, or taken from registers.
        sealed: which of the transcripts are known to be complete.
        spans: where return information is known to stand in them.
    """

    request_id: UUID
    transcript_ids: tuple[UUID, ...]
    basis: str
    recipient_kind: str
    purpose: str
    facts: Mapping[str, FactValue]
    sealed: frozenset[UUID]
    spans: tuple[TaxSpan, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """One element and how it was answered."""

    fact: str
    asks: str
    citation: str
    answer: Answer
    letter: str = ""


@dataclass(frozen=True, slots=True)
class Decision:
    """What the rules say. `steps` holds every element that was asked, in order, with its citation.

    Attributes:
        missing: names of the facts not shown; empty unless undecided.
        withheld: lines that stay behind although the rest may go; empty unless allow.
        holds_until: last day (agency's time) on which the facts carry an allowance; None: no fact of it runs out.
    """

    outcome: Outcome
    rule_version: str
    steps: tuple[Step, ...]
    missing: tuple[str, ...]
    decided_at: datetime
    holds_until: date | None
    withheld: tuple[TaxSpan, ...] = ()

    @property
    def reasons(self) -> tuple[Step, ...]:
        """The steps that made the outcome: what stands against it, else what is not shown, else all that was shown."""
        wanted: Answer = {"deny": "no", "undecided": "not-shown", "allow": "yes"}[self.outcome]  # type: ignore[assignment]
        return tuple(step for step in self.steps if step.answer == wanted)


def read_day(value: object) -> date | None:
    """The day that a text of the form YYYY-MM-DD names, or None."""
    try:
        return date.fromisoformat(value) if isinstance(value, str) and len(value) == len("2017-09-02") else None
    except ValueError:
        return None


def read_elements(value: object) -> frozenset[str]:
    """The codes in a text like `name,address`; empty where there are none."""
    return frozenset(code.strip() for code in value.split(",")) - {""} if isinstance(value, str) else frozenset()
