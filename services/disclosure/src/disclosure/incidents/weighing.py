"""How grave it is, who is told of it, and to whom data go that help against the harm: each a decision of a privacy officer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast
from uuid import UUID

from common.auth import Principal
from common.contracts.disclosure import FactValue
from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.pii.taxonomy import Taxonomy
from disclosure.incidents import harm, letters, store
from disclosure.incidents.desk import LETTER, REASONS, held
from disclosure.incidents.errors import AlreadyToldError
from disclosure.incidents.harm import Level
from disclosure.incidents.law_files import risk
from disclosure.incidents.tables import Incident, IncidentAssessment, IncidentDisclosure, IncidentNotification
from disclosure.individuals import store as sealing
from disclosure.matters import Desk
from disclosure.packages import store as packages
from disclosure.packages.desk import opened_particulars
from disclosure.use_cases import asking

PURPOSES = {"routine-use-8": "own-breach-response", "routine-use-9": "recipient-breach-response"}


@dataclass(frozen=True, slots=True)
class Assessment:
    """An official's answers. `level`: what they find; empty: what the answers make it. `reasons`: one for each factor."""

    answers: Mapping[str, str]
    harm: str
    reasons: dict[str, str] = field(repr=False)
    level: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """What becomes of one person: told, not needed, or told later on the order of somebody who may order that."""

    person_id: UUID
    outcome: str
    means: str = ""
    reason: str = ""
    reference: str = ""
    parts: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Draft:
    """A disclosure in answer to the breach, as it is drafted; it is decided and accounted for like every other."""

    basis: str
    recipient_kind: str
    transcript_ids: Sequence[UUID]
    facts: Mapping[str, FactValue]


async def assess(desk: Desk, incident_id: UUID, given: Assessment, taxonomy: Taxonomy) -> IncidentAssessment:
    """Weigh the risk of harm. What kinds got out is read from the incident.

    Raises:
        InvalidError: a question has no answer or a wrong one, a factor no reason, or the risk is found lower than it is.
    """
    row = await held(desk, incident_id)
    kinds = {kind for p in await store.people_of(desk.session, [row.id]) for kind in p.kinds}
    weighed = harm.weigh(given.answers, kinds, taxonomy)
    missing = [f"answers.{name}" for name in weighed.missing]
    missing += [f"reasons.{f}" for f in risk().factors if not given.reasons.get(f, "").strip()]
    wrong = [FieldError(f"answers.{name}", "is no answer to a question that is asked") for name in weighed.wrong]
    level = cast("Level", given.level or weighed.level)
    if not harm.at_least(level, weighed.level):
        wrong.append(FieldError("level", f"cannot be lower than the answers make it: {weighed.level}"))
    if missing or wrong:
        raise InvalidError("the risk is not weighed so", missing=missing, errors=wrong)
    made = new_id()
    entry = IncidentAssessment(
        id=made,
        incident_id=row.id,
        answers=dict(given.answers),
        points=dict(weighed.points),
        weighed=weighed.level,
        level=level,
        harm=given.harm,
        reasons=sealing.seal(desk.keys, given.reasons, REASONS, made),
        assessed_by=desk.actor,
        assessed_at=desk.now,
    )
    desk.session.add(entry)
    await desk.session.flush()
    return entry


async def notify(desk: Desk, incident_id: UUID, notice: Notice) -> IncidentNotification:
    """Tell somebody whose data got out, or enter why not, or why later.

    Raises:
        InvalidError: they are not affected; the risk was not weighed; a part of the letter is missing; or there is no ground
            for not telling them.
        AlreadyToldError: that is settled.
    """
    row = await held(desk, incident_id)
    people = {p.person_id: p for p in await store.people_of(desk.session, [row.id])}
    if notice.person_id not in people:
        raise InvalidError("nothing of theirs got out", errors=[FieldError("person_id", "is nobody of this incident")])
    known = [n for n in await store.notifications_of(desk.session, row.id) if n.person_id == notice.person_id]
    if any(n.outcome != "delayed" or notice.outcome == "delayed" for n in known):
        raise AlreadyToldError
    level = await _level(desk, row)
    _refuse_silence(notice, level)
    letter = await _letter(desk, row, notice, people[notice.person_id].kinds) if notice.outcome == "sent" else None
    place = f"{row.id}/{notice.person_id}/{notice.outcome}"
    entry = IncidentNotification(
        incident_id=row.id,
        person_id=notice.person_id,
        outcome=notice.outcome,
        means=notice.means,
        reason=notice.reason,
        reference=notice.reference,
        letter=sealing.seal(desk.keys, letter, LETTER, place) if letter else None,
        decided_by=desk.actor,
        decided_at=desk.now,
    )
    desk.session.add(entry)
    await desk.session.flush()
    return entry


async def draft(desk: Desk, incident_id: UUID, given: Draft, actor: Principal) -> IncidentDisclosure:
    """Draft a disclosure under routine use 8 or 9 from what is known of the incident.

    Nothing leaves by it: findings are signed for it, somebody else decides it, and it is accounted for, as for every request.

    Raises:
        InvalidError: records that the incident is not about; the risk was not weighed; facts that the notice does not know.
    """
    row = await held(desk, incident_id)
    if not set(given.transcript_ids) <= set(row.records):
        told = FieldError("transcript_ids", "one is no record of this incident")
        raise InvalidError("that has nothing to do with it", errors=[told])
    own: dict[str, FactValue] = {}
    if given.basis == "routine-use-8":
        await _level(desk, row)
        latest = (await store.assessments_of(desk.session, [row.id]))[-1]
        own = {
            "breach.reference": str(row.id),  # a bare id is never taken for a person's number
            "breach.status": row.certainty,
            "breach.system": "60-0383",
            "breach.harm": latest.harm,
        }
    question = asking.new_question(
        transcript_ids=given.transcript_ids,
        basis=given.basis,
        recipient_kind=given.recipient_kind,
        purpose=PURPOSES[given.basis],
        facts={**given.facts, **own},
    )
    asked = await asking.ask(desk.session, question=question, actor=actor, now=desk.now)
    entry = IncidentDisclosure(
        request_id=asked.id, incident_id=row.id, basis=given.basis, drafted_by=desk.actor, drafted_at=desk.now
    )
    desk.session.add(entry)
    await desk.session.flush()
    return entry


async def _level(desk: Desk, row: Incident) -> str:
    """Raises InvalidError: the risk was not weighed yet."""
    found = await store.assessments_of(desk.session, [row.id])
    if not found:
        raise InvalidError("the risk of harm was not weighed yet", missing=["assessment"])
    return found[-1].level


def _refuse_silence(notice: Notice, level: str) -> None:
    """Who is not told is at low risk; who is told later, is so on a written order (OMB M-17-12)."""
    if notice.outcome == "sent":
        return
    missing = [name for name in ("reason", "reference") if not getattr(notice, name)]
    if missing:
        raise InvalidError("whoever is not told is not told for a reason that is filed", missing=missing)
    if notice.outcome == "not-needed" and level != "low":
        told = FieldError("outcome", f"the risk is {level}: they are told")
        raise InvalidError("they have to be told", errors=[told])
    if notice.outcome == "delayed" and notice.reason not in {"law-enforcement", "national-security"}:
        told = FieldError("reason", "is law-enforcement or national-security, ordered in writing")
        raise InvalidError("a notice waits on a written order only", errors=[told])


async def _letter(desk: Desk, row: Incident, notice: Notice, kinds: Sequence[str]) -> str:
    missing = [f"parts.{name}" for name in letters.missing(notice.parts)]
    if not notice.means:
        missing.append("means")
    if notice.means == "first-class-mail" and not await _address(desk, row, notice.person_id):
        missing.append("person.address")
    if missing:
        raise InvalidError("the notice does not say all that it has to say", missing=missing)
    return letters.notice(
        notice.parts,
        kinds,
        happened_at=row.occurred_at,
        detected_at=row.detected_at,
        encrypted=row.encrypted,
        suspected=row.certainty == "suspected",
    )


async def _address(desk: Desk, row: Incident, person_id: UUID) -> str:
    package = row.package_id
    if package is None and row.medium_id is not None:
        shipment = await packages.shipment_with(desk.session, row.medium_id)
        package = shipment.package_id if shipment else None
    people = await packages.persons_of(desk.session, package) if package else []
    return next((str(opened_particulars(desk, p)["address"]) for p in people if p.id == person_id), "")
