"""What goes over the wire. Table models never do."""

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, JsonValue, StringConstraints, field_validator

from common.contracts.disclosure import FactValue
from disclosure import repository
from disclosure.grants import Grant
from disclosure.model import Notice
from disclosure.published import Lack, State, lacks, state
from disclosure.question import Outcome, Rules, Step, TaxSpan
from disclosure.tables import DecisionRow, DisclosureRequest
from disclosure.use_cases.asking import MOST_TRANSCRIPTS
from disclosure.use_cases.deciding import Decided
from disclosure.use_cases.looking import Explained, Replayed
from disclosure.wording import Reader

Word = Annotated[str, StringConstraints(min_length=1, max_length=80)]
_FACTS: dict[str, JsonValue] = {
    "tax.return-information": "absent",
    "inquiry.reference": "CONG-2026-0117",
    "inquiry.from-recipient": True,
    "inquiry.on-behalf-of-subject": True,
    "inquiry.asked-by": "subject",
}
_TRANSCRIPT = "0195a7c2-5e3c-7d40-9c39-0f5d5b1c7a10"


class RequestIn(BaseModel):
    """May these transcripts go to such a recipient, on this basis, for this purpose?"""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "transcript_ids": [_TRANSCRIPT],
                    "basis": "routine-use-1",
                    "recipient_kind": "congressional-office",
                    "purpose": "answer-inquiry",
                    "facts": _FACTS,
                }
            ]
        },
    )

    transcript_ids: list[UUID] = Field(min_length=1, max_length=MOST_TRANSCRIPTS)
    basis: Word = Field(description="Which permission is invoked; GET /v1/routine-uses lists them")
    recipient_kind: Word
    purpose: Word
    facts: dict[str, FactValue] = Field(default_factory=dict, description="Coded facts, as far as they are shown")

    @field_validator("transcript_ids")
    @classmethod
    def _each_once(cls, ids: list[UUID]) -> list[UUID]:
        return list(dict.fromkeys(ids))


class RequestOut(BaseModel):
    id: UUID
    transcript_ids: list[UUID]
    basis: str
    recipient_kind: str
    purpose: str
    facts: dict[str, FactValue]
    requested_by: str
    requested_at: datetime

    @classmethod
    def of(cls, row: DisclosureRequest) -> Self:
        return cls(**row.model_dump(exclude={"door"}))


class RequestPage(BaseModel):
    items: list[RequestOut]
    next_cursor: UUID | None = Field(description="Give it as `cursor` for what follows; null at the end")


class ReleaseIn(BaseModel):
    """To whom the records would go. Name and address enter the accounting of disclosures and nothing else."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    recipient_name: str = Field(min_length=1, max_length=200, repr=False)
    recipient_address: str = Field(min_length=1, max_length=500, repr=False)
    layer: str = Field(
        pattern=r"^[a-z0-9][a-z0-9-]{0,39}$", description="Which layer of the transcripts goes, e.g. original, redacted"
    )
    person_address: str = Field(
        default="",
        max_length=500,
        repr=False,
        description="Last known address of the person whom the records are about: for health or safety (b8) only, with "
        "which word goes there",
    )


class TaxSpanIn(BaseModel):
    """Lines of a transcript that hold return information (26 U.S.C. 6103), and what permits them to go, if anything."""

    model_config = ConfigDict(extra="forbid")

    transcript_id: UUID
    first: int = Field(ge=1, description="Number of the first line")
    last: int = Field(ge=1, description="Number of the last line, included")
    authority: str = Field(default="", max_length=40, description="statute, irs or irs-regulation; empty: nothing")
    authority_citation: str = Field(default="", max_length=100, pattern=r"^([A-Za-z0-9][A-Za-z0-9._:/()-]*)?$")


class DecisionIn(BaseModel):
    """Facts shown in addition to the request's, and the release that is wanted if the answer is allow."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "facts": {"inquiry.request": "LETTER-2026-03-01"},
                    "release": {
                        "recipient_name": "Office of Member of Congress, District 7",
                        "recipient_address": "123 Cannon Building, Washington, DC 20515",
                        "layer": "redacted",
                    },
                }
            ]
        },
    )

    facts: dict[str, FactValue] = Field(default_factory=dict)
    tax_spans: list[TaxSpanIn] | None = Field(
        default=None,
        max_length=1000,
        description="Lines with tax return information, by provenance; those that nothing permits to go are withheld and "
        "the rest may go. Not given: as in the decision before",
    )
    release: ReleaseIn | None = None

    def spans(self) -> list[TaxSpan] | None:
        return None if self.tax_spans is None else [TaxSpan(**dict(span)) for span in self.tax_spans]


class GrantOut(BaseModel):
    """A release grant. `token` lets the records out once: hand it to the transcripts service before it expires."""

    id: UUID
    token: str = Field(repr=False)
    layer: str
    transcript_ids: list[UUID]
    expires_at: datetime

    @classmethod
    def of(cls, grant: Grant, token: str) -> Self:
        return cls(
            id=grant.id,
            token=token,
            layer=grant.layer,
            transcript_ids=list(grant.transcript_ids),
            expires_at=grant.expires_at,
        )


class DecisionOut(BaseModel):
    """What was decided, and why: each reason with its citation."""

    id: UUID
    request_id: UUID
    outcome: Outcome
    basis: str
    rule_version: str
    missing: list[str] = Field(description="Facts not shown; empty unless undecided")
    reasons: list[Step]
    withheld: list[TaxSpan] = Field(description="Lines that stay behind although the rest may go (26 U.S.C. 6103)")
    holds_until: date | None
    decided_at: datetime
    accounting_id: UUID | None
    grant: GrantOut | None

    @classmethod
    def of(cls, decided: Decided) -> Self:
        decision, grant = decided.decision, decided.grant
        return cls(
            id=decided.id,
            request_id=decided.question.request_id,
            outcome=decision.outcome,
            basis=decided.question.basis,
            rule_version=decision.rule_version,
            missing=list(decision.missing),
            reasons=list(decision.reasons),
            withheld=list(decision.withheld),
            holds_until=decision.holds_until,
            decided_at=decision.decided_at,
            accounting_id=grant.accounting_id if grant else None,
            grant=GrantOut.of(grant, decided.token) if grant and decided.token else None,
        )


class DecisionSummary(BaseModel):
    id: UUID
    outcome: Outcome
    missing: list[str]
    rule_version: str
    decided_at: datetime

    @classmethod
    def of(cls, row: DecisionRow) -> Self:
        return cls(**row.model_dump(include={"id", "outcome", "missing", "rule_version", "decided_at"}))


class RequestDetail(RequestOut):
    """A request with its decisions so far, first to last."""

    decisions: list[DecisionSummary]


class ExplanationOut(BaseModel):
    """A decision, step by step: what was asked, by which rule, and how the facts answered."""

    id: UUID
    request_id: UUID
    outcome: Outcome
    basis: str
    recipient_kind: str
    purpose: str
    transcript_ids: list[UUID]
    rule_version: str
    missing: list[str]
    steps: list[Step]
    facts: dict[str, FactValue]
    tax_spans: list[TaxSpan]
    requested_by: str
    decided_by: str
    decided_at: datetime
    holds_until: date | None
    accounting_id: UUID | None

    @classmethod
    def of(cls, explained: Explained) -> Self:
        row, request = explained.row, explained.request
        return cls(
            **row.model_dump(exclude={"sealed", "steps", "tax_spans"}),
            tax_spans=list(repository.spans_of(row)),
            steps=explained.steps,
            **request.model_dump(include={"basis", "recipient_kind", "purpose", "transcript_ids"}),
            accounting_id=explained.accounting_id,
        )


class ReplayOut(BaseModel):
    """The decision made again from the stored rules and facts."""

    decision_id: UUID
    same: bool
    differences: list[str] = Field(description="Which parts came out otherwise; empty when the same")
    rule_version: str
    outcome_then: Outcome
    outcome_now: Outcome

    @classmethod
    def of(cls, replayed: Replayed) -> Self:
        return cls(
            decision_id=replayed.row.id,
            same=not replayed.differences,
            differences=list(replayed.differences),
            rule_version=replayed.row.rule_version,
            outcome_then=replayed.row.outcome,
            outcome_now=replayed.decision.outcome,
        )


class UseState(BaseModel):
    """Where a routine use stands today."""

    id: str
    state: State
    lacks: list[Lack] = Field(description="What is still missing before it may be used")


class NoticeOut(BaseModel):
    """A notice as this service applies it."""

    rule_version: str
    notice: Notice
    states: list[UseState]

    @classmethod
    def of(cls, rules: Rules, day: date) -> Self:
        notice = rules.notice
        missing = {u.id: lacks(notice.publication_of(u), u.effective_on, day) for u in notice.routine_uses}
        states = [UseState(id=use, state=state(lack), lacks=list(lack)) for use, lack in missing.items()]
        return cls(rule_version=rules.version, notice=notice, states=states)


class WordingOut(BaseModel):
    """A decision in words, for one kind of reader."""

    reader: Reader
    verdict: str
    points: list[str]


class DifferencesIn(BaseModel):
    """A changed notice, in the form in which `GET /v1/notices/{system}` gives `notice`."""

    model_config = ConfigDict(extra="forbid")

    notice: dict[str, Any]
    as_of: datetime | None = Field(default=None, description="Decide as on this day; not given: each as on its own day")


class KeysOut(BaseModel):
    """Public keys of release grants (RFC 7517)."""

    keys: list[dict[str, Any]]
