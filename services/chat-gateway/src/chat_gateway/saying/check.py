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
_PERHAPS_SIGN = re.compile(r"[\d@]")
_PERHAPS_WORDS = ("birth", "born", "maiden")


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
        return any_of(self.phrases) if self.phrases else None

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


def any_of(phrases: Sequence[str]) -> re.Pattern[str]:
    """What fits wherever one of these regular expressions does.

    Those that begin at the edge of a word share that condition, so that most places in a text are passed over at once.
    """
    edge = r"\b"
    inner = [phrase.removeprefix(edge) for phrase in phrases if _at_edge(phrase)]
    shared = [rf"{edge}(?:{'|'.join(f'(?:{phrase})' for phrase in inner)})"] if inner else []
    return re.compile("|".join(shared + [f"(?:{phrase})" for phrase in phrases if not _at_edge(phrase)]))


def _at_edge(phrase: str) -> bool:
    """Whether the whole of a phrase follows the edge of a word: no choice stands outside its groups."""
    plain, depth = re.sub(r"\[[^\]]*\]", "", phrase), 0
    if not plain.startswith(r"\b") or r"\(" in plain or r"\)" in plain:
        return False
    for sign in plain:
        depth += (sign == "(") - (sign == ")")
        if sign == "|" and not depth:
            return False
    return True


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


@cache
def _spoken_to(standing: Standing, accompanied: bool) -> tuple[tuple[Rule, ...], re.Pattern[str]]:
    """The rules for words to such a listener, and what fits wherever the phrases of one of them do."""
    table = tuple(r for r in rules().rules if standing in r.to and not (r.unless == "accompanied" and accompanied))
    return table, any_of([phrase for rule in table for phrase in rule.phrases])


def check(text: str, listener: Listener, agency: Agency) -> Checked:
    """Whether this may be said."""
    table, phrases = _spoken_to(listener.standing, listener.accompanied)
    plain = fold(text).text
    # One blank for each gap, and one for a text of nothing but gaps.
    spoken = " ".join(plain.split()).casefold() or (" " if plain else "")
    identifies = may_identify(plain)
    if not identifies and phrases.search(spoken) is None:
        return ALLOWED
    found: Sequence[Finding] = ()
    outbound: Mapping[str, tuple[Finding, ...]] = {}
    if identifies:
        message = OutboundMessage(body=text, persons=_persons(listener))
        found = [finding for finding, _ in findings_of(message, agency, load())]
        outbound = {v.rule: v.findings for v in judge(message, agency).violations}
    broken = tuple(_broken(table, found, outbound, spoken, len(text)))
    if not broken:
        return ALLOWED
    return Checked("block" if any(b.rule.verdict == "block" for b in broken) else "warn", broken)


def may_identify(plain: str) -> bool:
    """Whether a text, folded, could hold anything protected; cheap and too wide."""
    if not plain.isascii():
        return _PERHAPS.search(plain) is not None
    if _PERHAPS_SIGN.search(plain) is not None:
        return True
    small = plain.lower()  # the same as to ignore case, in a fraction of the time
    return any(word in small for word in _PERHAPS_WORDS)


def _broken(
    table: Sequence[Rule],
    found: Sequence[Finding],
    outbound: Mapping[str, tuple[Finding, ...]],
    spoken: str,
    length: int,
) -> Iterator[Broken]:
    for rule in table:
        places = {(f.start, f.end) for f in found if f.kind in rule.finds and (not rule.forms or f.form in rule.forms)}
        places |= {(f.start, f.end) for name in rule.outbound for f in outbound.get(name, ())}
        if not places and rule.pattern is not None and rule.pattern.search(spoken):
            places = {(0, length)}
        if places:
            yield Broken(rule, tuple(sorted(places)))


def _persons(listener: Listener) -> tuple[Person, ...]:
    given, _, family = listener.display_name.strip().rpartition(" ")
    return (Person(id="customer", given=tuple(given.split()), family=family),) if family else ()
