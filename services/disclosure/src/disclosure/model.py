"""The words of the rules: a published notice, its routine uses, the conditions of the law, and the elements of each.

Everything here is plain data. Rules come from YAML (`rulebook.py`), are kept in the store under their version, and are
applied by `policy.py`. What is asked and what is answered stands in `question.py`.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from functools import cached_property
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from disclosure.published import COMMENT_PERIOD, Code, Publication, RecordElement, Rule, Sentence, Statement

Kind = Literal[
    "finding", "signed-finding", "reference", "day-reached", "day-not-passed",
    "recipient-kind", "elements-named", "elements-covered",
]  # fmt: skip
"""What may be said for an element when it is not one of listed codes.

finding: true (it was found) or false (it was found not to be so).
signed-finding: the same, signed by an official for this very request (`POST /v1/requests/{id}/findings`).
reference: the mark under which a paper, a matter or a determination is filed; never a person's number.
day-reached, day-not-passed: a calendar day (YYYY-MM-DD) up to, or from, the day of the decision.
recipient-kind: the kind of recipient that the request names, and no other.
elements-named: the record's elements that would go, each named (`name,address`); never the whole record.
elements-covered: a list of such elements that holds all of those that would go.
"""

Source = Literal["asked", "agreement", "consent", "records"]
"""Who says it: people, or the service itself from a register (agreements, consents, disputes about the records)."""

# Facts that the service itself supplies; they stand in conditions and are asked of nobody.
RECIPIENT_KIND = "recipient.kind"
RECIPIENT_STANDING = "recipient.standing"
PURPOSE = "purpose"
BASIS = "basis"
REQUEST = "request"
ELEMENTS_MEDICAL = "elements.medical"
OWN_FACTS = frozenset({RECIPIENT_KIND, RECIPIENT_STANDING, PURPOSE, BASIS, REQUEST, ELEMENTS_MEDICAL})

ELEMENTS = "elements"
ANYONE = "anyone"
"""Among recipients: whoever stands outside the agency."""

COMPANIONS = ("request", "by", "role", "on", "record")
"""What a signed finding brings beside its yes or no, as facts `<finding>.<companion>`."""


class Element(Rule):
    """One thing that has to be so before anything leaves."""

    fact: Code = Field(description="The coded fact that is asked for")
    asks: Sentence = Field(description="The question, for a person to read")
    citation: Sentence
    accepts: Kind | tuple[Code, ...] = Field(description="What answers it: a kind of fact, or one of these codes")
    source: Source = "asked"
    letter: str = Field(default="", description="Letter of the routine use that this element belongs to")
    when: Mapping[Code, tuple[Code, ...]] = Field(
        default_factory=dict, description="Asked only when these facts have one of these values"
    )
    unless: Mapping[Code, tuple[Code, ...]] = Field(
        default_factory=dict, description="Not asked when one of these facts has one of these values"
    )

    @property
    def said_by_people(self) -> bool:
        """Whether whoever asks or decides may simply state it."""
        return self.source == "asked" and self.accepts != "signed-finding" and self.fact not in OWN_FACTS


class Basis(Rule):
    """A permission to disclose: who may receive, for which purposes, and everything that has to be so."""

    id: Code
    title: Sentence
    summary: Sentence
    citation: Sentence
    recipients: tuple[Code, ...] = Field(min_length=1)
    purposes: Mapping[Code, Sentence] = Field(min_length=1)
    elements: tuple[Element, ...] = Field(min_length=1)


class RoutineUse(Basis):
    """A published use outside the agency that is compatible with why the records were collected (552a(a)(7))."""

    id: Annotated[str, StringConstraints(pattern=r"^(all-019\.)?routine-use-[1-9][0-9]?$|^all-019\.[a-z-]+$")]
    publication: Code = Field(description="Which publication announced it")
    effective_on: date | None = Field(description="First day of its use; null: it has none yet")
    letters: Mapping[Annotated[str, StringConstraints(pattern=r"^[a-d]$")], Sentence] = Field(default_factory=dict)
    letters_joined_by: Literal["none", "and", "or"] = "none"


class Condition(Basis):
    """Consent, or one of the exceptions of 5 U.S.C. 552a(b) beside routine uses: law, so in force without a notice."""

    id: Annotated[str, StringConstraints(pattern=r"^(consent|b[0-9]{1,2})$")]
    accounted: bool = Field(description="Whether 552a(c)(1) wants it accounted for: all but (b)(1) and (b)(2)")
    seen_by_person: bool = Field(description="Whether the person sees it in the accounting: all but (b)(7), 552a(c)(3)")


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
    effective_on: date
    semantics: Literal[2] = Field(description="How `policy.evaluate` reads these rules")
    records: Literal["sealed-transcripts", "named"] = Field(description="How it is known that there is such a record")
    manager_office: Sentence
    manager_address: Sentence
    location: Sentence
    authority: Sentence
    exemptions: tuple[str, ...]
    publications: tuple[Publication, ...] = Field(min_length=1)
    purposes_published: tuple[Statement, ...] = Field(min_length=1)
    individuals: tuple[Statement, ...] = Field(min_length=1)
    record_elements: Mapping[Code, RecordElement] = Field(min_length=1)
    sources: tuple[Statement, ...] = Field(min_length=1)
    retrieval_keys: tuple[Statement, ...] = Field(min_length=1)
    storage: tuple[Statement, ...] = Field(min_length=1)
    safeguards: tuple[Statement, ...] = Field(min_length=1)
    retention: tuple[Statement, ...] = Field(min_length=1)
    procedures: tuple[Statement, ...] = Field(min_length=1)
    recipients: Mapping[Code, Recipient]
    refused: tuple[RefusedBasis, ...]
    bar: tuple[Element, ...] = Field(description="The bar on tax return information: first, and under every basis")
    common: tuple[Element, ...] = Field(description="Asked under every basis")
    routine_uses: tuple[RoutineUse, ...]
    conditions: tuple[Condition, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        """Refuse rules that could not be meant: see the errors."""
        bases = list(self.bases())
        _refuse(len(bases) != len(set(bases)), "a basis is defined twice")
        for basis in (*self.routine_uses, *self.conditions):
            self._check(basis)
        for use in self.routine_uses:
            self._check_use(use)
        return self

    def _check(self, basis: Basis) -> None:
        unknown = set(basis.recipients) - set(self.recipients) - {ANYONE}
        _refuse(bool(unknown), f"{basis.id} names unknown kinds of recipient: {sorted(unknown)}")
        elements = (*self.bar, *self.common, *basis.elements)
        asked = {e.fact for e in elements}
        _refuse(len(asked) < len(elements), f"{basis.id} asks the same twice")
        loose = {fact for e in elements for fact in (*e.when, *e.unless)} - asked - OWN_FACTS
        _refuse(bool(loose), f"{basis.id} has conditions on facts it never asks for: {sorted(loose)}")

    def _check_use(self, use: RoutineUse) -> None:
        publication = self.publication_of(use)
        announced, takes_effect = publication.published_on, use.effective_on
        _refuse(
            announced is not None and takes_effect is not None and takes_effect < announced + COMMENT_PERIOD,
            f"{use.id} takes effect before the 30 days for comment are over (5 U.S.C. 552a(e)(11))",
        )
        _refuse((use.letters_joined_by == "none") is bool(use.letters), f"{use.id}: how are the letters joined?")
        strays = {e.letter for e in use.elements} - {"", *use.letters}
        _refuse(bool(strays), f"{use.id} has elements under letters it does not list: {sorted(strays)}")

    def publication_of(self, use: RoutineUse) -> Publication:
        """Raises ValueError: the notice holds no publication of that id."""
        for publication in self.publications:
            if publication.id == use.publication:
                return publication
        raise ValueError(f"{use.id} names a publication that the notice does not hold")

    def elements(self) -> Iterator[Element]:
        """Every element of every rule."""
        yield from self.bar
        yield from self.common
        for basis in (*self.routine_uses, *self.conditions):
            yield from basis.elements

    @cached_property
    def said_by_people(self) -> Mapping[str, Element]:
        """The facts that whoever asks or decides may state; all others come from registers or are signed findings."""
        return {element.fact: element for element in self.elements() if element.said_by_people}

    @cached_property
    def by_fact(self) -> Mapping[str, Element]:
        """Every fact that some rule asks for; where several do, as the last of them asks."""
        return {element.fact: element for element in self.elements()}

    def bases(self) -> Iterator[str]:
        yield from (basis.id for basis in (*self.routine_uses, *self.conditions))
        yield from (basis.id for basis in self.refused)

    def purposes(self) -> set[str]:
        return {purpose for basis in (*self.routine_uses, *self.conditions) for purpose in basis.purposes}


def _refuse(wrong: bool, because: str) -> None:
    if wrong:
        raise ValueError(because)
