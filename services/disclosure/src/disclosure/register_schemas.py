"""What goes over the wire about findings, agreements and consents: codes and marks, no name of anybody."""

from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from disclosure.tables import FindingRow, Paper, PaperMark
from disclosure.vocabulary import REFERENCE

Mark = Annotated[str, StringConstraints(pattern=REFERENCE.pattern, max_length=100)]
ElementCode = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,79}$")]
Elements = Annotated[list[ElementCode], Field(min_length=1, max_length=50)]


class In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FindingIn(In):
    """What was found, yes or no, and where its reasons are filed."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"finding": "compatibility", "found": True, "record": "OGC-MEMO-18"}]},
    )

    finding: str = Field(max_length=80, description="One of those that the basis of the request asks for")
    found: bool
    record: Mark = Field(description="The mark under which the reasons are filed")


class FindingOut(BaseModel):
    id: UUID
    request_id: UUID
    finding: str
    found: bool
    record: str
    found_by: str
    role: str
    found_at: datetime
    signature: str = Field(description="JWS over all of this (type finding+jwt), to be checked with GET /v1/keys")

    @classmethod
    def of(cls, row: FindingRow) -> Self:
        return cls(**row.model_dump(exclude={"requested_by"}))


class Term(In):
    """From which day to which a paper permits anything."""

    reference: Mark = Field(description="The mark under which the paper is filed")
    begins_on: date
    ends_on: date
    elements: Elements = Field(description="Elements of the records, each named; the whole record is none")

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Self:
        if self.ends_on < self.begins_on:
            raise ValueError("the last day comes before the first")
        return self

    def terms(self) -> dict[str, str]:
        """The coded terms as the register keeps them."""
        given = self.model_dump(mode="json", exclude={"reference", "elements"}, exclude_none=True)
        return {name.replace("_", "-"): str(value) for name, value in given.items()}


class AgreementIn(Term):
    """An agreement under which somebody helps this agency (60-0383, routine use 4)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "reference": "SS00-26-40012",
                    "kind": "contract",
                    "partner": "contractor",
                    "program": "TITLE-II",
                    "begins_on": "2026-10-01",
                    "ends_on": "2027-09-30",
                    "elements": ["name", "benefits"],
                }
            ]
        },
    )

    kind: Literal["contract", "similar-agreement"]
    partner: Literal["contractor", "federal-agency"]
    program: Mark


class ConsentIn(Term):
    """A person's prior written consent (5 U.S.C. 552a(b), 20 CFR 401.100)."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "reference": "CONSENT-2026-17",
                    "form": "written",
                    "signed_on": "2026-10-30",
                    "identity": "ID-CHECK-17",
                    "signer": "subject",
                    "recipient_kind": "private-entity",
                    "begins_on": "2026-11-01",
                    "ends_on": "2026-12-31",
                    "elements": ["name", "benefits"],
                }
            ]
        },
    )

    form: Literal["written"] = Field(description="Spoken consent is none")
    signed_on: date
    identity: Mark = Field(description="The mark of the proof that whoever signed is who they say")
    signer: Literal["subject", "parent-of-minor", "guardian-of-minor", "guardian-of-incompetent"]
    relationship: Mark | None = Field(default=None, description="The paper that proves parent or guardian")
    recipient_kind: ElementCode


class PaperOut(BaseModel):
    id: UUID
    reference: str


class MarkIn(In):
    on_day: date = Field(description="From which day on it is so")
    record: Mark = Field(description="The mark under which the approval or the ending is filed")


class MarkOut(BaseModel):
    paper_id: UUID
    mark: str
    on_day: date
    record: str


class AgreementOut(BaseModel):
    id: UUID
    reference: str
    terms: dict[str, str]
    entered_by: str
    entered_at: datetime
    marks: list[MarkOut]

    @classmethod
    def of(cls, row: Paper, marks: list[PaperMark]) -> Self:
        said = [MarkOut(**m.model_dump(include={"paper_id", "mark", "on_day", "record"})) for m in marks]
        return cls(**row.model_dump(exclude={"kind"}), marks=said)


class AgreementPage(BaseModel):
    items: list[AgreementOut]
    next_cursor: UUID | None
