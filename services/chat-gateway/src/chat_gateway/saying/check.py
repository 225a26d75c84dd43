"""May an employee say this to this person? Allow, warn or block, with the rule, its source and what to change. Pure.

The rules stand in `rules.yaml`. An answer holds rules and places, never what was found.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.pii.detection import Finding, Form
from common.pii.folding import fold
from common.pii.outbound import Agency, findings_of, judge
from common.pii.outbound_message import OutboundMessage
from common.pii.outbound_rules import rules as outbound_rules
from common.pii.particulars import Person
from common.pii.taxonomy import load

Standing = Literal["proven", "unproven", "stranger"]
Verdict = Literal["allow", "warn", "block"]

# Nothing protected is found in a text without any of these: a look at most words costs nothing (a test holds both together).
_PERHAPS = re.compile(r"[\d@]|birth|born|maiden", re.IGNORECASE)
_BLANKS = re.compile(r"\s+")


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", ignored_types=(cached_property,))


class Rule(_Strict):
    """One rule as it is written."""

    id: str
    cites: str
    says: str
    change: str
    verdict: Literal["warn", "block"]
    reasons: tuple[str, ...] = ()
    finds: frozenset[str] = frozenset()
    forms: tuple[Form, ...] | None = None
    outbound: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    to: frozenset[Standing] = frozenset(("proven", "unproven", "stranger"))
    unless: Literal["accompanied"] | None = None
    suggests: str | None = None

    @cached_property
    def pattern(self) -> re.Pattern[str] | None:
        return re.compile("|".join(f"(?:{phrase})" for phrase in self.phrases)) if self.phrases else None

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if (self.verdict == "warn") != bool(self.reasons):
            raise ValueError(f"{self.id}: a warning, and nothing else, has reasons to go on")
        if not (self.finds or self.outbound or self.phrases):
            raise ValueError(f"{self.id}: it would never break")
        return self


class Rules(_Strict):
    version: int
    source: str
    reasons: Mapping[str, str]
    rules: tuple[Rule, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if unknown := {r for rule in self.rules for r in rule.reasons} - set(self.reasons):
            raise ValueError(f"no such reasons: {', '.join(sorted(unknown))}")
        if unknown := {k for rule in self.rules for k in rule.finds} - set(load().types):
            raise ValueError(f"no kinds of the taxonomy: {', '.join(sorted(unknown))}")
        known = {rule.id for rule in outbound_rules().rules}
        if unknown := {o for rule in self.rules for o in rule.outbound} - known:
            raise ValueError(f"no rules for the outside: {', '.join(sorted(unknown))}")
        return self


@cache
def rules() -> Rules:
    """The platform's rules.

    Raises:
        ValueError: they do not hold together; the text says where.
    """
    return Rules.model_validate(yaml.safe_load((files("chat_gateway.saying") / "rules.yaml").read_text("utf-8")))


@dataclass(frozen=True, slots=True)
class Listener:
    """To whom it is said.

    Attributes:
        display_name: the person's name as the conversation shows it.
        accompanied: somebody with a proven authority takes part.
    """

    standing: Standing
    display_name: str = ""
    accompanied: bool = False


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that the text breaks, and where (start, end); the whole text where no place can be named."""

    rule: Rule
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Checked:
    verdict: Verdict
    broken: tuple[Broken, ...] = ()

    def excused_by(self, reason: str | None) -> bool:
        """Whether everything that is broken may be said for this reason."""
        return all(broken.rule.verdict == "warn" and reason in broken.rule.reasons for broken in self.broken)


ALLOWED = Checked("allow")


def check(text: str, listener: Listener, agency: Agency) -> Checked:
    """Whether this may be said."""
    table = rules().rules
    plain = fold(text).text
    found: Sequence[Finding] = ()
    outbound: Mapping[str, tuple[Finding, ...]] = {}
    if may_identify(plain):
        message = OutboundMessage(body=text, persons=_persons(listener))
        found = [finding for finding, _ in findings_of(message, agency, load())]
        outbound = {v.rule: v.findings for v in judge(message, agency).violations}
    spoken = _BLANKS.sub(" ", plain).casefold()
    broken = tuple(_broken(table, listener, found, outbound, spoken, len(text)))
    if not broken:
        return ALLOWED
    return Checked("block" if any(b.rule.verdict == "block" for b in broken) else "warn", broken)


def may_identify(plain: str) -> bool:
    """Whether a text, folded, could hold anything protected; cheap and too wide."""
    return _PERHAPS.search(plain) is not None


def _broken(  # noqa: PLR0917 - what is held against each rule
    table: Sequence[Rule],
    listener: Listener,
    found: Sequence[Finding],
    outbound: Mapping[str, tuple[Finding, ...]],
    spoken: str,
    length: int,
) -> Iterator[Broken]:
    for rule in table:
        if listener.standing not in rule.to or (rule.unless == "accompanied" and listener.accompanied):
            continue
        places = {(f.start, f.end) for f in found if f.kind in rule.finds and (not rule.forms or f.form in rule.forms)}
        places |= {(f.start, f.end) for name in rule.outbound for f in outbound.get(name, ())}
        if not places and rule.pattern is not None and rule.pattern.search(spoken):
            places = {(0, length)}
        if places:
            yield Broken(rule, tuple(sorted(places)))


def _persons(listener: Listener) -> tuple[Person, ...]:
    given, _, family = listener.display_name.strip().rpartition(" ")
    return (Person(id="customer", given=tuple(given.split()), family=family),) if family else ()
