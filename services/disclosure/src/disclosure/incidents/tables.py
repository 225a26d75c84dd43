"""Tables of incidents and recaptures, as queries see them. The migrations make them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Column, DateTime, Integer, LargeBinary, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field

from disclosure.tables import Base


def _when(**more: Any) -> Any:
    return Field(sa_type=DateTime(timezone=True), **more)


def _texts() -> Any:
    return Field(sa_column=Column(ARRAY(Text), nullable=False))


def _ids() -> Any:
    return Field(sa_column=Column(ARRAY(Uuid), nullable=False))


def _sealed() -> Any:
    return Field(sa_type=LargeBinary, repr=False)


class Incident(Base, table=True):
    id: UUID = Field(primary_key=True)
    trigger: str = Field(sa_type=Text)
    certainty: str = Field(sa_type=Text)
    office: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    package_id: UUID | None = None
    medium_id: UUID | None = None
    audit_service: str = Field(sa_type=Text)
    audit_entry: str = Field(sa_type=Text)
    records: list[UUID] = _ids()
    people_estimated: int = Field(sa_type=Integer)
    encrypted: bool = Field(sa_type=Boolean)
    occurred_at: datetime | None = _when(default=None)
    detected_at: datetime = _when()
    district_due_at: datetime = _when()
    alarmed_at: datetime | None = _when(default=None)
    story: bytes = _sealed()
    state: str = Field(default="", sa_type=Text)
    opened_by: str = Field(sa_type=Text)
    opened_at: datetime = _when()


class IncidentPerson(Base, table=True):
    __tablename__ = "incident_person"

    incident_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    kinds: list[str] = _texts()
    protected: list[str] = _texts()


class IncidentDocument(Base, table=True):
    __tablename__ = "incident_document"

    id: UUID = Field(primary_key=True)
    incident_id: UUID
    item_id: UUID | None = None
    reference: str = Field(sa_type=Text)
    stands: str = Field(sa_type=Text)
    recapture_id: UUID | None = None


class Recapture(Base, table=True):
    id: UUID = Field(primary_key=True)
    incident_id: UUID
    opened_by: str = Field(sa_type=Text)
    office: str = Field(sa_type=Text)
    region: str = Field(sa_type=Text)
    method: str = Field(sa_type=Text)
    registered_number: str = Field(sa_type=Text)
    envelope_offered: bool = Field(sa_type=Boolean)
    return_to: str = Field(sa_type=Text)
    holder: bytes = _sealed()
    state: str = Field(default="", sa_type=Text)
    asked_by: str = Field(sa_type=Text)
    asked_at: datetime = _when()
    signed_off_by: str | None = Field(default=None, sa_type=Text)
    advice: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    advised_by: str | None = Field(default=None, sa_type=Text)


class IncidentAssessment(Base, table=True):
    __tablename__ = "incident_assessment"

    id: UUID = Field(primary_key=True)
    incident_id: UUID
    answers: dict[str, str] = Field(sa_column=Column(JSONB, nullable=False))
    points: dict[str, int] = Field(sa_column=Column(JSONB, nullable=False))
    weighed: str = Field(sa_type=Text)
    level: str = Field(sa_type=Text)
    harm: str = Field(sa_type=Text)
    reasons: bytes = _sealed()
    assessed_by: str = Field(sa_type=Text)
    assessed_at: datetime = _when()


class IncidentNotification(Base, table=True):
    __tablename__ = "incident_notification"

    incident_id: UUID = Field(primary_key=True)
    person_id: UUID = Field(primary_key=True)
    outcome: str = Field(primary_key=True, sa_type=Text)
    means: str = Field(sa_type=Text)
    reason: str = Field(sa_type=Text)
    reference: str = Field(sa_type=Text)
    letter: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    decided_by: str = Field(sa_type=Text)
    decided_at: datetime = _when()


class IncidentDisclosure(Base, table=True):
    __tablename__ = "incident_disclosure"

    request_id: UUID = Field(primary_key=True)
    incident_id: UUID
    basis: str = Field(sa_type=Text)
    drafted_by: str = Field(sa_type=Text)
    drafted_at: datetime = _when()


class IncidentReport(Base, table=True):
    __tablename__ = "incident_report"

    incident_id: UUID = Field(primary_key=True)
    reference: str = Field(sa_type=Text)
    congress_reference: str = Field(sa_type=Text)
    kinds: list[str] = _texts()
    told: bytes = _sealed()
    reported_by: str = Field(sa_type=Text)
    reported_at: datetime = _when()


class IncidentClosing(Base, table=True):
    __tablename__ = "incident_closing"

    incident_id: UUID = Field(primary_key=True)
    opened_by: str = Field(sa_type=Text)
    told: bytes = _sealed()
    filed_as: str = Field(sa_type=Text)
    closed_by: str = Field(sa_type=Text)
    closed_at: datetime = _when()
