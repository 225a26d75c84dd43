"""What is known of the persons whom a message concerns, so that it can be recognised in its text. Pure."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from common.pii.taxonomy import Death, Taxonomy
from common.pii.tokens import together

_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")  # fmt: skip
_SSN_DIGITS = 9


class Person(BaseModel):
    """Somebody whom the message is about. Everything but `id` is a person's value and is shown nowhere.

    Attributes:
        id: tells persons of one message apart; no number of the person.
        given: first and further names.
        family: last name.
        ssn: social security number, nine digits however separated, or empty.
        member_id: the number under which the bill processing agent knows the person.
        case_number: the number of the person's case.
        known: further particulars, by kind of the taxonomy: birth dates (YYYY-MM-DD), addresses, telephones.
        evidence_of_death: mark under which the evidence is filed; empty: the person lives, as far as is known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(min_length=1, max_length=80)
    given: tuple[str, ...] = Field(default=(), repr=False)
    family: str = Field(default="", repr=False)
    ssn: str = Field(default="", repr=False)
    member_id: str = Field(default="", repr=False)
    case_number: str = Field(default="", repr=False)
    known: Mapping[str, tuple[str, ...]] = Field(default_factory=dict, repr=False)
    evidence_of_death: str = ""

    @model_validator(mode="after")
    def _number_is_whole(self) -> Self:
        if self.ssn and len(self.ssn_digits) != _SSN_DIGITS:
            raise ValueError("ssn: not nine digits")
        return self

    @property
    def ssn_digits(self) -> str:
        return "".join(character for character in together(self.ssn) if character.isdigit())

    @property
    def death(self) -> Death | None:
        return Death(self.evidence_of_death) if self.evidence_of_death.strip() else None

    def check(self, taxonomy: Taxonomy) -> None:
        """Raises ValueError: a particular is of a kind that the taxonomy does not know."""
        for kind in self.known:
            taxonomy.kind(kind)


def ways_to_write(day: str) -> list[Sequence[str]]:
    """The tokens of a day (YYYY-MM-DD) in each usual way to write it; empty when it names no day."""
    try:
        known = date.fromisoformat(day)
    except ValueError:
        return []
    month = _MONTHS[known.month - 1]
    years = (f"{known.year:04}", f"{known.year % 100:02}")
    ways: set[tuple[str, ...]] = {(known.strftime("%Y%m%d"),), (known.strftime("%m%d%Y"),), (known.strftime("%d%m%Y"),)}
    for m in {str(known.month), f"{known.month:02}", month, month[:3]}:
        for d in (str(known.day), f"{known.day:02}"):
            ordinals = ([d], [d, _ordinal(known.day)])
            for written in ordinals:
                for year in years:
                    ways |= {(m, *written, year), (*written, m, year)}
            ways.add((years[0], m, d))
    return [list(way) for way in ways]


def _ordinal(day: int) -> str:
    teens = range(11, 14)
    return "th" if day in teens else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
