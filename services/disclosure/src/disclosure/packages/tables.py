"""Tables of packages, shipments and media, as queries see them. The migrations make them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Column, DateTime, Integer, LargeBinary, Text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from disclosure.tables import Base


def _json() -> Any:
    return Field(sa_column=Column(JSONB, nullable=False))


def _when() -> Any:
    return Field(sa_type=DateTime(timezone=True))


class ReleasePackage(Base, table=True):
    __tablename__ = "release_package"

    id: UUID = Field(primary_key=True)
    nature: str = Field(sa_type=Text)
    accounting_id: UUID | None = None
    request_id: UUID | None = None
    asked_in: str = Field(sa_type=Text)
    asked_signed: bool = Field(sa_type=Boolean)
    asked_reference: str = Field(sa_type=Text)
    recipient: bytes = Field(sa_type=LargeBinary, repr=False)
    state: str = Field(default="", sa_type=Text)
    opened_by: str = Field(sa_type=Text)
    opened_at: datetime = _when()


class PackagePerson(Base, table=True):
    __tablename__ = "package_person"

    id: UUID = Field(primary_key=True)
    package_id: UUID
    role: str = Field(sa_type=Text)
    death_evidence: str = Field(sa_type=Text)
    consent: str = Field(sa_type=Text)
    particulars: bytes = Field(sa_type=LargeBinary, repr=False)


class PackageItem(Base, table=True):
    __tablename__ = "package_item"

    id: UUID = Field(primary_key=True)
    package_id: UUID
    position: int = Field(sa_type=Integer)
    form: str = Field(sa_type=Text)
    record_id: UUID
    reference: str = Field(sa_type=Text)
    original_sha256: str = Field(sa_type=Text)
    state: str = Field(default="", sa_type=Text)
    added_by: str = Field(sa_type=Text)
    added_at: datetime = _when()
    redacted_sha256: str | None = Field(default=None, sa_type=Text)
    redacted_how: str | None = Field(default=None, sa_type=Text)
    copy_sha256: str | None = Field(default=None, sa_type=Text)
    copy_reference: str | None = Field(default=None, sa_type=Text)
    copied_by: str | None = Field(default=None, sa_type=Text)


class ItemReview(Base, table=True):
    __tablename__ = "item_review"

    id: UUID = Field(primary_key=True)
    item_id: UUID
    package_id: UUID
    added_by: str = Field(sa_type=Text)
    opened_by: str = Field(sa_type=Text)
    outcome: str = Field(sa_type=Text)
    cleared: dict[str, str] = _json()
    reviewed_by: str = Field(sa_type=Text)
    reviewed_at: datetime = _when()


class ItemFinding(Base, table=True):
    __tablename__ = "item_finding"

    id: UUID = Field(primary_key=True)
    item_id: UUID
    person_id: UUID
    kind: str = Field(sa_type=Text)
    place: str = Field(sa_type=Text)
    fate: str = Field(sa_type=Text)
    because: str = Field(sa_type=Text)
    found_in: str = Field(sa_type=Text)
    review_id: UUID
    found_at: datetime = _when()


class PackageApproval(Base, table=True):
    __tablename__ = "package_approval"

    package_id: UUID = Field(primary_key=True)
    opened_by: str = Field(sa_type=Text)
    approved_by: str = Field(sa_type=Text)
    approved_at: datetime = _when()


class PackageManifest(Base, table=True):
    __tablename__ = "package_manifest"

    package_id: UUID = Field(primary_key=True)
    document: dict[str, Any] = _json()
    sha256: str = Field(sa_type=Text)
    made_at: datetime = _when()


class MediaNecessity(Base, table=True):
    __tablename__ = "media_necessity"

    id: UUID = Field(primary_key=True)
    record_id: UUID
    reason: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    approved_by: str = Field(sa_type=Text)
    approved_at: datetime = _when()


class Medium(Base, table=True):
    id: UUID = Field(primary_key=True)
    origin: str = Field(sa_type=Text)
    kind: str = Field(sa_type=Text)
    record_id: UUID
    mark: str = Field(sa_type=Text)
    encrypted: bool = Field(sa_type=Boolean)
    certificate: str = Field(sa_type=Text)
    necessity_id: UUID | None = None
    necessity_by: str | None = Field(default=None, sa_type=Text)
    supplier: str = Field(sa_type=Text)
    assurance: str = Field(sa_type=Text)
    holds_others: bool = Field(sa_type=Boolean)
    marking: str = Field(sa_type=Text)
    place_kind: str = Field(sa_type=Text)
    place_mark: str = Field(sa_type=Text)
    state: str = Field(default="", sa_type=Text)
    registered_by: str = Field(sa_type=Text)
    registered_at: datetime = _when()


class Shipment(Base, table=True):
    id: UUID = Field(primary_key=True)
    package_id: UUID
    medium_id: UUID | None = None
    way: str = Field(sa_type=Text)
    carrier: str = Field(sa_type=Text)
    tracking_number: str = Field(sa_type=Text)
    extracts: int = Field(sa_type=Integer)
    wrapping: dict[str, bool] = _json()
    events_due: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    state: str = Field(default="", sa_type=Text)
    sent_by: str = Field(sa_type=Text)
    sent_at: datetime = _when()


class ShipmentEvent(Base, table=True):
    __tablename__ = "shipment_event"

    shipment_id: UUID = Field(primary_key=True)
    event: str = Field(primary_key=True, sa_type=Text)
    reported_at: datetime = _when()
    entered_by: str = Field(sa_type=Text)


class ShipmentKey(Base, table=True):
    __tablename__ = "shipment_key"

    shipment_id: UUID = Field(primary_key=True)
    package_way: str = Field(sa_type=Text)
    way: str = Field(sa_type=Text)
    in_shipment: UUID | None = None
    sent_by: str = Field(sa_type=Text)
    sent_at: datetime = _when()
