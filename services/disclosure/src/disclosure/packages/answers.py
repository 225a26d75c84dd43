"""What is answered about packages, shipments and media. Nothing in it is a person's, but for the recipient in a dossier."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from disclosure.matters import MatterStep
from disclosure.packages.law_files import machines_of_packages
from disclosure.packages.looking import Dossier
from disclosure.packages.tables import MediaNecessity, Medium, ReleasePackage, Shipment


class StepOut(BaseModel):
    matter: str
    matter_id: UUID
    act: str
    state: str
    by: str
    at: datetime
    codes: dict[str, Any]

    @classmethod
    def of(cls, row: MatterStep) -> Self:
        return cls(matter=row.matter, matter_id=row.matter_id, act=row.act, state=row.to_state, by=row.actor, at=row.at,
                   codes=row.codes)  # fmt: skip


class ItemOut(BaseModel):
    id: UUID
    position: int
    form: str
    record_id: UUID
    reference: str
    state: str
    reviewed_by: str | None
    reviewed_at: datetime | None
    outcome: str | None
    copy_sha256: str | None
    copy_reference: str | None


class PersonOut(BaseModel):
    """Somebody of the package, and whose data of which kinds stay in it. No name."""

    id: UUID
    role: str
    dead: bool
    stays: list[str] = Field(description="Kinds of their data that the copies hold")
    concealed: list[str] = Field(description="Kinds of their data that the reviewers saw and that had to be concealed")


class ShipmentOut(BaseModel):
    id: UUID
    package_id: UUID
    way: str
    carrier: str
    tracking_number: str
    medium_id: UUID | None
    extracts: int
    state: str
    sent_by: str
    sent_at: datetime
    events_due: list[str]
    reported: list[str]
    key_sent_by_way: str | None

    @classmethod
    def of(cls, row: Shipment, reported: Sequence[str] = (), key_way: str | None = None) -> Self:
        names = ("id", "package_id", "way", "carrier", "tracking_number", "medium_id", "extracts", "state", "sent_by",
                 "sent_at", "events_due")  # fmt: skip
        return cls(**{n: getattr(row, n) for n in names}, reported=list(reported), key_sent_by_way=key_way)


class PackageOut(BaseModel):
    """How a package stands."""

    id: UUID
    nature: str
    state: str
    possible: list[str] = Field(description="What may be done with it now")
    accounting_id: UUID | None
    request_id: UUID | None
    opened_by: str
    opened_at: datetime

    @classmethod
    def of(cls, row: ReleasePackage) -> Self:
        names = ("id", "nature", "state", "accounting_id", "request_id", "opened_by", "opened_at")
        possible = machines_of_packages()["package"].acts_from(row.state)
        return cls(**{n: getattr(row, n) for n in names}, possible=list(possible))


class PackageStateOut(PackageOut):
    """The same with its items and people."""

    items: list[ItemOut]
    people: list[PersonOut]
    approved_by: str | None
    manifest_sha256: str | None
    shipment: ShipmentOut | None

    @classmethod
    def of_dossier(cls, found: Dossier) -> Self:
        return cls(**_standing(found))


class PackageDetailOut(PackageStateOut):
    """All there is of a package."""

    recipient_name: str
    recipient_address: str
    manifest: dict[str, Any] | None
    steps: list[StepOut]

    @classmethod
    def of_dossier(cls, found: Dossier) -> Self:
        return cls(
            **_standing(found),
            recipient_name=found.recipient.name,
            recipient_address=found.recipient.address,
            manifest=found.manifest.document if found.manifest else None,
            steps=[StepOut.of(one) for one in found.steps],
        )


class PackagePage(BaseModel):
    items: list[PackageOut]
    next_cursor: UUID | None


class NecessityOut(BaseModel):
    id: UUID
    record_id: UUID
    reason: str
    approved_by: str

    @classmethod
    def of(cls, row: MediaNecessity) -> Self:
        return cls(id=row.id, record_id=row.record_id, reason=row.reason, approved_by=row.approved_by)


class MediumOut(BaseModel):
    id: UUID
    origin: str
    kind: str
    record_id: UUID
    mark: str
    state: str
    possible: list[str]
    place_kind: str
    place_mark: str
    encrypted: bool
    holds_others: bool
    supplier: str
    registered_by: str
    registered_at: datetime

    @classmethod
    def of(cls, row: Medium) -> Self:
        names = set(cls.model_fields) - {"possible"}
        possible = machines_of_packages()["medium"].acts_from(row.state)
        return cls(**{n: getattr(row, n) for n in names}, possible=list(possible))


class MediaPage(BaseModel):
    items: list[MediumOut]
    next_cursor: UUID | None
    warning: str = Field(description="The warning that media bear which hold data of others, word for word")


def _standing(found: Dossier) -> dict[str, Any]:
    reviews = found.reviews
    items = [
        ItemOut(
            **{n: getattr(i, n) for n in ("id", "position", "form", "record_id", "reference", "state", "copy_sha256",
                                          "copy_reference")},
            reviewed_by=reviews[i.id].reviewed_by if i.id in reviews else None,
            reviewed_at=reviews[i.id].reviewed_at if i.id in reviews else None,
            outcome=reviews[i.id].outcome if i.id in reviews else None,
        )
        for i in found.items
    ]  # fmt: skip
    people = [
        PersonOut(
            id=p.id,
            role=p.role,
            dead=bool(p.death_evidence),
            stays=sorted({f.kind for f in found.findings if f.person_id == p.id and f.fate == "stays"}),
            concealed=sorted({f.kind for f in found.findings if f.person_id == p.id and f.fate == "conceal"}),
        )
        for p in found.people
    ]
    shipment = found.shipment
    return {
        **PackageOut.of(found.package).model_dump(),
        "items": items,
        "people": people,
        "approved_by": found.approval.approved_by if found.approval else None,
        "manifest_sha256": found.manifest.sha256 if found.manifest else None,
        "shipment": ShipmentOut.of(shipment, found.reported, found.key_way) if shipment else None,
    }
