"""The wrong door: what belongs to an appeal, to another procedure or to the Freedom of Information office."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict


class Aim(BaseModel):
    """What a request wants, and where that belongs when not here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    here: bool = False
    to: str = ""
    citation: str = ""
    because: str = ""


@cache
def aims() -> Mapping[str, Aim]:
    """What requests may want, by code.

    Raises:
        ValueError: one neither belongs here nor says where it does.
    """
    text = (files("disclosure.individuals") / "law" / "doors.yaml").read_text("utf-8")
    found = {code: Aim.model_validate(given) for code, given in yaml.safe_load(text)["aims"].items()}
    lost = [code for code, aim in found.items() if aim.here is bool(aim.to and aim.because and aim.citation)]
    if lost:
        raise ValueError(f"belongs nowhere, or to two places: {', '.join(lost)}")
    return found


def elsewhere() -> tuple[str, ...]:
    """The aims that belong to somebody else."""
    return tuple(code for code, aim in aims().items() if not aim.here)
