"""What comes in over the wire about requests of individuals."""

from datetime import date
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from common.contracts.disclosure import FactValue
from common.errors import FieldError, InvalidError
from common.registers.systems import systems
from disclosure.individuals.copies import FORMS
from disclosure.individuals.intake import Evidence, Intake
from disclosure.individuals.letters import Official
from disclosure.individuals.states import Kind, Outcome
from disclosure.individuals.working import Delivery, Ruling

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Reference = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/()-]{0,99}$")]
Capacity = Literal["self", "representative", "parent", "guardian"]
Aim = Literal["own-record", "claim-determination", "earnings-record", "agency-records"]
ElsewhereAim = Literal["claim-determination", "earnings-record", "agency-records"]
_RECORD = "0195a7c2-5e3c-7d40-9c39-0f5d5b1c7a10"


class _In(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NothingIn(_In):
    """A body without content."""


class PersonIn(_In):
    """By what the system can find a person. Any one of name, number or other particular does; none is obligatory."""

    name: Short = Field(default="", repr=False)
    ssn: Short = Field(default="", repr=False, description="Never needed if something else identifies the person")
    address: Short = Field(default="", repr=False)
    other: Short = Field(default="", repr=False, description="Another particular that the system may hold")

    def given(self) -> list[str]:
        return [name for name in ("name", "ssn", "other") if getattr(self, name)]


class AmendmentIn(_In):
    """What is contested, what is to be done, and why (20 CFR 401.65(a))."""

    contested: Text = Field(repr=False, description="The information that is disputed, quoted or described")
    action: Literal["add", "delete", "substitute"]
    correction: Short = Field(default="", repr=False, description="What the record ought to say")
    grounds: list[Literal["incomplete", "untimely", "inaccurate", "irrelevant"]] = Field(min_length=1, max_length=4)
    justification: Text = Field(repr=False)


class _RequestIn(_In):
    kind: Kind
    system: str = Field(max_length=40, description="System of records to be searched, by its number")
    capacity: Capacity = "self"
    sensitivity: Literal["ordinary", "medical"] = "ordinary"
    aim: Aim = Field(default="own-record", description="What is wanted; what belongs elsewhere is sent there")
    records: list[UUID] = Field(default_factory=list, max_length=100)
    description: Short = Field(default="", repr=False, description="Which record is meant, if its number is not known")
    amendment: AmendmentIn | None = None

    def matter(self) -> dict[str, Any]:
        """The person's own words.

        Raises:
            InvalidError: an amendment says nothing of what it wants, or the system is none of ours.
        """
        if self.system not in systems().numbers():
            raise InvalidError("no such system of records", errors=[FieldError("system", "is not registered")])
        if self.kind == "amendment" and self.amendment is None and self.aim == "own-record":
            wanted = ["amendment.contested", "amendment.action", "amendment.grounds", "amendment.justification"]
            raise InvalidError("a request for correction says what, how and why (20 CFR 401.65(a))", missing=wanted)
        words = (
            self.amendment.model_dump(include={"contested", "correction", "justification"}) if self.amendment else {}
        )
        return {**words, "description": self.description}

    def codes(self) -> dict[str, Any]:
        return self.amendment.model_dump(include={"action", "grounds"}) if self.amendment else {}


class OwnRequestIn(_RequestIn):
    """A request about one's own record. Who asks is known from the token: no name or number is taken for it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "amendment",
                    "system": "60-0383",
                    "records": [_RECORD],
                    "amendment": {
                        "contested": "The conversation of 3 March says that I moved in 2019.",
                        "action": "substitute",
                        "correction": "I moved in 2021.",
                        "grounds": ["inaccurate"],
                        "justification": "The lease is enclosed.",
                    },
                }
            ]
        }
    )

    about: PersonIn | None = Field(default=None, description="Whom the record is about, if you act for somebody else")

    def intake(self, *, subject: str, today: date, token: dict[str, FactValue]) -> Intake:
        """Raises InvalidError: it does not say for whom somebody acts, or what is wanted."""
        about = _somebody_else(self.capacity, self.about)
        return Intake(
            **self.model_dump(include={"kind", "system", "capacity", "sensitivity", "aim", "records"}),
            channel="sign-in",
            subject=subject,
            received_on=today,
            evidence=Evidence(),
            person={"about": about.model_dump() if about else {}},
            matter=self.matter(),
            codes=self.codes(),
            token=token,
            given=about.given() if about else (),
        )


class EvidenceIn(_In):
    """What was shown of who asks: coded facts of the identity table, and the words of a certification."""

    facts: dict[str, FactValue] = Field(default_factory=dict, max_length=30)
    certification: Annotated[str, StringConstraints(max_length=2000)] = Field(default="", repr=False)

    def evidence(self) -> Evidence:
        return Evidence(dict(self.facts), self.certification)


class TakenInRequestIn(_RequestIn):
    """A request that came on paper, in person or by the electronic form, as an official enters it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "kind": "access",
                    "system": "60-0383",
                    "channel": "mail",
                    "received_on": "2026-11-20",
                    "requester": {"name": "Maria Example", "address": "1 Main Street, Springfield"},
                    "evidence": {
                        "facts": {
                            "written-request": "SCAN-2026-118",
                            "request.signed": True,
                            "certification.signed": True,
                            "certification.day": "2026-11-18",
                        },
                        "certification": "I certify that I am the individual I claim to be, and I understand that the "
                        "knowing and willful request for, or acquisition of, a record pertaining to another individual "
                        "under false pretenses is a criminal offense.",
                    },
                }
            ]
        }
    )

    channel: Literal["mail", "in-person", "electronic-form", "telephone"]
    subject: Literal["customer", "employee", "former-employee"] = "customer"
    received_on: date
    requester: PersonIn = PersonIn()
    about: PersonIn | None = Field(
        default=None, description="Whom the record is about, if the requester acts for another"
    )
    evidence: EvidenceIn = EvidenceIn()

    def intake(self) -> Intake:
        """Raises InvalidError: it does not say for whom somebody acts, or what is wanted."""
        about = _somebody_else(self.capacity, self.about)
        names = {"kind", "system", "channel", "capacity", "subject", "sensitivity", "aim", "records", "received_on"}
        return Intake(
            **self.model_dump(include=names),
            evidence=self.evidence.evidence(),
            person={"requester": self.requester.model_dump(), "about": about.model_dump() if about else {}},
            matter=self.matter(),
            codes=self.codes(),
            given=(about or self.requester).given(),
        )


class IdentityIn(EvidenceIn):
    channel: Literal["mail", "in-person", "electronic-form", "sign-in"] | None = Field(
        default=None, description="By which channel it was shown; left out: that of the request"
    )


class QuestionIn(_In):
    question: Text = Field(repr=False)


class ClarificationIn(_In):
    description: Short = Field(default="", repr=False)
    records: list[UUID] = Field(default_factory=list, max_length=100)


class ReroutingIn(_In):
    aim: ElsewhereAim


class DelayIn(_In):
    until: date


class OfficialIn(_In):
    """Who reviews a refusal: the head of the agency's designee."""

    name: Short
    address: Short = Field(description="Business address")


class RulingIn(_In):
    outcome: Outcome
    found: bool = Field(description="Whether there is a record of the person")
    records: list[UUID] = Field(default_factory=list, max_length=100)
    grounds: list[Annotated[str, StringConstraints(max_length=40)]] = Field(default_factory=list, max_length=5)
    references: dict[str, Reference] = Field(default_factory=dict, max_length=5)
    reason: Annotated[str, StringConstraints(max_length=4000)] = Field(default="", repr=False)

    def ruling(self) -> Ruling:
        return Ruling(**{name: getattr(self, name) for name in RulingIn.model_fields})


class DecisionOnRequestIn(RulingIn):
    """The first decision. A refusal names its ground, the reason in words, how to get a review, and who reviews."""

    official: OfficialIn | None = None
    procedure: Short = ""

    def ruling(self) -> Ruling:
        given = {name: getattr(self, name) for name in RulingIn.model_fields}
        official = Official(self.official.name, self.official.address) if self.official else None
        return Ruling(**given, official=official, procedure=self.procedure)


class _SignedPaperIn(_In):
    """What came from the person on paper after their identity was proved."""

    paper: Reference = Field(description="Mark of the paper that the person signed")


class ReviewIn(_SignedPaperIn):
    received_on: date


class WithdrawalIn(_SignedPaperIn):
    """The person does not want it any more."""


class ExtensionIn(_In):
    """An order of the head of the agency."""

    until: date
    good_cause: Text
    order: Reference = Field(description="Mark of the order that the head of the agency signed")


class StatementIn(_In):
    """A concise statement of disagreement."""

    portion: Text = Field(repr=False, description="Which part of the record is disputed")
    statement: Text = Field(repr=False)


class EnteredStatementIn(StatementIn, _SignedPaperIn):
    """A statement of disagreement that came on paper."""


class ReasonsIn(_In):
    reasons: Text = Field(repr=False)


class FeeIn(_In):
    charged_for: Literal["copy", "search", "review"]
    cents: int = Field(ge=0, le=100_000)


class DeliveryIn(_In):
    form: str = Field(pattern=f"^({'|'.join(FORMS)})$", description=", ".join(FORMS))
    accompanied: bool = False
    companion_statement: Reference | Literal[""] = ""
    fees: list[FeeIn] = Field(default_factory=list, max_length=10)

    def delivery(self) -> Delivery:
        charged = tuple(fee.charged_for for fee in self.fees)
        cents = sum(fee.cents for fee in self.fees)
        return Delivery(self.form, self.accompanied, self.companion_statement, charged, cents)


def _somebody_else(capacity: str, about: PersonIn | None) -> PersonIn | None:
    """Raises InvalidError: somebody acts for another and does not say for whom, or for themselves and names another."""
    if capacity == "self" and about is not None:
        raise InvalidError(
            "who asks for themselves names nobody else", errors=[FieldError("about", "is of somebody else")]
        )
    if capacity != "self" and (about is None or not about.given()):
        raise InvalidError("say for whom you act", missing=["about.name", "about.ssn", "about.other"])
    return about
