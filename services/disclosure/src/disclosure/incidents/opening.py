"""Open an incident: what happened, what is out, whose data, and what is due at once. Suspected is enough."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from common.access import Reach
from common.errors import FieldError, ForbiddenError, InvalidError
from common.ids import new_id
from common.pii.taxonomy import Taxonomy
from disclosure import publishing
from disclosure.incidents import affected, store
from disclosure.incidents.affected import Held
from disclosure.incidents.desk import STORY
from disclosure.incidents.law_files import Trigger, machines_of_incidents, triggers
from disclosure.incidents.tables import Incident, IncidentDocument, IncidentPerson
from disclosure.individuals import store as sealing
from disclosure.matters import Desk
from disclosure.packages import store as packages
from disclosure.packages.desk import NewPerson, add_persons
from disclosure.packages.tables import PackageItem, PackagePerson, Shipment

OWN_TRAIL = "disclosure"


@dataclass(frozen=True, slots=True)
class Missed:
    """Something overlooked: in which item, about whom (an id or a label), of which kind."""

    item_id: UUID
    person: str
    kind: str


@dataclass(frozen=True, slots=True)
class Detection:
    """What is reported.

    Attributes:
        failed_items: items that were misfiled or not redacted.
        documents: marks of what is out, where no package says it.
        audit_service, audit_entry: the entry of which trail shows the look.
        story: what happened and how it was found out, in words; sealed.
    """

    trigger: str
    certainty: str
    detected_at: datetime
    story: dict[str, str] = field(repr=False)
    occurred_at: datetime | None = None
    package_id: UUID | None = None
    medium_id: UUID | None = None
    audit_service: str = ""
    audit_entry: UUID | None = None
    records: Sequence[UUID] = ()
    failed_items: Sequence[UUID] = ()
    missed: Sequence[Missed] = ()
    persons: Sequence[NewPerson] = ()
    documents: Sequence[str] = ()
    people_estimated: int = 0


@dataclass(frozen=True, slots=True)
class _Ground:
    """What it rests on, as it is on record."""

    package_id: UUID | None
    items: Sequence[PackageItem]
    records: Sequence[UUID]
    encrypted: bool


async def open_incident(desk: Desk, seen: Detection, taxonomy: Taxonomy, *, district_minutes: int) -> Incident:
    """Open an incident; who is affected is read from what left, and the district director is to be told at once.

    Raises:
        InvalidError: what it rests on is not named or is not there, or what is out is not said.
        ForbiddenError: the actor has no office for which it could be opened.
    """
    trigger = triggers()[seen.trigger]
    if not desk.covers(Reach(office=bool(desk.office), region=bool(desk.region))):
        raise ForbiddenError("your token names no office", missing=["token.office"])
    _refuse_times(desk, seen)
    ground = await _ground(desk, trigger, seen)
    _refuse_items(trigger, seen, ground)
    row = Incident(
        id=(made := new_id()),
        trigger=seen.trigger,
        certainty=seen.certainty,
        office=desk.office,
        region=desk.region,
        package_id=ground.package_id if trigger.rests_on == "package" else None,
        medium_id=seen.medium_id,
        audit_service=seen.audit_service,
        audit_entry=str(seen.audit_entry or ""),
        records=list(dict.fromkeys(ground.records)),
        people_estimated=seen.people_estimated,
        encrypted=ground.encrypted,
        occurred_at=seen.occurred_at,
        detected_at=seen.detected_at,
        district_due_at=seen.detected_at + timedelta(minutes=district_minutes),
        story=sealing.seal(desk.keys, seen.story, STORY, made),
        opened_by=desk.actor,
        opened_at=desk.now,
    )
    codes = {"trigger": seen.trigger, "certainty": seen.certainty}
    await desk.step(machines_of_incidents()["incident"], row, "open", codes=codes)
    await _keep_people(desk, row, seen, ground, taxonomy)
    _keep_documents(desk, row, trigger, seen, ground)
    await desk.session.flush()
    await publishing.tell_incident_opened(desk.session, row.id, trigger=row.trigger, now=desk.now)
    return row


def _refuse_times(desk: Desk, seen: Detection) -> None:
    wrong = []
    if seen.detected_at > desk.now:
        wrong.append(FieldError("detected_at", "lies ahead"))
    if seen.occurred_at is not None and seen.occurred_at > seen.detected_at:
        wrong.append(FieldError("occurred_at", "lies after the detection"))
    if wrong:
        raise InvalidError("that cannot have happened then", errors=wrong)


async def _ground(desk: Desk, trigger: Trigger, seen: Detection) -> _Ground:
    """What it rests on.

    Raises:
        InvalidError: it is not named, or there is no such thing.
    """
    needed = {"package": "package_id", "medium": "medium_id", "audit": "audit_entry", "records": "records"}[
        trigger.rests_on
    ]
    if not getattr(seen, needed):
        raise InvalidError(f"{trigger.title}: say which", missing=[needed])
    if trigger.rests_on == "package":
        return await _package(desk, seen.package_id)
    if trigger.rests_on == "medium":
        return await _medium(desk, seen)
    if trigger.rests_on == "audit":
        return _Ground(None, (), await _looked_at(desk, seen), encrypted=False)
    return _Ground(None, (), seen.records, encrypted=False)


async def _package(desk: Desk, package_id: UUID | None, shipment: Shipment | None = None) -> _Ground:
    package = await packages.package_of(desk.session, package_id) if package_id else None
    if package is None or package.state not in {"sent", "delivered"}:
        told = FieldError("package_id", "is no package that left")
        raise InvalidError("nothing of it got out", errors=[told])
    items = [item for item in await packages.items_of(desk.session, package.id) if item.state == "copied"]
    shipment = shipment or await packages.shipment_of(desk.session, package.id)
    # A medium never leaves unencrypted; its key may have been lost with it, which the assessment asks.
    encrypted = shipment is not None and shipment.medium_id is not None
    return _Ground(package.id, items, [item.record_id for item in items], encrypted)


async def _medium(desk: Desk, seen: Detection) -> _Ground:
    medium = await packages.medium_for_update(desk.session, seen.medium_id) if seen.medium_id else None
    if medium is None or medium.state != "lost":
        told = FieldError("medium_id", "is no medium that is entered as lost; enter that first")
        raise InvalidError("no such medium is lost", errors=[told])
    shipment = await packages.shipment_with(desk.session, medium.id)
    if shipment is None:
        return _Ground(None, (), [medium.record_id], medium.encrypted)
    return await _package(desk, shipment.package_id, shipment)


async def _looked_at(desk: Desk, seen: Detection) -> Sequence[UUID]:
    """The records that were looked at: from this service's own trail, or as they are reported of another's."""
    if not seen.audit_service or seen.audit_entry is None:
        raise InvalidError("say in whose trail the look stands", missing=["audit_service"])
    if seen.audit_service != OWN_TRAIL:
        if not seen.records:
            raise InvalidError("that trail is kept elsewhere: say which records it names", missing=["records"])
        return seen.records
    found = await store.records_of_look(desk.session, seen.audit_entry)
    if found is None:
        raise InvalidError("there is no such look", errors=[FieldError("audit_entry", "is no entry of this trail")])
    return [UUID(one) for one in found if _is_uuid(one)]


def _is_uuid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _refuse_items(trigger: Trigger, seen: Detection, ground: _Ground) -> None:
    known = {item.id for item in ground.items}
    missing = []
    if trigger.holds == "failed-items" and not seen.failed_items:
        missing.append("failed_items")
    if trigger.holds == "missed" and not seen.missed:
        missing.append("missed")
    if "recapture" in trigger.tasks and not ground.items and not seen.documents:
        missing.append("documents")
    if missing:
        raise InvalidError(f"{trigger.title}: say what is out", missing=missing)
    if not {*seen.failed_items, *(one.item_id for one in seen.missed)} <= known:
        told = FieldError("items", "one is no item of the package that left")
        raise InvalidError("that did not leave with it", errors=[told])


async def _keep_people(desk: Desk, row: Incident, seen: Detection, ground: _Ground, taxonomy: Taxonomy) -> None:
    """Exactly whose data of which kinds were in the bytes that left."""
    if ground.package_id is None:
        return
    holds = triggers()[seen.trigger].holds
    ids = {label: str(made) for label, made in (await add_persons(desk, ground.package_id, seen.persons)).items()}
    persons = {str(p.id): p for p in await packages.persons_of(desk.session, ground.package_id)}
    missed = [Held(m.item_id, _whose(ids.get(m.person, m.person), persons), m.kind, stayed=True) for m in seen.missed]
    if unknown := [m.kind for m in seen.missed if m.kind not in taxonomy.types]:
        told = FieldError("missed", f"{len(unknown)} kind(s) that the taxonomy does not know")
        raise InvalidError("something overlooked is of an unknown kind", errors=[told])
    out = affected.got_out(holds, await _contents(desk, ground.items), failed=seen.failed_items, missed=missed)
    requesters = [p.id for p in persons.values() if p.role == "requester"]
    entitled = [] if holds == "everything" else requesters
    dead = [p.id for p in persons.values() if p.death_evidence]
    for one in affected.affected(out, taxonomy, entitled=entitled, dead=dead):
        desk.session.add(
            IncidentPerson(
                incident_id=row.id, person_id=one.person, kinds=list(one.kinds), protected=list(one.protected)
            )
        )
    await desk.session.flush()


def _whose(person: str, persons: dict[str, PackagePerson]) -> UUID:
    if person not in persons:
        raise InvalidError("it is not known whose it is", errors=[FieldError("missed", "names nobody of this package")])
    return persons[person].id


async def _contents(desk: Desk, items: Sequence[PackageItem]) -> list[Held]:
    """What the items hold of whom, by the latest review of each and the search of its copy."""
    ids = [item.id for item in items]
    latest = {review.item_id: review.id for review in await packages.reviews_of(desk.session, ids)}
    return [
        Held(one.item_id, one.person_id, one.kind, one.fate == "stays")
        for one in await packages.findings_of(desk.session, ids)
        if one.review_id == latest[one.item_id]
    ]


def _keep_documents(desk: Desk, row: Incident, trigger: Trigger, seen: Detection, ground: _Ground) -> None:
    """What is out and has to come back."""
    if "recapture" not in trigger.tasks:
        return
    named = {*seen.failed_items, *(one.item_id for one in seen.missed)}
    out = [item for item in ground.items if trigger.holds == "everything" or item.id in named]
    documents = [(item.id, item.copy_reference or item.reference) for item in out] + [(None, d) for d in seen.documents]
    for item_id, reference in documents:
        desk.session.add(
            IncidentDocument(id=new_id(), incident_id=row.id, item_id=item_id, reference=reference, stands="out")
        )
