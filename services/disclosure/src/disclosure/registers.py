"""Routes of the registers that the law asks for: what is published about the systems of records, which law they rest on,
which texts bind and train those who use them. Nothing of a person stands in them, so they are open.
"""

from datetime import date
from typing import Annotated, Self

from fastapi import APIRouter, Depends, Request
from prometheus_client import Gauge
from pydantic import BaseModel, Field

from common.clock import Clock
from common.pii.taxonomy import Kind, Taxonomy
from common.registers.documents import ACKNOWLEDGEMENTS, Document, Review, Section, documents
from common.registers.systems import Assessment, Authority, NoticeVersion, System, authorities, systems
from common.telemetry import get_logger
from disclosure.errors import UnknownSystemError

router = APIRouter(prefix="/v1/registers", tags=["registers"])

TO_REVIEW = Gauge("muniment_policies_to_review", "Policies and other texts that have expired, or are about to")

_log = get_logger("registers")


class AuthorityOut(Authority):
    id: str


class SystemOut(BaseModel):
    """A system of records as it was published, with the laws that it rests on."""

    number: str
    name: str
    agency: str
    classification: str
    location: str
    manager: str
    authorities: list[AuthorityOut]
    families: tuple[str, ...] = Field(description="What of this platform's data the notice covers")
    tools: tuple[str, ...] = Field(description="Reporting tools whose data it covers")
    exemptions: tuple[str, ...]
    source: str
    versions: tuple[NoticeVersion, ...] = Field(description="Every notice, oldest first")

    @classmethod
    def of(cls, system: System) -> Self:
        laws = [AuthorityOut(id=key, **authorities()[key].model_dump()) for key in system.authorities]
        return cls(**system.model_dump(exclude={"authorities"}), authorities=laws)


class SystemsOut(BaseModel):
    systems: list[SystemOut]
    assessments: tuple[Assessment, ...] = Field(description="Where it was assessed what may be kept")


class VersionOut(BaseModel):
    """One version of a text. Who acknowledges it names `content_id`."""

    content_id: str
    version: str
    previous: str | None
    title: str
    source: str
    applies_to: str
    issued_on: date
    effective_on: date
    expires_on: date | None
    sections: tuple[Section, ...]
    digest: str = Field(description="SHA-256 over id, version, title and sections as sorted JSON")

    @classmethod
    def of(cls, document: Document) -> Self:
        return cls(content_id=document.content_id, **document.model_dump(exclude={"id", "kind"}))


class TextOut(BaseModel):
    """A text with its history."""

    id: str
    kind: str
    claim: str | None = Field(description="Claim of an employee's token that names the acknowledged version")
    current: str | None = Field(description="Content id of the version in force")
    accepted: list[str] = Field(description="Content ids whose acknowledgement counts today")
    review: Review = Field(description="Whether the text has expired, or is about to")
    versions: list[VersionOut]

    @classmethod
    def of(cls, name: str, today: date) -> Self:
        register = documents()
        versions = register.texts[name]
        current = register.current(name, today)
        return cls(
            id=name,
            kind=versions[-1].kind,
            claim=next((claim for claim, wanted in ACKNOWLEDGEMENTS.items() if wanted == name), None),
            current=current.content_id if current else None,
            accepted=sorted(register.accepted(name, today)),
            review=register.review(name, today),
            versions=[VersionOut.of(version) for version in versions],
        )


class TextsOut(BaseModel):
    as_of: date
    items: list[TextOut]


class KindOut(Kind):
    code: str


class TaxonomyOut(BaseModel):
    """The kinds of information about a person, with those that the agency added."""

    version: str
    source: str
    protected_when_linked: list[str]
    kinds: list[KindOut]


def today(request: Request) -> date:
    clock: Clock = request.app.state.clock
    return clock.now().date()


Today = Annotated[date, Depends(today)]


@router.get("/systems", operation_id="register.systems", summary="The systems of records, as published")
async def list_systems() -> SystemsOut:
    register = systems()
    return SystemsOut(systems=[SystemOut.of(s) for s in register.systems], assessments=register.assessments)


@router.get(
    "/systems/{number}", operation_id="register.system", summary="One system of records: where, under which law"
)
async def read_system(number: str) -> SystemOut:
    """`number` as published, with a hyphen for a slash: `60-0383`, `dhs-all-019`."""
    system = systems().find(number)
    if system is None:
        raise UnknownSystemError
    return SystemOut.of(system)


@router.get(
    "/policies", operation_id="register.policies", summary="Policies and rules of behaviour, with their validity"
)
async def list_policies(day: Today) -> TextsOut:
    return _texts(day, {"policy", "rules-of-behaviour"})


@router.get("/training", operation_id="register.training", summary="What people are trained by and sign every year")
async def list_training(day: Today) -> TextsOut:
    return _texts(day, {"training", "sanctions"})


@router.get(
    "/pii-kinds", operation_id="register.pii-kinds", summary="What identifies a person, and what of it is protected"
)
async def list_kinds(request: Request) -> TaxonomyOut:
    taxonomy: Taxonomy = request.app.state.taxonomy
    kinds = [KindOut(code=code, **kind.model_dump(by_alias=True)) for code, kind in taxonomy.types.items()]
    linked = sorted(taxonomy.linkage.protected_when_linked)
    return TaxonomyOut(version=taxonomy.version, source=taxonomy.source, protected_when_linked=linked, kinds=kinds)


def watch(clock: Clock) -> None:
    """Raise the alert of texts that need a review: a line when the service starts, and a figure for the collector (S2-001)."""
    TO_REVIEW.set_function(lambda: len(documents().to_review(clock.now().date())))
    for name in documents().to_review(clock.now().date()):
        _log.warning("a text has to be reviewed", document=name, state=documents().review(name, clock.now().date()))


def _texts(day: date, kinds: set[str]) -> TextsOut:
    names = [name for name, versions in documents().texts.items() if versions[-1].kind in kinds]
    return TextsOut(as_of=day, items=[TextOut.of(name, day) for name in names])
