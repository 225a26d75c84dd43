"""What the files in `law/` say, as values: machines, ways of sending, and the warning on media."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

from disclosure import machines
from disclosure.machines import Machine

KINDS = ("item", "package", "shipment", "medium")


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Nature(_Part):
    title: str
    ways: tuple[str, ...] = Field(min_length=1)
    citation: str


class Way(_Part):
    title: str
    physical: bool = False
    key: bool = False


class Carrier(_Part):
    title: str
    ways: tuple[str, ...] = Field(min_length=1)
    tracks: bool


class Sending(_Part):
    """What may go by which way, as `law/sending.yaml` says it."""

    natures: Mapping[str, Nature]
    ways: Mapping[str, Way]
    carriers: Mapping[str, Carrier]
    events: tuple[str, ...] = Field(min_length=1)
    wrapping: Mapping[str, str] = Field(min_length=1)
    locked_places: tuple[str, ...] = Field(min_length=1)
    concealing: Mapping[str, str] = Field(min_length=1)
    not_personal: tuple[str, ...]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        named = {w for n in self.natures.values() for w in n.ways} | {w for c in self.carriers.values() for w in c.ways}
        if unknown := named - set(self.ways):
            raise ValueError(f"ways that are not there: {sorted(unknown)}")
        if wrong := [c for c, carrier in self.carriers.items() if not all(self.ways[w].physical for w in carrier.ways)]:
            raise ValueError(f"carriers carry things: {wrong}")
        return self


class Saying(_Part):
    words: tuple[str, ...] = Field(min_length=1)
    shows: str


class Marking(_Part):
    """The warning on media that hold information about other people."""

    version: str
    text: str
    says: Mapping[str, Saying]
    citation: str

    @model_validator(mode="after")
    def _says_all(self) -> Self:
        lacking = [name for name, one in self.says.items() if any(words not in self.text for words in one.words)]
        if lacking or set(self.says) != {"others", "review-and-redaction", "every-form", "law", "fines"}:
            raise ValueError(f"the warning on media does not say what it has to: {lacking or sorted(self.says)}")
        return self


@cache
def machines_of_packages() -> Mapping[str, Machine]:
    """Item, package, shipment, medium.

    Raises:
        ValueError: the file does not hold together; the text says where.
    """
    found = machines.load(_text("states.yaml"))
    if tuple(found) != KINDS:
        raise ValueError(f"states.yaml has to have {', '.join(KINDS)}")
    return found


@cache
def sending() -> Sending:
    """Raises ValueError: the file does not hold together."""
    return Sending.model_validate(yaml.safe_load(_text("sending.yaml")))


@cache
def marking() -> Marking:
    """Raises ValueError: the warning lacks something that it has to say."""
    return Marking.model_validate(yaml.safe_load(_text("marking.yaml")))


def _text(name: str) -> str:
    return (files("disclosure.packages") / "law" / name).read_text("utf-8")
