"""What goes over the wire."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

_TRANSCRIPT: JsonDict = {
    "id": "0197a0b2-6f00-7000-8000-000000000001",
    "session_id": "0197a0b0-1c00-7000-8000-000000000002",
    "opened_at": "2026-03-02T12:00:00Z",
    "closed_at": "2026-03-02T12:07:30Z",
    "sealed_at": "2026-03-02T12:07:30.120000Z",
    "last_seq": 9,
    "message_count": 6,
    "digest": "9f" * 32,
    "content_hash": "3c" * 32,
    "chat_topic": "retirement",
    "office": "S01",
    "close_reason": "customer_left",
    "identity_assurance": 2,
    "authenticator_assurance": 2,
    "notice_version": "2026-01",
}


class TranscriptSummary(BaseModel):
    """A sealed transcript without what was said."""

    model_config = ConfigDict(from_attributes=True, json_schema_extra={"examples": [_TRANSCRIPT]})

    id: UUID
    session_id: UUID
    opened_at: datetime
    closed_at: datetime
    sealed_at: datetime
    last_seq: int = Field(description="Number of entries")
    message_count: int
    digest: str = Field(description="Running digest over all entries; see /verification")
    content_hash: str = Field(description="SHA-256 of the file that /copy gives")
    chat_topic: str
    office: str = Field(description="Office of the first employee who took part; empty when none did")
    close_reason: str
    identity_assurance: int
    authenticator_assurance: int
    notice_version: str = Field(description="Version of the Privacy Act statement that was shown")


class EntryShown(BaseModel):
    """One entry. Without `pii`, `content` is what the digest covers, once it is written canonically."""

    seq: int
    kind: str = Field(examples=["opened", "joined", "posted", "closed"])
    digest: str
    content: dict[str, Any] = Field(description="As it was captured; a person's values stand in its member pii")


class NotationShown(BaseModel):
    """An amendment beside the sealed record: it was corrected, or its person disagrees (5 U.S.C. 552a(d)(2) to (d)(4))."""

    model_config = ConfigDict(from_attributes=True)

    kind: Literal["correction", "disagreement"]
    amendment_id: UUID = Field(description="The individual's request, under which disclosure keeps the papers")
    amended_at: datetime


class TranscriptShown(TranscriptSummary):
    """A sealed transcript with all that was said, in order, and what was amended since."""

    entries: list[EntryShown]
    notations: list[NotationShown]
    redacted: bool = Field(
        default=False,
        description="The purpose concerns an employee, and nobody said why the customer's particulars are relevant: they "
        "are taken out, so what the entries are committed to cannot be checked from this",
    )


class AlteredLine(BaseModel):
    line: int
    who: str
    text: str


class AlteredShown(BaseModel):
    """A conversation in its shape, with invented particulars; no time, no name, no id of it but the transcript's."""

    transcript_id: UUID
    lines: list[AlteredLine]


class TranscriptPage(BaseModel):
    items: list[TranscriptSummary]
    next_cursor: str | None = Field(description="Give it back as `cursor` for the next page; null on the last")


class SearchRequest(BaseModel):
    """Keys that must not stand in an address, where logs would keep them, are sought by POST."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"employee_pin": "100001", "opened_from": "2026-03-01T00:00:00Z"}]},
    )

    session_id: UUID | None = None
    account_id: str | None = Field(default=None, min_length=1, max_length=200)
    employee_pin: str | None = Field(default=None, min_length=1, max_length=40)
    chat_topic: str | None = Field(default=None, min_length=1, max_length=100)
    opened_from: AwareDatetime | None = Field(default=None, description="This moment counts")
    opened_to: AwareDatetime | None = Field(default=None, description="This moment does not count")
    cursor: str | None = Field(default=None, max_length=60)
    limit: int = Field(default=50, ge=1, le=200)


class VerificationShown(BaseModel):
    """The outcome of recomputing now, from the bytes that are kept."""

    transcript_id: UUID
    holds: bool
    digest: str = Field(description="As it was sealed")
    recomputed_digest: str
    content_hash: str
    recomputed_content_hash: str
    last_seq: int
    first_wrong_seq: int | None = Field(
        description="First entry that is missing, misplaced, does not follow, or says something else than it is committed to"
    )
    content_destroyed: bool = Field(
        description="What was said of persons was destroyed under an authority; what the digests cover holds all the same"
    )
    algorithm: str
    content_algorithm: str
    checked_at: datetime


class Access(BaseModel):
    """One look at a record. Who it was and from where is shown to auditors and privacy officers only."""

    at: datetime
    action: str
    purpose: str
    outcome: str
    roles: list[str]
    fields: list[str]
    user_id: str | None = None
    terminal: str | None = None


class AccessPage(BaseModel):
    items: list[Access]
    next_cursor: str | None


class SealFailureShown(BaseModel):
    """A session that is complete by number and yet not sealed."""

    model_config = ConfigDict(from_attributes=True)

    session_id: UUID
    rule: str
    first_seq: int
    found_at: datetime
    attempts: int


class SealFailures(BaseModel):
    items: list[SealFailureShown]
