"""Bodies of the registers of those who answer: answers in versions, authorities to act for somebody, fixed wordings."""

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chat_gateway.wire import Language, Topic
from common.contracts.chat import Authority

AnswerCode = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
Mark = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 ./:-]{1,79}$")]


class Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AnswerIn(Body):
    """A new version of an answer. It has no place to fill in: what is sent is what was approved."""

    answer: AnswerCode = Field(examples=["retirement-at-62"])
    language: Language
    topic: Topic | None = Field(default=None, description="Left out: for any topic")
    citation: str = Field(min_length=3, max_length=200, description="Where it stands", examples=["20 CFR 404.310"])
    text: str = Field(min_length=1, max_length=4000, pattern=r"^[^\x00]*$")
    valid_from: date
    valid_until: date | None = None


class AnswerVersion(BaseModel):
    answer: str
    version: int


class AnswerOut(AnswerVersion):
    language: str
    topic: str | None
    citation: str
    text: str
    valid_from: date
    valid_until: date | None
    for_strangers: bool = Field(description="It may be sent to somebody who is no party to a case")


class AnswersOut(BaseModel):
    answers: list[AnswerOut] = Field(description="What may be sent now, the newest version of each")


class Recipient(BaseModel):
    session_id: UUID
    seq: int = Field(description="Number of the entry in its session")
    at: datetime


class Recipients(BaseModel):
    """Every session in which this version was sent."""

    superseded_since: date | None = Field(description="Since when something else holds; null: it still does")
    recipients: list[Recipient]
    next: int | None = Field(default=None, description="`after` of the next page; none when this was the last")


class AuthorityIn(Body):
    """That one account may act for another, and where the proof is filed."""

    kind: Authority
    represented: str = Field(min_length=1, max_length=200, repr=False, description="Account of the person")
    representative: str = Field(min_length=1, max_length=200, repr=False, description="Account of who acts for them")
    proof: Mark = Field(
        description="Mark under which the paper is filed; no number of a person", examples=["SSA-1696/2026-114"]
    )
    valid_from: date
    valid_until: date | None = None


class AuthorityOut(BaseModel):
    """An entry of the register. The accounts are not shown."""

    authority_id: UUID
    kind: Authority
    proof: str
    valid_from: date
    valid_until: date | None
    entered_by: str
    approved_by: str | None
    approved_on: date | None
    ended_on: date | None


class WordingOut(BaseModel):
    """Words that are the same for everybody."""

    wording: str
    version: int
    language: str
    cites: str
    text: str
