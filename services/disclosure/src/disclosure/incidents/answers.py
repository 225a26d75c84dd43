"""What is answered about incidents and recaptures. A person's values stand in a dossier only."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, Field

from disclosure.incidents.law_files import machines_of_incidents, triggers
from disclosure.incidents.looking import Dossier, Logged, Standing
from disclosure.incidents.tables import IncidentAssessment, IncidentDisclosure, IncidentNotification, Recapture
from disclosure.packages.answers import StepOut


class TaskOut(BaseModel):
    task: str
    done: bool


class ClockOut(BaseModel):
    name: str
    due_at: datetime
    met_at: datetime | None
    late: bool
    authority: str


class AffectedOut(BaseModel):
    """Somebody whose data got out. No name."""

    person_id: UUID
    kinds: list[str]
    protected: list[str] = Field(description="Those of these kinds that ask for protection, alone or together")


class DocumentOut(BaseModel):
    id: UUID
    item_id: UUID | None
    reference: str
    stands: str
    recapture_id: UUID | None


class RecaptureOut(BaseModel):
    """One line of the tracking list."""

    id: UUID
    incident_id: UUID
    office: str
    state: str
    possible: list[str]
    open: bool
    method: str
    registered_number: str
    asked_by: str
    asked_at: datetime
    signed_off_by: str | None

    @classmethod
    def of(cls, row: Recapture) -> Self:
        machine = machines_of_incidents()["recapture"]
        names = set(cls.model_fields) - {"possible", "open"}
        return cls(
            **{n: getattr(row, n) for n in names},
            possible=list(machine.acts_from(row.state)),
            open=not machine.states[row.state].final,
        )


class RecapturePage(BaseModel):
    items: list[RecaptureOut]
    next_cursor: UUID | None


class IncidentOut(BaseModel):
    """How an incident stands."""

    id: UUID
    trigger: str
    certainty: str
    state: str
    possible: list[str]
    office: str
    region: str
    detected_at: datetime
    occurred_at: datetime | None
    opened_by: str
    package_id: UUID | None
    medium_id: UUID | None
    records: list[UUID]
    encrypted: bool
    risk: str | None = Field(description="How grave the risk of harm was found to be; null: it was not weighed yet")
    tasks: list[TaskOut]
    clocks: list[ClockOut]
    affected: list[AffectedOut]
    documents: list[DocumentOut]
    recaptures: list[RecaptureOut]

    @classmethod
    def of(cls, found: Standing) -> Self:
        return cls(**_standing(found))


class IncidentPage(BaseModel):
    items: list[IncidentOut]
    next_cursor: UUID | None


class AssessmentOut(BaseModel):
    id: UUID
    level: str
    weighed: str = Field(description="What the answers make it; what is found is never lower")
    points: dict[str, int]
    harm: str
    assessed_by: str
    assessed_at: datetime

    @classmethod
    def of(cls, row: IncidentAssessment) -> Self:
        return cls(**{n: getattr(row, n) for n in cls.model_fields})


class NotificationOut(BaseModel):
    person_id: UUID
    outcome: str
    means: str
    reason: str
    reference: str
    decided_by: str
    decided_at: datetime

    @classmethod
    def of(cls, row: IncidentNotification) -> Self:
        return cls(**{n: getattr(row, n) for n in cls.model_fields})


class DraftedOut(BaseModel):
    """The request that was drafted: `POST /v1/requests/{request_id}/decision` decides it, by somebody else."""

    request_id: UUID
    incident_id: UUID
    basis: str

    @classmethod
    def of(cls, row: IncidentDisclosure) -> Self:
        return cls(**{n: getattr(row, n) for n in cls.model_fields})


class RecaptureDetailOut(RecaptureOut):
    holder: dict[str, str]
    advice: str


class IncidentDetailOut(IncidentOut):
    """All there is of an incident."""

    story: dict[str, str]
    told: dict[str, str] = Field(description="Parts of the departmental report, and how the recovery ended")
    report_reference: str
    assessments: list[AssessmentOut]
    reasons: dict[str, str]
    notices: list[NotificationOut]
    letters: dict[UUID, str]
    disclosures: list[DraftedOut]
    holders: list[RecaptureDetailOut]
    steps: list[StepOut]

    @classmethod
    def of_dossier(cls, found: Dossier) -> Self:
        return cls(
            **_standing(found.standing),
            story=dict(found.story),
            told=dict(found.told),
            report_reference=found.report.reference if found.report else "",
            assessments=[AssessmentOut.of(one) for one in found.assessments],
            reasons=dict(found.reasons),
            notices=[NotificationOut.of(one) for one in found.notifications],
            letters=dict(found.letters),
            disclosures=[DraftedOut.of(one) for one in found.disclosures],
            holders=[
                RecaptureDetailOut(
                    **RecaptureOut.of(r).model_dump(),
                    holder=dict(found.holders[r.id]),
                    advice=found.advice.get(r.id, ""),
                )
                for r in found.standing.recaptures
            ],
            steps=[StepOut.of(one) for one in found.steps],
        )


class LogLineOut(BaseModel):
    """One incident in the log of a quarter. Nobody is named, neither who it is about nor who did it."""

    id: UUID
    trigger: str
    certainty: str
    office: str
    detected_at: datetime
    occurred_at: datetime | None
    encrypted: bool
    people: int
    kinds: list[str]
    risk: str | None
    state: str
    report_reference: str

    @classmethod
    def of(cls, one: Logged) -> Self:
        names = ("id", "trigger", "certainty", "office", "detected_at", "occurred_at", "encrypted", "state")
        return cls(
            **{n: getattr(one.row, n) for n in names},
            people=one.people,
            kinds=list(one.kinds),
            risk=one.level,
            report_reference=one.reference,
        )


class LogOut(BaseModel):
    year: int
    quarter: int
    incidents: list[LogLineOut]
    suspected: int
    confirmed: int
    people: int


def _standing(found: Standing) -> dict[str, Any]:
    row = found.row
    same = ("id", "trigger", "certainty", "state", "office", "region", "detected_at", "occurred_at", "opened_by", "package_id",
            "medium_id", "records", "encrypted")  # fmt: skip
    done = {
        "tell-district": any(c.name == "district" and c.met_at is not None for c in found.clocks),
        "recapture": all(d.stands != "out" for d in found.documents),
    }
    return {
        **{n: getattr(row, n) for n in same},
        "possible": list(machines_of_incidents()["incident"].acts_from(row.state)),
        "risk": found.level,
        "tasks": [TaskOut(task=task, done=done[task]) for task in triggers()[row.trigger].tasks],
        "clocks": [ClockOut(**{n: getattr(c, n) for n in ClockOut.model_fields}) for c in found.clocks],
        "affected": [AffectedOut(**{n: getattr(p, n) for n in AffectedOut.model_fields}) for p in found.people],
        "documents": [DocumentOut(**{n: getattr(d, n) for n in DocumentOut.model_fields}) for d in found.documents],
        "recaptures": [RecaptureOut.of(r) for r in found.recaptures],
    }
