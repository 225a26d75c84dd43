"""What the files in `law/` say, as values: triggers, machines, time limits, and the factors of risk."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from disclosure import machines
from disclosure.machines import Machine

Ground = Literal["package", "medium", "audit", "records"]
Holds = Literal["everything", "failed-items", "missed", "records"]
Task = Literal["tell-district", "recapture"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Trigger(_Part):
    title: str
    rests_on: Ground
    holds: Holds
    tasks: tuple[Task, ...] = Field(min_length=1)
    citation: str

    @model_validator(mode="after")
    def _tells_somebody(self) -> Self:
        if "tell-district" not in self.tasks:
            raise ValueError("the district director is told of every incident")
        return self


class Limit(_Part):
    """A time limit. `minutes` None: the operator sets it."""

    title: str
    minutes: int | None
    met_by: str
    authority: str
    only_major: bool = False


class Question(_Part):
    asks: str
    answers: Mapping[str, int]


class Factor(_Part):
    title: str
    questions: Mapping[str, Question]


class Level(_Part):
    level: Literal["low", "moderate", "high"]
    up_to: int


class Risk(_Part):
    """The risk of harm by its three factors, as `law/risk.yaml` says it."""

    factors: Mapping[str, Factor]
    gravest: tuple[str, ...]
    levels: tuple[Level, ...]
    citation: str

    @model_validator(mode="after")
    def _reaches_everything(self) -> Self:
        most = sum(max(max(q.answers.values()) for q in f.questions.values()) for f in self.factors.values())
        bounds = [level.up_to for level in self.levels]
        if len(self.factors) != 3 or bounds != sorted(set(bounds)) or bounds[-1] < most:  # noqa: PLR2004 - the three factors
            raise ValueError(f"three factors, and levels that rise and reach {most}")
        return self


@cache
def triggers() -> Mapping[str, Trigger]:
    """Raises ValueError: one tells nobody, or does not say what follows."""
    return TypeAdapter(dict[str, Trigger]).validate_python(_read("triggers.yaml"))


@cache
def machines_of_incidents() -> Mapping[str, Machine]:
    """Incident and recapture.

    Raises:
        ValueError: the file does not hold together; the text says where.
    """
    found = machines.load((files("disclosure.incidents") / "law" / "states.yaml").read_text("utf-8"))
    if tuple(found) != ("incident", "recapture"):
        raise ValueError("states.yaml has to have incident and recapture")
    return found


@cache
def limits() -> Mapping[str, Limit]:
    """Raises ValueError: one is met by an act that the machine does not know."""
    found = TypeAdapter(dict[str, Limit]).validate_python(_read("clocks.yaml"))
    acts = {move.act for move in machines_of_incidents()["incident"].moves}
    if lost := [name for name, one in found.items() if one.met_by not in acts]:
        raise ValueError(f"limits that nothing meets: {', '.join(lost)}")
    return found


@cache
def risk() -> Risk:
    """Raises ValueError: the levels do not reach everything that can come of the answers."""
    return Risk.model_validate(_read("risk.yaml"))


def _read(name: str) -> object:
    found: object = yaml.safe_load((files("disclosure.incidents") / "law" / name).read_text("utf-8"))
    return found
