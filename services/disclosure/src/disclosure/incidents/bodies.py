"""What comes in over the wire about incidents and recaptures."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, StringConstraints

from common.contracts.disclosure import FactValue
from disclosure.incidents.opening import Detection, Missed
from disclosure.incidents.recapturing import Asking
from disclosure.incidents.telling import Report
from disclosure.incidents.weighing import Assessment, Draft, Notice
from disclosure.packages.bodies import Code, In, Mark, MaybeReference, PersonIn, Reference, Short, people

Words = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000)]
Trigger = Literal[
    "wrong-mail", "misfiled-release", "unredacted-release", "missed-pii", "lost-medium", "curious-look", "wrong-message"
]
_ID = "0195a7c2-5e3c-7d40-9c39-0f5d5b1c7a10"


class MissedIn(In):
    item_id: UUID
    person: str = Field(max_length=60, description="Id of somebody of the package, or label of somebody in `people`")
    kind: Code


class IncidentIn(In):
    """Something got, or may have got, where it must not be. Suspected is enough, and counts."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "trigger": "wrong-mail",
                    "certainty": "confirmed",
                    "detected_at": "2026-11-20T14:05:00Z",
                    "package_id": _ID,
                    "what_happened": "The envelope for one claimant was put into that of another.",
                    "how_discovered": "The person who got it called.",
                }
            ]
        }
    )

    trigger: Trigger
    certainty: Literal["suspected", "confirmed"]
    detected_at: AwareDatetime
    occurred_at: AwareDatetime | None = None
    package_id: UUID | None = None
    medium_id: UUID | None = None
    audit_service: Literal["", "chat_gateway", "transcripts", "production", "disclosure", "retention"] = ""
    audit_entry: UUID | None = Field(default=None, description="The entry of that service's trail that shows the look")
    records: list[UUID] = Field(default_factory=list, max_length=1000)
    failed_items: list[UUID] = Field(
        default_factory=list, max_length=1000, description="Items misfiled or not redacted"
    )
    missed: list[MissedIn] = Field(default_factory=list, max_length=500, description="What was overlooked")
    people: list[PersonIn] = Field(default_factory=list, max_length=50, description="People nobody knew to be in it")
    documents: list[Reference] = Field(default_factory=list, max_length=500, description="What is out, by mark")
    people_estimated: int = Field(default=0, ge=0, le=1_000_000_000)
    what_happened: Words = Field(default="", repr=False)
    how_discovered: Words = Field(default="", repr=False)

    def detection(self, kinds: frozenset[str]) -> Detection:
        same = ("trigger", "certainty", "detected_at", "occurred_at", "package_id", "medium_id", "audit_service",
                "audit_entry", "records", "failed_items", "documents", "people_estimated")  # fmt: skip
        return Detection(
            **{name: getattr(self, name) for name in same},
            story={"what_happened": self.what_happened, "how_discovered": self.how_discovered},
            missed=tuple(Missed(one.item_id, one.person, one.kind) for one in self.missed),
            persons=people(self.people, kinds),
        )


class ToldIn(In):
    """Somebody was told, just now."""

    means: Literal["in-person", "telephone", "letter", "internal-message"]


class ReportIn(In):
    """The departmental report: what kind of data, what happened, how it came to light, what was done to get it back."""

    reference: MaybeReference = Field(default="", description="Number of the departmental report")
    kinds: list[Code] = Field(default_factory=list, max_length=30)
    circumstances: Words = Field(default="", repr=False)
    how_discovered: Words = Field(default="", repr=False)
    recovery_actions: Words = Field(default="", repr=False)
    congress_reference: MaybeReference = ""

    def report(self) -> Report:
        told = self.model_dump(include={"circumstances", "how_discovered", "recovery_actions"})
        return Report(self.reference, self.kinds, told, self.congress_reference)


class ClosingIn(In):
    disposition: Words = Field(default="", repr=False, description="How the recovery ended")
    filed_as: MaybeReference = Field(default="", description="Where the incident's record is filed")


class HolderIn(In):
    """Who has it, and how they are reached."""

    name: Short = Field(default="", repr=False)
    contact: Short = Field(default="", repr=False)


class AskingIn(In):
    """Asked for by telephone or registered mail, with a stamped, addressed envelope to the district office."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "method": "registered-mail",
                    "registered_number": "RE123456785US",
                    "envelope_offered": True,
                    "return_to": "district-office",
                    "holder": {"name": "John Holder", "contact": "410-555-0123"},
                }
            ]
        }
    )

    method: Code
    registered_number: Mark | Literal[""] = ""
    envelope_offered: bool
    return_to: Code
    holder: HolderIn = Field(repr=False)
    documents: list[UUID] = Field(default_factory=list, max_length=500, description="Empty: all that is out")

    def asking(self) -> Asking:
        return Asking(
            self.method,
            self.envelope_offered,
            self.return_to,
            self.holder.model_dump(),
            self.registered_number,
            self.documents,
        )


class BackIn(In):
    id: UUID
    outcome: Literal["refiled", "destroyed", ""] = ""


class RecaptureActIn(In):
    """What came of it."""

    act: Literal["return", "not-answer", "ask-again", "refuse", "escalate", "give-up"]
    documents: list[BackIn] = Field(default_factory=list, max_length=500)


class AdviceIn(In):
    advice: Words = Field(repr=False)


class AssessmentIn(In):
    """The three factors, each question answered and each factor with its reason."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "answers": {
                        "sensitivity.context": "no",
                        "sensitivity.vulnerable": "no",
                        "sensitivity.permanence": "lasting",
                        "likelihood.protection": "open",
                        "likelihood.exposure": "days",
                        "likelihood.misuse": "none",
                        "type.intent": "unintentional",
                        "type.recipient": "known-and-cooperating",
                    },
                    "reasons": {"sensitivity": "A number.", "likelihood": "Opened.", "type": "A mix-up."},
                    "harm": "identity-theft-or-fraud",
                }
            ]
        }
    )

    answers: dict[Annotated[str, StringConstraints(pattern=r"^[a-z]+\.[a-z-]+$", max_length=60)], Code] = Field(
        max_length=20
    )
    reasons: dict[Literal["sensitivity", "likelihood", "type"], Words] = Field(repr=False)
    harm: Literal["economic-or-property", "identity-theft-or-fraud", "system-security-or-integrity"]
    level: Literal["low", "moderate", "high", ""] = Field(default="", description="Empty: what the answers make it")

    def assessment(self) -> Assessment:
        return Assessment(dict(self.answers), self.harm, {str(k): v for k, v in self.reasons.items()}, self.level)


class NoticePartsIn(In):
    """What only people can say in the letter."""

    happened: Words = Field(default="", repr=False)
    to_do: Words = Field(default="", repr=False)
    being_done: Words = Field(default="", repr=False)
    telephone: Short = ""
    email: Short = ""
    address: Short = ""


class NoticeIn(In):
    person_id: UUID
    outcome: Literal["sent", "not-needed", "delayed"]
    means: Literal["first-class-mail", "telephone", "e-mail", "substitute", ""] = ""
    reason: Literal["low-risk", "law-enforcement", "national-security", ""] = ""
    reference: MaybeReference = Field(default="", description="Where reason or order is filed")
    parts: NoticePartsIn = NoticePartsIn()

    def notice(self) -> Notice:
        given = self.model_dump(include={"person_id", "outcome", "means", "reason", "reference"})
        return Notice(**given, parts=self.parts.model_dump())


class DraftIn(In):
    """A disclosure that helps against the harm, drafted under routine use 8 or 9."""

    basis: Literal["routine-use-8", "routine-use-9"]
    recipient_kind: Code
    transcript_ids: list[UUID] = Field(min_length=1, max_length=100)
    facts: dict[Annotated[str, StringConstraints(max_length=60)], FactValue] = Field(
        default_factory=dict, max_length=30
    )

    def draft(self) -> Draft:
        return Draft(self.basis, self.recipient_kind, self.transcript_ids, self.facts)
