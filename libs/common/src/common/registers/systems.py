"""Systems of records with the history of their notices, the authorities they rest on, and the assessments (S1-009 to S1-013,
S1-120; S3-021, S3-022).
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator


class Entry(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Authority(Entry):
    """A law, as the registers cite it, and what it permits."""

    cited_as: str = Field(min_length=5)
    permits: str = Field(min_length=10)
    source: str = Field(pattern=r"^S[13] .+")


class NoticeVersion(Entry):
    """A notice as it was published. `cited`: the source documents rely on this one."""

    version: str
    previous: str | None = Field(description="Version that this one replaced; null for the first ever")
    citation: str
    published_on: date
    cited: bool = False


class System(Entry):
    """A system of records, by its number."""

    number: str
    name: str
    agency: str
    location: str = Field(min_length=10)
    manager: str
    classification: str
    authorities: tuple[str, ...] = Field(min_length=1)
    families: tuple[str, ...] = Field(min_length=1)
    tools: tuple[str, ...]
    exemptions: tuple[str, ...]
    source: str
    versions: tuple[NoticeVersion, ...] = Field(min_length=1)

    @property
    def slug(self) -> str:
        return slug_of(self.number)

    @model_validator(mode="after")
    def _history_is_a_chain(self) -> Self:
        """The first version replaced none, each later one the one before it (S1-120)."""
        if self.versions[0].previous is not None:
            raise ValueError(f"{self.number}: the first version names a previous one")
        for before, after in pairwise(self.versions):
            if after.previous != before.version or after.published_on <= before.published_on:
                raise ValueError(f"{self.number}: version {after.version} does not follow version {before.version}")
        if sum(version.cited for version in self.versions) != 1:
            raise ValueError(f"{self.number}: exactly one version is the one that the sources rely on")
        return self


class Assessment(Entry):
    """Where it was assessed what may be kept."""

    id: str
    title: str
    reference: str
    dated: date


class Systems(Entry):
    systems: tuple[System, ...]
    assessments: tuple[Assessment, ...]

    @model_validator(mode="after")
    def _authorities_are_registered(self) -> Self:
        for system in self.systems:
            if unknown := set(system.authorities) - set(authorities()):
                raise ValueError(f"{system.number}: no such authority: {', '.join(sorted(unknown))}")
        return self

    def numbers(self) -> frozenset[str]:
        return frozenset(system.number for system in self.systems)

    def find(self, number: str) -> System | None:
        """The system with this number, however its slash and its letters are written."""
        return next((system for system in self.systems if system.slug == slug_of(number)), None)

    def of_tool(self, tool: str) -> frozenset[str]:
        """The systems whose notices cover this reporting tool's data (S3-117, S3-124)."""
        return frozenset(system.number for system in self.systems if tool in system.tools)

    def is_assessed(self, place: str) -> bool:
        """Whether this place, e.g. `PIA-086 2.1 user id`, lies in a registered assessment and says where."""
        return any(place.startswith(f"{a.id} ") and place != f"{a.id} " for a in self.assessments)


def slug_of(number: str) -> str:
    return number.lower().replace("/", "-")


def authorities_from(document: Mapping[str, Any]) -> Mapping[str, Authority]:
    """Raises ValueError: an authority is not as it must be, or stands twice."""
    found = {key: Authority.model_validate(value) for key, value in document["authorities"].items()}
    cited = [authority.cited_as for authority in found.values()]
    if len(cited) != len(set(cited)):
        raise ValueError("an authority stands twice")
    return found


@cache
def authorities() -> Mapping[str, Authority]:
    return authorities_from(_read("authorities.yaml"))


@cache
def systems() -> Systems:
    """Raises ValueError: the register does not hold together; the text says where."""
    return Systems.model_validate(_read("systems.yaml"))


def _read(name: str) -> Any:
    return yaml.safe_load((files("common.registers") / name).read_text())
