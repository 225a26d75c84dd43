"""To whom each office answers on which day (S3 2.1): data of the operator, held against itself when it is read."""

from collections.abc import Mapping
from datetime import date
from importlib.resources import files
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

HEADQUARTERS = "headquarters"
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_-]{1,40}$")]


class _Part(BaseModel):
    """Nothing but the named members: a misspelt one must not pass for a missing one."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Answering(_Part):
    """To whom an office answers from one day on."""

    since: date = Field(alias="from")
    answers_to: Code


class Offices(_Part):
    offices: Mapping[Code, tuple[Answering, ...]]

    @model_validator(mode="after")
    def _go_forward(self) -> Self:
        for office, history in self.offices.items():
            if any(later.since <= earlier.since for earlier, later in pairwise(history)):
                raise ValueError(f"the days of office {office} do not go forward")
        return self

    def above(self, office: str, day: date) -> str:
        """To whom the office answered on this day: a region, `headquarters`, or empty where that is not known."""
        held = [one.answers_to for one in self.offices.get(office, ()) if one.since <= day]
        return held[-1] if held else ""

    def under(self, region: str, day: date) -> tuple[str, ...]:
        """The offices that answered to this region on this day, by code."""
        return tuple(sorted(office for office in self.offices if self.above(office, day) == region))


def load(file: Path | None) -> Offices:
    """The agency's register, or the one of development.

    Raises:
        ValueError: it does not hold together; the text says where.
        OSError: it cannot be read.
    """
    text = file.read_text() if file else files("production").joinpath("offices.yaml").read_text()
    return Offices.model_validate(yaml.safe_load(text))
