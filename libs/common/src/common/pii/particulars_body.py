"""What is told over the wire of a person, so that they can be recognised in a text. It is looked for and not kept."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.errors import FieldError, InvalidError
from common.pii.particulars import Person

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class ParticularsIn(BaseModel):
    """What is known of a person: names, number, and further particulars by kind of the taxonomy."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    given: list[Short] = Field(default_factory=list, max_length=5, repr=False)
    family: Short = Field(default="", repr=False)
    ssn: Short = Field(default="", repr=False)
    known: dict[str, list[Short]] = Field(default_factory=dict, max_length=20, repr=False)

    def person(self, person_id: str) -> Person:
        """Raises InvalidError: the number is none."""
        try:
            known = {kind: tuple(values) for kind, values in self.known.items()}
            return Person(id=person_id, given=tuple(self.given), family=self.family, ssn=self.ssn, known=known)
        except ValueError:
            raise InvalidError(
                "a particular is malformed", errors=[FieldError("ssn", "is no number of nine digits")]
            ) from None
