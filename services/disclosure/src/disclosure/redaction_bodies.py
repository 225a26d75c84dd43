"""What comes in over the wire when a person's own record is searched for other people's data."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.errors import FieldError, InvalidError
from common.pii.particulars import Person
from common.pii.third_persons import REQUESTER

Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class EntryIn(BaseModel):
    """An entry as it stands: places are counted in it, so nothing of it is trimmed."""

    model_config = ConfigDict(extra="forbid")

    seq: int = Field(ge=1)
    text: str = Field(max_length=20_000, repr=False)


class ParticularsIn(_In):
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


class SearchIn(_In):
    """Entries of one record, and what is known of the people in it. They are looked through and not kept."""

    transcript_id: UUID
    entries: list[EntryIn] = Field(min_length=1, max_length=500)
    requester: ParticularsIn = ParticularsIn()
    others: list[ParticularsIn] = Field(default_factory=list, max_length=20)

    def people(self) -> tuple[Person, list[Person]]:
        return self.requester.person(REQUESTER), [one.person(f"other-{n}") for n, one in enumerate(self.others)]


class SettlementIn(_In):
    class One(_In):
        id: UUID
        decision: Literal["redact", "keep"]
        reason: Literal["", "own-data", "not-personal", "business-contact", "consent", "published"] = ""

    decisions: list[One] = Field(min_length=1, max_length=500)
