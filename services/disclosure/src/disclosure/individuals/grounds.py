"""Why a request may be refused: a closed list. No exemption of subsections (j) or (k) is claimed, so none is a reason."""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from common.errors import FieldError
from disclosure.individuals.states import Kind

NO_RECORD = "no-record"


class Ground(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    says: str
    citation: str
    needs: tuple[str, ...] = ()


class Never(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    pattern: str
    because: str
    citation: str


def grounds_for(kind: Kind) -> Mapping[str, Ground]:
    """The reasons that may be given for refusing a request of this kind. A notification is answered and never refused."""
    return _open().get(kind, {})


def wrong_with(kind: Kind, given: list[str], shown: Mapping[str, str]) -> list[FieldError]:
    """What keeps these reasons from counting, by field; the text says why (S1-119). A reason is never repeated."""
    wrong = []
    possible = grounds_for(kind)
    for number, code in enumerate(given):
        field = f"grounds[{number}]"
        if code in possible:
            lacking = [name for name in possible[code].needs if not shown.get(name)]
            wrong += [FieldError(f"references.{name}", f"the ground {code} needs it") for name in lacking]
        elif (never := _never(code)) is not None:
            wrong.append(FieldError(field, f"{never.because} ({never.citation})"))
        else:
            wrong.append(FieldError(field, f"is no reason to refuse here; these are: {', '.join(possible) or 'none'}"))
    return wrong


def _never(code: str) -> Never | None:
    written = re.sub(r"[\s._]+", "-", code.strip().casefold()).replace("u-s-c", "usc")
    return next((one for one in _refused() if re.fullmatch(one.pattern, written)), None)


@cache
def _document() -> dict[str, Any]:
    text = (files("disclosure.individuals") / "law" / "grounds.yaml").read_text("utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@cache
def _open() -> Mapping[str, Mapping[str, Ground]]:
    return TypeAdapter(dict[str, dict[str, Ground]]).validate_python(_document()["open"])


@cache
def _refused() -> tuple[Never, ...]:
    return TypeAdapter(tuple[Never, ...]).validate_python(_document()["never"])
