"""What goes out over the wire about requests of individuals. An answer to a POST says nothing that a person wrote or was
written: such answers are kept for repetitions.
"""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any, Self, cast
from uuid import UUID

from pydantic import BaseModel, Field

from disclosure.individuals.identity import table
from disclosure.individuals.looking import Dispute, Dossier, Standing
from disclosure.individuals.states import Kind, machine
from disclosure.individuals.tables import IndividualClock, IndividualRedaction, IndividualRequest


class RedactionOut(BaseModel):
    """A finding: where something about somebody else stands, and what becomes of it. Never what it says."""

    id: UUID
    transcript_id: UUID
    entry_seq: int
    span_start: int
    span_end: int
    kind: str
    decision: str | None
    reason: str

    @classmethod
    def of(cls, row: IndividualRedaction) -> Self:
        return cls(**row.model_dump(include=set(cls.model_fields)))


class RedactionsOut(BaseModel):
    items: list[RedactionOut]

    @classmethod
    def of(cls, rows: Sequence[IndividualRedaction]) -> Self:
        return cls(items=[RedactionOut.of(row) for row in rows])


class ClockOut(BaseModel):
    """A time limit, with the proof of its count: each day that was left out, and by which law."""

    name: str
    started_on: date
    due_on: date
    working_days: int | None
    authority: str
    skipped: list[dict[str, str]]
    met_on: date | None
    overdue: bool

    @classmethod
    def of(cls, row: IndividualClock, *, today: date) -> Self:
        return cls(**row.model_dump(exclude={"request_id"}), overdue=(row.met_on or today) > row.due_on)


class StateOut(BaseModel):
    """How a request stands. Nothing in it is of a person."""

    id: UUID
    kind: str
    state: str
    says: str
    waits_for: str
    possible: list[str] = Field(description="Acts that the state allows: to the person, when they ask; else to anybody")
    received_on: date
    acknowledged_on: date | None
    rerouted_to: str | None
    missing: list[str] = Field(description="What of the proof of identity is still open")
    clocks: list[ClockOut]

    @classmethod
    def of(cls, standing: Standing, *, today: date, own: bool = False) -> Self:
        return cls(**_standing(standing, today, own=own))


class StatePage(BaseModel):
    items: list[StateOut]
    next_cursor: UUID | None = Field(description="Give it as `cursor` for what follows; null at the end")


class LetterOut(BaseModel):
    at: datetime
    act: str
    text: str = Field(repr=False)


class OwnRequestOut(StateOut):
    """One's own request, with what was written about it. `found`: whether there is a record, once that is decided."""

    found: bool | None
    outcome: str | None
    letters: list[LetterOut]

    @classmethod
    def of_person(cls, dossier: Dossier, *, today: date) -> Self:
        return cls(**_standing(dossier.standing, today, own=True), **_told(dossier))


class StepOut(BaseModel):
    seq: int
    act: str
    from_state: str
    to_state: str
    actor: str
    at: datetime
    codes: dict[str, Any]


class GateOut(BaseModel):
    """What the identity gate answered."""

    verified: bool
    channel: str
    way: str
    missing: list[str]
    note: str
    table_version: str
    judged_at: datetime


class RequestDetailOut(OwnRequestOut):
    """A request as officials work on it."""

    system: str
    channel: str
    capacity: str
    subject: str
    sensitivity: str
    aim: str
    codes: dict[str, Any]
    records: list[UUID]
    person: dict[str, Any] = Field(repr=False)
    matter: dict[str, Any] = Field(repr=False)
    identity: list[GateOut]
    steps: list[StepOut]
    redactions: list[RedactionOut]

    @classmethod
    def of_official(cls, dossier: Dossier, *, today: date) -> Self:
        row = dossier.standing.row
        names = {"system", "channel", "capacity", "subject", "sensitivity", "aim", "codes", "records"}
        return cls(
            **_standing(dossier.standing, today),
            **_told(dossier),
            **row.model_dump(include=names),
            person=dossier.person,
            matter=dossier.matter,
            identity=[GateOut(**one.model_dump(include=set(GateOut.model_fields))) for one in dossier.identities],
            steps=[StepOut(**step.model_dump(exclude={"request_id", "letter"})) for step in dossier.steps],
            redactions=[RedactionOut.of(one) for one in dossier.redactions],
        )


class DisputeOut(BaseModel):
    """What has to go along with every disclosure of the record (5 U.S.C. 552a(d)(4))."""

    record_id: UUID
    request_id: UUID
    filed_on: date
    portion: str = Field(repr=False)
    statement: str = Field(repr=False)
    answer: str | None = Field(repr=False, description="The agency's concise reasons, if it gave any")


class DisputesOut(BaseModel):
    items: list[DisputeOut]

    @classmethod
    def of(cls, disputes: Sequence[Dispute]) -> Self:
        return cls(items=[DisputeOut(**asdict(one)) for one in disputes])


class IdentityTableOut(BaseModel):
    """Who has to prove what, and the words that a certification must hold."""

    version: str
    clauses: dict[str, str]
    elements: dict[str, dict[str, Any]]
    channels: dict[str, dict[str, Any]]

    @classmethod
    def now(cls) -> Self:
        return cls(**table().model_dump(mode="json", include=set(cls.model_fields)))


def _standing(standing: Standing, today: date, *, own: bool = False) -> dict[str, Any]:
    row: IndividualRequest = standing.row
    state, kind = machine().states[row.state], cast("Kind", row.kind)
    return {
        **row.model_dump(include={"id", "kind", "state", "received_on", "acknowledged_on", "rerouted_to"}),
        "says": state.says,
        "waits_for": state.waits_for,
        "possible": list(machine().acts_from(row.state, kind, own=own)),
        "missing": list(standing.missing) if row.state == "identity-pending" else [],
        "clocks": [ClockOut.of(clock, today=today) for clock in standing.clocks],
    }


def _told(dossier: Dossier) -> dict[str, Any]:
    """What the person was told: the newest decision, and every letter."""
    last = dossier.decisions.get("review") or dossier.decisions.get("initial")
    letters = [LetterOut(at=step.at, act=step.act, text=text) for step, text in dossier.letters]
    return {"found": last.found if last else None, "outcome": last.outcome if last else None, "letters": letters}
