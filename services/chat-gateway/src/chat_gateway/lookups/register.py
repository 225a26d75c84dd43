"""Which other file a topic calls for, and what may be asked of it: data, read and held against each other."""

from collections.abc import Mapping
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
FieldName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
FILE = "systems.yaml"


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class System(_Part):
    """One of the agency's other files."""

    means: str
    fields: frozenset[FieldName] = Field(min_length=1)


class LookUpRegister(_Part):
    """Attributes:
    topics: topic → the systems that it calls for.
    reasons: code → what it means.
    """

    systems: Mapping[Code, System]
    topics: Mapping[Code, frozenset[Code]]
    reasons: Mapping[Code, str] = Field(min_length=1)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        for topic, systems in self.topics.items():
            if unknown := systems - self.systems.keys():
                raise ValueError(f"topic {topic}: there is no system {min(unknown)}")
        return self

    def called_for(self, topic: str) -> frozenset[str]:
        """The systems into which a conversation about this topic may lead."""
        return self.topics.get(topic, frozenset())

    @cached_property
    def all_fields(self) -> frozenset[str]:
        return frozenset[str]().union(*(system.fields for system in self.systems.values()))


def load(folder: Path | None = None) -> LookUpRegister:
    """The register of this package, or an agency's own from a folder that holds one.

    Raises:
        ValueError: it does not hold together.
    """
    own = files("chat_gateway.lookups") / FILE
    place = folder / FILE if folder is not None and (folder / FILE).is_file() else own
    try:
        document = yaml.safe_load(place.read_text("utf-8"))
    except yaml.YAMLError:
        raise ValueError(f"{FILE} cannot be read as YAML") from None
    return LookUpRegister.model_validate(document)
