"""What goes over the wire about layers, grants and copies."""

from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.pii.particulars import Person
from common.pii.particulars_body import ParticularsIn
from common.releases.bodies import UseOut
from transcripts.redaction import Place
from transcripts.releases.redeeming import Released
from transcripts.releases.reviewing import Settled
from transcripts.releases.reviewing import Shown as Layer

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")]
Label = Literal["benefits", "medical", "other-business", "employee-answers"]


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid")


class LayerIn(_In):
    """A new layer: for whom it is, and what is known of the people in the conversation."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"name": "congress", "audience": "others", "customer": {}}]}
    )

    name: Name = Field(description="As release grants name it; `original` is the record itself and no layer")
    audience: Literal["person", "others"] = Field(
        description="person: the customer themselves, so what is about other people is proposed; others: all of it is"
    )
    customer: ParticularsIn | None = Field(default=None, description="Not given: the display name alone is known")
    others: list[ParticularsIn] = Field(default_factory=list, max_length=20)

    def people(self) -> list[Person]:
        return [one.person(f"other-{n}") for n, one in enumerate(self.others)]


class DecisionIn(_In):
    """One place: characters `start` to `end` of the text of entry `seq`; found by a program, or added here."""

    seq: int = Field(ge=1)
    start: int = Field(ge=0)
    end: int = Field(ge=1)
    kind: Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,39}$")] = Field(
        description="Kind of the taxonomy, or a code of the reviewer's own, e.g. tax-return-information"
    )
    decision: Literal["redact", "keep"]
    reason: Literal["", "own-data", "not-personal", "business-contact", "consent", "published", "decided"] = ""

    def settled(self) -> Settled:
        return Settled(Place(self.seq, self.start, self.end, self.kind), self.decision, self.reason)


class LabelIn(_In):
    seq: int = Field(ge=1)
    element: Label


class SettlementIn(_In):
    decisions: list[DecisionIn] = Field(default_factory=list, max_length=500)
    labels: list[LabelIn] = Field(default_factory=list, max_length=500, description="What messages are about")


class NothingIn(_In):
    """A request without content."""


class SpanOut(BaseModel):
    """A place and what kind of thing stands there; never what it says."""

    seq: int
    start: int
    end: int
    kind: str
    source: Literal["detector", "reviewer"]
    decision: Literal["redact", "keep"] | None
    reason: str


class LayerOut(BaseModel):
    """A layer, and the copy as it would be now."""

    id: UUID
    transcript_id: UUID
    name: str
    audience: Literal["person", "others"]
    state: Literal["open", "reviewed"]
    opened_at: datetime
    reviewed_at: datetime | None
    spans: list[SpanOut]
    labels: dict[int, str]
    leaks: list[int] = Field(
        description="Lines that still say what is taken out elsewhere: nothing goes before they are settled"
    )
    working_copy: dict[str, Any] = Field(
        description="What would go; findings that wait for a decision count as taken out"
    )

    @classmethod
    def of(cls, found: Layer) -> Self:
        spans = [
            SpanOut(
                seq=s.seq, start=s.span_start, end=s.span_end, kind=s.kind, source=s.source, decision=s.decision,
                reason=s.reason,
            )
            for s in found.spans
        ]  # fmt: skip
        return cls(
            **found.layer.model_dump(include=set(cls.model_fields)),
            spans=spans,
            labels=dict(found.labels),
            leaks=list(found.working.leaks),
            working_copy=dict(found.working.document),
        )


class LayerStanding(BaseModel):
    """How a layer stands after an act. What it says is read with GET."""

    id: UUID
    transcript_id: UUID
    name: str
    state: Literal["open", "reviewed"]
    findings: int
    undecided: int
    leaks: list[int]

    @classmethod
    def of(cls, found: Layer) -> Self:
        return cls(
            **found.layer.model_dump(include={"id", "transcript_id", "name", "state"}),
            findings=len(found.spans),
            undecided=sum(1 for span in found.spans if span.decision is None),
            leaks=list(found.working.leaks),
        )


class CopyOut(BaseModel):
    """A copy that went. Its bytes: `GET /v1/releases/{grant_id}/copies/{transcript_id}`."""

    id: UUID
    transcript_id: UUID
    layer: str
    copy_hash: str = Field(description="SHA-256 of the bytes that went")
    working_hash: str = Field(description="SHA-256 of the working copy that they were written from")
    original_hash: str = Field(description="Content hash of the sealed transcript")
    kept_until: datetime = Field(description="Until when the bytes can be fetched, by whoever took the grant")


class ReleaseOut(UseOut):
    """What became of a grant."""

    copies: list[CopyOut]

    @classmethod
    def of(cls, found: Released) -> Self:
        copies = [CopyOut(**copy.model_dump(include=set(CopyOut.model_fields))) for copy in found.copies]
        return cls(**{n: v for n, v in asdict(found.use).items() if n != "settled_by"}, copies=copies)
