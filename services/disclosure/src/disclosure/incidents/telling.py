"""Tell of an incident, in this order: district director, regional director, department; and close it when all is done."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from common.errors import InvalidError
from disclosure import publishing
from disclosure.incidents import store
from disclosure.incidents.clocks import MAJOR_PEOPLE
from disclosure.incidents.desk import ENDED, REPORTED, held, refuse_reporter
from disclosure.incidents.errors import StillOutError
from disclosure.incidents.law_files import machines_of_incidents
from disclosure.incidents.tables import Incident, IncidentClosing, IncidentReport
from disclosure.individuals import store as sealing
from disclosure.matters import Desk, leads_to

TOLD = ("circumstances", "how_discovered", "recovery_actions")


@dataclass(frozen=True, slots=True)
class Report:
    """The departmental report (S2 item 13(b)). `told`: the words of its parts, sealed."""

    reference: str
    kinds: Sequence[str]
    told: dict[str, str] = field(repr=False)
    congress_reference: str = ""


async def tell_district(desk: Desk, incident_id: UUID, means: str) -> Incident:
    """Enter that the district director was told (S2-084). Late is entered as late."""
    row = await held(desk, incident_id)
    codes = {"means": means, "late": desk.now > row.district_due_at}
    await desk.step(machines_of_incidents()["incident"], row, "tell-district", codes=codes)
    return row


async def tell_region(desk: Desk, incident_id: UUID, means: str) -> Incident:
    """Enter that the district director told the regional director.

    Raises:
        NotNowError: the district director does not know of it yet (S2-085).
    """
    row = await held(desk, incident_id)
    await desk.step(machines_of_incidents()["incident"], row, "tell-region", codes={"means": means})
    return row


async def report(desk: Desk, incident_id: UUID, given: Report) -> Incident:
    """Enter the departmental report, with every part that it has to have (S2-087 to S2-089).

    Raises:
        NotNowError: the regional director was not told.
        InvalidError: a part is missing; each is named.
    """
    row = await held(desk, incident_id)
    leads_to(machines_of_incidents()["incident"], row, "report")
    missing = [name for name in TOLD if not given.told.get(name, "").strip()]
    missing += ["reference"] * (not given.reference) + ["kinds"] * (not given.kinds)
    if await is_major(desk, row) and not given.congress_reference:
        missing.append("congress_reference")
    if missing:
        raise InvalidError("the report does not say all that it has to say (S2 item 13(b))", missing=missing)
    desk.session.add(
        IncidentReport(
            incident_id=row.id,
            reference=given.reference,
            congress_reference=given.congress_reference,
            kinds=list(given.kinds),
            told=sealing.seal(desk.keys, given.told, REPORTED, row.id),
            reported_by=desk.actor,
            reported_at=desk.now,
        )
    )
    codes = {"reference": given.reference, "kinds": list(given.kinds)}
    await desk.step(machines_of_incidents()["incident"], row, "report", codes=codes)
    return row


async def close(desk: Desk, incident_id: UUID, *, disposition: str, filed_as: str) -> Incident:
    """Close an incident and file its record (S2-086, S2-090, S2-092).

    Raises:
        OwnIncidentError: the actor reported it.
        NotNowError: there is no departmental report on it.
        StillOutError: a document is neither back nor given up on the National Office's advice.
        InvalidError: it is not said how the recovery ended or where the record is filed, the risk was not weighed, or
            somebody affected was neither told nor found not to need it.
    """
    row = await held(desk, incident_id)
    refuse_reporter(desk, row)
    outstanding = await _outstanding(desk, row.id)
    machine = machines_of_incidents()["incident"]
    leads_to(machine, row, "close", {"outstanding": outstanding if outstanding != "some" else "none"})
    if outstanding == "some":
        out = [str(d.id) for d in await store.documents_of(desk.session, [row.id]) if d.stands == "out"]
        raise StillOutError(f"{len(out)} document(s) are still out", documents=out)
    missing = await _undone(desk, row)
    missing += ["disposition"] * (not disposition.strip()) + ["filed_as"] * (not filed_as)
    if missing:
        raise InvalidError("something of it is not done or not said", missing=missing)
    desk.session.add(
        IncidentClosing(
            incident_id=row.id,
            opened_by=row.opened_by,
            told=sealing.seal(desk.keys, {"disposition": disposition}, ENDED, row.id),
            filed_as=filed_as,
            closed_by=desk.actor,
            closed_at=desk.now,
        )
    )
    await desk.session.flush()
    await desk.step(machine, row, "close", facts={"outstanding": outstanding}, codes={"filed_as": filed_as})
    await publishing.tell_incident_closed(desk.session, row.id, opened_at=row.opened_at, now=desk.now)
    return row


async def is_major(desk: Desk, row: Incident) -> bool:
    """Whether so many people are affected that the Congress is told."""
    people = await store.people_of(desk.session, [row.id])
    return max(row.people_estimated, len(people)) >= MAJOR_PEOPLE


async def _outstanding(desk: Desk, incident_id: UUID) -> str:
    stands = {d.stands for d in await store.documents_of(desk.session, [incident_id])}
    return "some" if "out" in stands else "given-up" if "given-up" in stands else "none"


async def _undone(desk: Desk, row: Incident) -> list[str]:
    """What has to be done before it can be closed: the risk weighed, and everybody affected told or found not to need it."""
    missing = [] if await store.assessments_of(desk.session, [row.id]) else ["assessment"]
    settled = {n.person_id for n in await store.notifications_of(desk.session, row.id) if n.outcome != "delayed"}
    people = await store.people_of(desk.session, [row.id])
    return missing + [f"notices.{p.person_id}" for p in people if p.person_id not in settled]
