"""What comes in over the wire about packages, shipments and media."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints

from common.errors import FieldError, InvalidError
from common.pii.particulars import Person
from common.pii.ssn import holds_ssn
from disclosure.packages.copying import Copy
from disclosure.packages.desk import NewPerson, Recipient
from disclosure.packages.media import Registration
from disclosure.packages.preparing import Opening
from disclosure.packages.releasing import Sending
from disclosure.packages.reviewing import Review, Seen

Mark = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/()-]{0,99}$")]


def no_persons_number(mark: str) -> str:
    """Raises ValueError: it looks like a social security number; it is not repeated."""
    if holds_ssn(mark):
        raise ValueError("is a mark and no number of a person")
    return mark


Reference = Annotated[Mark, AfterValidator(no_persons_number)]
MaybeReference = Reference | Literal[""]
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]
Hash = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=500)]
Place = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.:-]{0,39}$")]
Role = Literal[
    "requester", "claimant", "beneficiary", "representative", "relative", "co-worker", "employee", "somebody"
]
Form = Literal["paper", "electronic"]
_RECORD = "0195a7c2-5e3c-7d40-9c39-0f5d5b1c7a10"
_HASH = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class In(BaseModel):
    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class RecipientIn(In):
    name: Short = Field(default="", repr=False)
    address: Short = Field(default="", repr=False)

    def recipient(self) -> Recipient:
        return Recipient(self.name, self.address)


class PersonIn(In):
    """Somebody of whom an item speaks. Names and numbers serve to find them in copies; they are sealed and shown nowhere."""

    label: Code = Field(description="Tells people of this message apart")
    role: Role
    given: list[Short] = Field(default_factory=list, max_length=5, repr=False)
    family: Short = Field(default="", repr=False)
    ssn: Short = Field(default="", repr=False)
    known: dict[Code, list[Short]] = Field(
        default_factory=dict, max_length=20, repr=False, description="Further particulars, by kind of the taxonomy"
    )
    address: Short = Field(default="", repr=False, description="Last known address: for a notice, if ever one is due")
    evidence_of_death: MaybeReference = Field(
        default="", description="Mark of the evidence; a death without it is none"
    )
    consent: MaybeReference = Field(default="", description="Mark of their written consent that their data go along")

    def person(self, kinds: frozenset[str], field: str) -> NewPerson:
        """Raises InvalidError: a number that is none, or a particular of an unknown kind; the value is not repeated."""
        if unknown := set(self.known) - kinds:
            told = FieldError(f"{field}.known", f"{len(unknown)} kind(s) that the taxonomy does not know")
            raise InvalidError("a particular is of an unknown kind", errors=[told])
        try:
            known = Person(
                id=self.label,
                given=tuple(self.given),
                family=self.family,
                ssn=self.ssn,
                known={kind: tuple(values) for kind, values in self.known.items()},
                evidence_of_death=self.evidence_of_death,
            )
        except ValueError:
            told = FieldError(f"{field}.ssn", "has nine digits")
            raise InvalidError("that is no social security number", errors=[told]) from None
        return NewPerson(self.label, self.role, known, self.evidence_of_death, self.consent, self.address)


class AskedIn(In):
    """How the copy was asked for."""

    form: Literal["written", "oral", "telephone", "e-mail"]
    signed: bool
    reference: Reference = Field(description="Where the request is filed")


class PackageIn(In):
    """Begin a package. It rests on one release that is accounted for, or on one request to which access is granted."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "nature": "copy-of-file",
                    "accounting_id": _RECORD,
                    "asked": {"form": "written", "signed": True, "reference": "SCAN-2026-204"},
                    "people": [{"label": "maria", "role": "requester", "given": ["Maria"], "family": "Example"}],
                }
            ]
        }
    )

    nature: Literal["copy-of-file", "extracts", "verifier-letter", "deceased-inquiry"]
    accounting_id: UUID | None = None
    request_id: UUID | None = Field(default=None, description="An individual's request to which access is granted")
    asked: AskedIn
    recipient: RecipientIn | None = Field(default=None, description="Where what it rests on does not name them")
    people: list[PersonIn] = Field(min_length=1, max_length=50)

    def opening(self, kinds: frozenset[str]) -> Opening:
        return Opening(
            nature=self.nature,
            asked_in=self.asked.form,
            asked_signed=self.asked.signed,
            asked_reference=self.asked.reference,
            persons=people(self.people, kinds),
            accounting_id=self.accounting_id,
            request_id=self.request_id,
            recipient=self.recipient.recipient() if self.recipient else None,
        )


class ItemIn(In):
    """Something that is wanted, on paper or as a file."""

    form: Form
    record_id: UUID = Field(description="The record that it is of")
    reference: Reference = Field(description="Which document of the record; no name and no number of a person")
    sha256: Hash = Field(description="Hash of the unredacted original (of its scan): so that it can never leave")


class SeenIn(In):
    person: str = Field(max_length=60, description="Id of somebody of the package, or label of somebody in `people`")
    kind: Code = Field(description="Kind of the taxonomy")
    place: Place = Field(default="-", description="Page or line; never what stands there")


class ReviewIn(In):
    """An item was read from end to end."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "outcome": "redact",
                    "people": [{"label": "co-worker", "role": "co-worker", "given": ["Peter"], "family": "Other"}],
                    "findings": [{"person": "co-worker", "kind": "social-security-number", "place": "p3"}],
                }
            ]
        }
    )

    outcome: Literal["clean", "redact", "misfiled"]
    findings: list[SeenIn] = Field(default_factory=list, max_length=500)
    people: list[PersonIn] = Field(default_factory=list, max_length=50)
    cleared: dict[Code, Code] = Field(
        default_factory=dict, max_length=20, description="Kinds that look like a person's here and are none's, with why"
    )

    def review(self, kinds: frozenset[str]) -> Review:
        seen = tuple(Seen(one.person, one.kind, one.place) for one in self.findings)
        return Review(self.outcome, seen, people(self.people, kinds), dict(self.cleared))


class RedactionIn(In):
    sha256: Hash = Field(description="Hash of the redacted working copy: it never leaves either")
    how: Code


class TextIn(In):
    seq: int = Field(ge=0, le=1_000_000)
    text: Annotated[str, StringConstraints(max_length=100_000)] = Field(repr=False)


class SecondCopyIn(In):
    """The fresh copy and all that it tells. The texts are searched and not kept."""

    sha256: Hash
    reference: Reference = Field(description="Where the copy is kept")
    text: list[TextIn] = Field(default_factory=list, max_length=5000, repr=False)
    metadata: dict[Short, Short] = Field(default_factory=dict, max_length=200, repr=False)
    earlier_versions: int = Field(default=0, ge=0, le=1000, description="Earlier states that the file still carries")


class CopyIn(In):
    """What was concealed, if something had to be, and the second-generation copy."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "redaction": {"sha256": _HASH, "how": "overwritten"},
                    "copy": {
                        "sha256": _HASH[::-1],
                        "reference": "COPY-7",
                        "text": [{"seq": 1, "text": "The claim was received on 3 March."}],
                    },
                }
            ]
        },
    )

    redaction: RedactionIn | None = None
    made: SecondCopyIn = Field(alias="copy")

    def copied(self) -> Copy:
        texts = {f"text[{one.seq}]": one.text for one in self.made.text}
        texts |= {f"metadata[{n}]": f"{k}: {v}" for n, (k, v) in enumerate(self.made.metadata.items())}
        return Copy(
            sha256=self.made.sha256,
            reference=self.made.reference,
            redacted_sha256=self.redaction.sha256 if self.redaction else "",
            how=self.redaction.how if self.redaction else "",
            texts=texts,
            earlier_versions=self.made.earlier_versions,
        )


class ApprovalIn(In):
    """Approve, or send back with a coded reason."""

    outcome: Literal["approved", "sent-back"]
    reason: Code | Literal[""] = ""


class SendingIn(In):
    """How it goes. `addressed_to` is held against the recipient on record before anything leaves."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "way": "mail",
                    "carrier": "usps-registered",
                    "tracking_number": "RE123456785US",
                    "addressed_to": {"name": "Maria Example", "address": "1 Main Street, Springfield"},
                }
            ]
        }
    )

    way: Code
    carrier: Code | Literal[""] = ""
    tracking_number: Mark | Literal[""] = ""
    addressed_to: RecipientIn = Field(repr=False)
    wrapping: dict[Annotated[str, StringConstraints(pattern=r"^[a-z_]{1,40}$")], bool] = Field(
        default_factory=dict, max_length=10, description="Checklist for a medium: each question answered"
    )
    medium_id: UUID | None = None
    warning: Annotated[str, StringConstraints(max_length=2000)] = Field(
        default="", description="The warning as it stands on what is sent, if that holds data of others"
    )

    def sending(self) -> Sending:
        given = {n: getattr(self, n) for n in ("way", "carrier", "tracking_number", "wrapping", "medium_id", "warning")}
        return Sending(**given, addressed_to=self.addressed_to.recipient())


class KeyIn(In):
    """The key to an encrypted medium: another way, never in the same shipment."""

    way: Code
    in_shipment: UUID | None = Field(default=None, description="The shipment that carries it, if it is sent as a thing")


class CarrierEventIn(In):
    event: Literal["pickup", "receipt", "transfer", "delivery"]
    at: AwareDatetime


class NecessityIn(In):
    """That protected data of one file have to be on a portable medium."""

    record_id: UUID
    reason: Literal["no-other-way-to-send", "no-other-way-to-receive", "ordered-by-a-court", "continuity-of-operations"]
    reference: Reference = Field(description="Where the determination is filed")


class LockedPlaceIn(In):
    kind: Code
    mark: MaybeReference = Field(description="Which one")


class MediumIn(In):
    """A medium that is made here, or was received from a supplying agency."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "origin": "received",
                    "kind": "cd",
                    "record_id": _RECORD,
                    "mark": "DOE-CD-17",
                    "supplier": "DOE",
                    "assurance": "DOE-ASSURANCE-2008",
                    "place": {"kind": "safe", "mark": "SAFE-2"},
                }
            ]
        }
    )

    origin: Literal["made", "received"]
    kind: Literal["cd", "dvd", "flash-drive", "external-drive", "laptop", "tape"]
    record_id: UUID = Field(description="The file that it belongs to, for good")
    mark: Reference = Field(description="What is written on it to tell it from others; no number of a person")
    place: LockedPlaceIn
    encrypted: bool = False
    certificate: MaybeReference = Field(default="", description="Of encryption to the department's standard")
    necessity_id: UUID | None = None
    supplier: MaybeReference = ""
    assurance: MaybeReference = Field(default="", description="Where the supplier's assurance is filed")
    holds_others: bool = Field(default=False, description="It holds data of people other than the one the file is of")
    warning: Annotated[str, StringConstraints(max_length=2000)] = ""

    def registration(self) -> Registration:
        given = self.model_dump(exclude={"place"})
        return Registration(**given, place_kind=self.place.kind, place_mark=self.place.mark)


class MoveIn(In):
    """What becomes of a medium."""

    act: Literal["take-out", "store", "lose", "destroy"]
    place: LockedPlaceIn | None = None
    how: Code | Literal[""] = ""


def people(given: list[PersonIn], kinds: frozenset[str]) -> list[NewPerson]:
    """Raises InvalidError: two bear one label, or a particular of one cannot be."""
    if len({one.label for one in given}) < len(given):
        raise InvalidError("people cannot be told apart", errors=[FieldError("people", "two bear one label")])
    return [one.person(kinds, f"people[{n}]") for n, one in enumerate(given)]
