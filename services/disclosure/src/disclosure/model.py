"""The words of the rules: a published notice, its routine uses, the elements of each, and what a decision says.

Everything here is plain data. Rules come from YAML (`rulebook.py`), are kept in the store under their version, and are
applied by `policy.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from common.contracts.disclosure import FactValue

Outcome = Literal["allow", "deny", "undecided"]
Answer = Literal["yes", "no", "not-shown"]

Code = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]*$", max_length=80)]
Sentence = Annotated[str, StringConstraints(min_length=10, strip_whitespace=True)]

Kind = Literal["finding", "reference", "day-reached", "day-not-passed", "this-request"]
"""What may be said for an element when it is not one of listed codes.

finding: true (it was found) or false (it was found not to be so).
reference: the mark under which a paper, a matter or a determination is filed; never a person's number.
day-reached, day-not-passed: a calendar day (YYYY-MM-DD) up to, or from, the day of the decision.
this-request: the id of the very request; a finding made for another one does not serve.
"""

COMMENT_PERIOD = timedelta(days=30)
"""Between publishing a routine use and using it the public has this long to comment: 5 U.S.C. 552a(e)(11)."""

# Facts that the service itself supplies; they stand in conditions and are asked of nobody.
RECIPIENT_KIND = "recipient.kind"
RECIPIENT_STANDING = "recipient.standing"
PURPOSE = "purpose"


class Rule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Element(Rule):
    """One thing that has to be so before anything leaves."""

    fact: Code = Field(description="The coded fact that is asked for")
    asks: Sentence = Field(description="The question, for a person to read")
    citation: Sentence
    accepts: Kind | tuple[Code, ...] = Field(description="What answers it: a kind of fact, or one of these codes")
    letter: str = Field(default="", description="Letter of the routine use that this element belongs to")
    when: Mapping[Code, tuple[Code, ...]] = Field(
        default_factory=dict, description="Asked only when these facts have one of these values"
    )


class RoutineUse(Rule):
    """A published use outside the agency that is compatible with why the records were collected (552a(a)(7))."""

    id: Annotated[str, StringConstraints(pattern=r"^routine-use-[1-9][0-9]?$")]
    title: Sentence
    summary: Sentence
    citation: Sentence
    effective_on: date
    recipients: tuple[Code, ...] = Field(min_length=1)
    purposes: Mapping[Code, Sentence] = Field(min_length=1)
    letters: Mapping[Annotated[str, StringConstraints(pattern=r"^[a-d]$")], Sentence] = Field(default_factory=dict)
    letters_joined_by: Literal["none", "and", "or"] = "none"
    elements: tuple[Element, ...] = Field(min_length=1)


class RefusedBasis(Rule):
    """A basis that people invoke and that never opens the way out of this system; `because` is the reason given."""

    id: Code
    title: Sentence
    because: Sentence
    citation: Sentence


class Recipient(Rule):
    """A kind of recipient. `standing` decides whether the records' accuracy is reviewed first (552a(e)(6))."""

    title: Sentence
    standing: Literal["agency", "not-an-agency", "inside"]


class Notice(Rule):
    """A system of records as published, with everything the service needs to decide under it."""

    system: str
    name: Sentence
    version: str
    previous: str | None = Field(description="Version that this one replaced; null for the first")
    citation: Sentence
    docket: str
    published_on: date
    effective_on: date
    semantics: Literal[1] = Field(description="How `policy.evaluate` reads these rules")
    manager_office: Sentence
    manager_address: Sentence
    location: Sentence
    authority: Sentence
    exemptions: tuple[str, ...]
    recipients: Mapping[Code, Recipient]
    refused: tuple[RefusedBasis, ...]
    common: tuple[Element, ...] = Field(description="Asked under every routine use; the tax bar stands first")
    routine_uses: tuple[RoutineUse, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Refuse rules that could not be meant: see the errors."""
        bases = [use.id for use in self.routine_uses] + [basis.id for basis in self.refused]
        _refuse(len(bases) != len(set(bases)), "a basis is defined twice")
        for use in self.routine_uses:
            _refuse(
                use.effective_on < self.published_on + COMMENT_PERIOD,
                f"{use.id} takes effect before the 30 days for comment are over (5 U.S.C. 552a(e)(11))",
            )
            unknown = set(use.recipients) - set(self.recipients)
            _refuse(bool(unknown), f"{use.id} names unknown kinds of recipient: {sorted(unknown)}")
            _refuse((use.letters_joined_by == "none") is bool(use.letters), f"{use.id}: how are the letters joined?")
            strays = {e.letter for e in use.elements} - {"", *use.letters}
            _refuse(bool(strays), f"{use.id} has elements under letters it does not list: {sorted(strays)}")
            asked = {e.fact for e in (*self.common, *use.elements)} | {RECIPIENT_KIND, RECIPIENT_STANDING, PURPOSE}
            loose = {fact for e in (*self.common, *use.elements) for fact in e.when} - asked
            _refuse(bool(loose), f"{use.id} has conditions on facts it never asks for: {sorted(loose)}")
        return self

    def elements(self) -> Iterator[Element]:
        """Every element of every rule."""
        yield from self.common
        for use in self.routine_uses:
            yield from use.elements

    def bases(self) -> Iterator[str]:
        yield from (use.id for use in self.routine_uses)
        yield from (basis.id for basis in self.refused)

    def purposes(self) -> set[str]:
        return {purpose for use in self.routine_uses for purpose in use.purposes}


def _refuse(wrong: bool, because: str) -> None:
    if wrong:
        raise ValueError(because)


def read_day(value: str) -> date | None:
    """The day that a text of the form YYYY-MM-DD names, or None."""
    try:
        return date.fromisoformat(value) if len(value) == len("2017-09-02") else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class Rules:
    """A notice under its version: system, notice version and digest of the rules' text, e.g. `60-0383/2017+1f2e3d4c5b6a`.

    `document` is that text, as the store keeps it.
    """

    version: str
    notice: Notice
    document: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked: may these records go to such a recipient, on this basis, for this purpose?

    Attributes:
        facts: coded facts, by name, as far as they are shown.
        sealed: which of the transcripts are known to be complete.
    """

    request_id: UUID
    transcript_ids: tuple[UUID, ...]
    basis: str
    recipient_kind: str
    purpose: str
    facts: Mapping[str, FactValue]
    sealed: frozenset[UUID]


class Step(BaseModel):
    """One element and how it was answered."""

    model_config = ConfigDict(frozen=True)

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
        holds_until: last day (agency's time) on which the facts carry an allowance; None: no fact of it runs out.
    """

    outcome: Outcome
    rule_version: str
    steps: tuple[Step, ...]
    missing: tuple[str, ...]
    decided_at: datetime
    holds_until: date | None

    @property
    def reasons(self) -> tuple[Step, ...]:
        """The steps that made the outcome: what stands against it, else what is not shown, else all that was shown."""
        wanted: Answer = {"deny": "no", "undecided": "not-shown", "allow": "yes"}[self.outcome]  # type: ignore[assignment]
        return tuple(step for step in self.steps if step.answer == wanted)
