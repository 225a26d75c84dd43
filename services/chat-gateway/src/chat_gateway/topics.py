"""What each topic of chat asks of the customer's own authentication, read from `topics.yaml`."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field

from common.access import Assurance


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    ial: int = Field(default=0, ge=0, le=3)
    aal: int = Field(default=0, ge=0, le=3)
    max_age: int | None = Field(default=None, gt=0)


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    others: _Asked
    topics: dict[str, _Asked]


def topics_from(document: Mapping[str, Any]) -> tuple[Assurance, Mapping[str, Assurance]]:
    """What other topics ask, and what each that is named asks.

    Raises:
        ValueError: a level does not exist, or a word is not known.
    """
    read = _Document.model_validate(document)
    return Assurance(**dict(read.others)), {name: Assurance(**dict(asked)) for name, asked in read.topics.items()}


@cache
def _topics() -> tuple[Assurance, Mapping[str, Assurance]]:
    return topics_from(yaml.safe_load((Path(__file__).parent / "topics.yaml").read_text(encoding="utf-8")))


def assurance_of(topic: str) -> Assurance:
    """What this topic asks; one that nobody named asks what others do."""
    others, named = _topics()
    return named.get(topic, others)
