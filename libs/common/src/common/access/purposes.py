"""The register of purposes of use, read from `purposes.yaml` (S1 Authority and Purpose; S3 1.1, 2.2)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

OWN_RECORD = "own-record"
"""What a person sees of themselves needs no other reason (5 U.S.C. 552a(d)(1))."""

Code = Annotated[str, StringConstraints(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=40)]
Sentence = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


class Purpose(BaseModel):
    """One purpose: what it means, what kind it is, and by which law and which passage of the sources it stands."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    means: Sentence
    kind: Literal["notice", "right", "oversight"]
    authorities: tuple[Sentence, ...] = Field(min_length=1)
    source: Annotated[str, StringConstraints(pattern=r"^S[13] .+")]


_REGISTER: TypeAdapter[dict[str, Purpose]] = TypeAdapter(dict[Code, Purpose])


def purposes_from(document: Mapping[str, Any]) -> Mapping[str, Purpose]:
    """The register in this document.

    Raises:
        ValueError: a purpose has no authority (S1-013), or is otherwise not as it must be.
    """
    return _REGISTER.validate_python(document["purposes"])


PURPOSES: Mapping[str, Purpose] = purposes_from(
    yaml.safe_load((Path(__file__).parent / "purposes.yaml").read_text(encoding="utf-8"))
)
