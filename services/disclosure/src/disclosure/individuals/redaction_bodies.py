"""What comes in over the wire when a person's own record is searched for other people's data."""

from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from common.pii.particulars import Person
from common.pii.particulars_body import ParticularsIn
from common.pii.third_persons import REQUESTER


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class EntryIn(BaseModel):
    """An entry as it stands: places are counted in it, so nothing of it is trimmed."""

    model_config = ConfigDict(extra="forbid")

    seq: int = Field(ge=1)
    text: str = Field(max_length=20_000, repr=False)


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
