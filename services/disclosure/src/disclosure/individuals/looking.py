"""What there is of a request: for the person, for officials, and of disputes for whoever discloses a record."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

from disclosure.individuals import store
from disclosure.individuals.desk import Desk, unsealed_letters
from disclosure.individuals.informing import ANSWER, PORTION, STATEMENT
from disclosure.individuals.intake import PERSON, matter_of
from disclosure.individuals.tables import (
    IndividualClock,
    IndividualDecision,
    IndividualIdentity,
    IndividualRedaction,
    IndividualRequest,
    IndividualStep,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """How a request stands; nothing in it is of a person."""

    row: IndividualRequest
    clocks: Sequence[IndividualClock]
    missing: Sequence[str]


@dataclass(frozen=True, slots=True)
class Dossier:
    """All there is of a request. `letters`, `person` and `matter` are opened."""

    standing: Standing
    identities: Sequence[IndividualIdentity]
    steps: Sequence[IndividualStep]
    decisions: Mapping[str, IndividualDecision]
    redactions: Sequence[IndividualRedaction]
    letters: Sequence[tuple[IndividualStep, str]] = field(repr=False)
    person: Mapping[str, Any] = field(repr=False)
    matter: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Dispute:
    """A disputed portion with the statement of disagreement, and the agency's reasons if it gave any."""

    record_id: UUID
    request_id: UUID
    filed_on: date
    portion: str = field(repr=False)
    statement: str = field(repr=False)
    answer: str | None = field(repr=False)


async def standing(desk: Desk, row: IndividualRequest) -> Standing:
    identities = await store.identities_of(desk.session, row.id)
    return Standing(row, await store.clocks_of(desk.session, [row.id]), identities[-1].missing)


async def standings(desk: Desk, rows: Sequence[IndividualRequest]) -> list[Standing]:
    """The same for many; what is missing is read one by one, where something is."""
    clocks: dict[UUID, list[IndividualClock]] = defaultdict(list)
    for clock in await store.clocks_of(desk.session, [row.id for row in rows]):
        clocks[clock.request_id].append(clock)
    found = []
    for row in rows:
        pending = row.state == "identity-pending"
        missing = (await store.identities_of(desk.session, row.id))[-1].missing if pending else []
        found.append(Standing(row, clocks[row.id], missing))
    return found


async def dossier(desk: Desk, request_id: UUID) -> Dossier:
    """Raises NoSuchIndividualRequestError: there is none; or, for a person, it is not theirs."""
    row = await desk.request(request_id)
    identities = await store.identities_of(desk.session, row.id)
    steps = await store.steps_of(desk.session, row.id)
    person: dict[str, Any] = store.opened(desk.keys, row.person, PERSON, row.id)
    return Dossier(
        Standing(row, await store.clocks_of(desk.session, [row.id]), identities[-1].missing),
        identities,
        steps,
        await store.decisions_of(desk.session, row.id),
        await store.redactions_of(desk.session, row.id),
        unsealed_letters(desk.keys, steps),
        person,
        matter_of(desk, row),
    )


async def disputes(desk: Desk, record_ids: Sequence[UUID]) -> list[Dispute]:
    """What is disputed of these records (5 U.S.C. 552a(d)(4))."""
    found = []
    for row in await store.disputes_of(desk.session, record_ids):
        place = f"{row.record_id}/{row.request_id}"
        answer = store.opened(desk.keys, row.answer, ANSWER, place) if row.answer is not None else None
        portion = store.opened(desk.keys, row.portion, PORTION, place)
        statement = store.opened(desk.keys, row.statement, STATEMENT, place)
        found.append(Dispute(row.record_id, row.request_id, row.filed_on, portion, statement, answer))
    return found
