"""The identity gate: evidence in, verified or not verified with what is missing out. No path goes round it.

It asks nothing of the records: what it answers is the same whether there is a record of the person or not.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.contracts.disclosure import FactValue
from common.errors import FieldError
from common.pii.ssn import holds_ssn
from disclosure.question import read_day
from disclosure.vocabulary import REFERENCE

Accepts = Literal["finding", "reference", "day-reached", "day-not-passed", "level-2"]
Answer = Literal["yes", "no", "not-shown"]
SUBJECTS = ("customer", "employee", "former-employee")
_LEVEL = 2
_VERSION_LENGTH = 12


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Element(_Part):
    asks: str
    accepts: Accepts | tuple[str, ...]
    citation: str
    by: Literal["official", "service"] = "official"


class Way(_Part):
    """Elements that together prove who asks. `note` goes into the record of the gate's answer."""

    needs: tuple[str, ...] = Field(min_length=1)
    note: str = ""


class Channel(_Part):
    """How a request comes. `only`: kinds of subject that it is open to; empty: to all."""

    title: str
    citation: str
    only: tuple[str, ...] = ()
    because: str = ""
    ways: Mapping[str, Way]


class Capacity(_Part):
    title: str
    needs: tuple[str, ...]


class Sensitivity(_Part):
    title: str
    needs: Mapping[str, tuple[str, ...]]


class IdentityTable(_Part):
    """The table, as `law/identity.yaml` says it."""

    version: str
    clauses: Mapping[Literal["identity", "offence"], str]
    elements: Mapping[str, Element]
    channels: Mapping[str, Channel]
    capacities: Mapping[str, Capacity]
    sensitive: Mapping[str, Sensitivity]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        asked = {n for c in self.channels.values() for w in c.ways.values() for n in w.needs}
        asked |= {n for c in self.capacities.values() for n in c.needs}
        asked |= {n for s in self.sensitive.values() for needs in s.needs.values() for n in needs}
        if asked != set(self.elements):
            raise ValueError(f"asked and not defined, or the other way round: {sorted(asked ^ set(self.elements))}")
        if any(not c.ways and not c.because for c in self.channels.values()):
            raise ValueError("a channel that opens nothing has to say why")
        return self

    def open_channels(self, subject: str) -> tuple[str, ...]:
        """Channels on which such a person can prove who they are."""
        return tuple(name for name, c in self.channels.items() if c.ways and (not c.only or subject in c.only))


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says they are whom, how, and what was shown for it.

    Attributes:
        subject: one of `SUBJECTS`: as what the record is about them.
        facts: by name of the element. Coded; no person's values.
    """

    channel: str
    capacity: str
    subject: str
    sensitivity: str
    facts: Mapping[str, FactValue]


@dataclass(frozen=True, slots=True)
class Checked:
    """One element and how it was answered."""

    fact: str
    asks: str
    citation: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate says.

    Attributes:
        way: the way that was complete, or that came nearest.
        missing: elements of that way, of the capacity and of the records' kind that are not shown or not so.
        closed: why this channel opens nothing for such a person; empty when it does.
        instead: channels that are open to them, when this one did not do.
    """

    verified: bool
    way: str
    version: str
    missing: tuple[str, ...] = ()
    checked: tuple[Checked, ...] = ()
    note: str = ""
    closed: str = ""
    instead: tuple[str, ...] = ()


def judge(table: IdentityTable, claim: Claim, *, today: date) -> Verdict:
    """Is it proved who asks, and that they may ask for this person?

    Raises:
        KeyError: channel, capacity or sensitivity are not of the table (callers check that first).
    """
    channel = table.channels[claim.channel]
    instead = tuple(c for c in table.open_channels(claim.subject) if c != claim.channel)
    if claim.channel not in table.open_channels(claim.subject):
        return Verdict(False, "", table.version, closed=channel.because, instead=instead)
    besides = table.capacities[claim.capacity].needs + table.sensitive[claim.sensitivity].needs.get(claim.capacity, ())
    answers = {n: _answer(e, claim.facts.get(n), today) for n, e in table.elements.items()}
    ways = {name: [n for n in (*way.needs, *besides) if answers[n] != "yes"] for name, way in channel.ways.items()}
    # The way that lacks least; of two alike the one of which more is shown, then the one that the table names first.
    nearest = min(ways, key=lambda name: (len(ways[name]), len(ways[name]) - len(channel.ways[name].needs)))
    asked = (*channel.ways[nearest].needs, *besides)
    checked = tuple(Checked(n, table.elements[n].asks, table.elements[n].citation, answers[n]) for n in asked)
    missing = tuple(ways[nearest])
    note = "" if missing else channel.ways[nearest].note
    return Verdict(not missing, nearest, table.version, missing, checked, note, instead=() if not missing else instead)


def certified(table: IdentityTable, text: str) -> dict[str, FactValue]:
    """What a certification says, held against the clauses; whatever the spacing, case and typographic signs."""
    plain = _plain(text)
    return {
        "certification.identity": _plain(table.clauses["identity"]) in plain,
        "certification.offence": _plain(table.clauses["offence"]) in plain,
    }


def wrong_facts(table: IdentityTable, facts: Mapping[str, FactValue]) -> Iterator[FieldError]:
    """What is wrong with facts that an official states: unknown, the service's own, of another form. Never the value."""
    for name, value in facts.items():
        element = table.elements.get(name)
        if element is None or element.by == "service":
            yield FieldError("evidence.facts", "a fact that the table of identity does not ask an official for")
        elif (rule := _broken_form(element, value)) is not None:
            yield FieldError(f"evidence.facts.{name}", rule)


@cache
def table() -> IdentityTable:
    """The table in this package; its version ends in a digest of its text.

    Raises:
        ValueError: it does not hold together.
    """
    text = (files("disclosure.individuals") / "law" / "identity.yaml").read_text("utf-8")
    document = yaml.safe_load(text)
    digest = hashlib.sha256(text.encode()).hexdigest()[:_VERSION_LENGTH]
    return IdentityTable.model_validate({**document, "version": f"identity/{document['version']}+{digest}"})


def _answer(element: Element, value: FactValue | None, today: date) -> Answer:
    if value is None:
        return "not-shown"
    if element.by == "official" and _broken_form(element, value) is not None:
        return "no"
    if isinstance(element.accepts, tuple):
        return "yes" if value in element.accepts else "no"
    match element.accepts:
        case "finding":
            good = value is True
        case "level-2":
            good = isinstance(value, int) and not isinstance(value, bool) and value >= _LEVEL
        case "reference":
            good = True
        case "day-reached":
            good = (day := read_day(str(value))) is not None and day <= today
        case "day-not-passed":
            good = (day := read_day(str(value))) is not None and day >= today
    return "yes" if good else "no"


def _broken_form(element: Element, value: FactValue) -> str | None:
    if element.accepts == "finding":
        return None if isinstance(value, bool) else "must be true or false"
    if not isinstance(value, str):
        return "must be a text"
    if isinstance(element.accepts, tuple):
        return None if value in element.accepts else f"must be one of {', '.join(element.accepts)}"
    if element.accepts == "reference":
        if holds_ssn(value):
            return "must not hold a person's number"
        return None if REFERENCE.match(value) else "must be a mark without spaces, 1 to 100 characters"
    return None if read_day(value) else "must be a day, YYYY-MM-DD"


def _plain(text: str) -> str:
    return " ".join(re.findall(r"[a-z]+", text.casefold()))
