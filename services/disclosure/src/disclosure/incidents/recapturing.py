"""Get back what is out: ask for it, enter what came of it, and take a refusal to the National Office through the region."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure.incidents import store
from disclosure.incidents.desk import ADVICE, HOLDER, held, held_recapture
from disclosure.incidents.errors import OwnIncidentError
from disclosure.incidents.law_files import machines_of_incidents
from disclosure.incidents.tables import Incident, IncidentDocument, Recapture
from disclosure.individuals import store as sealing
from disclosure.matters import Desk, leads_to

BACK = ("refiled", "destroyed")


@dataclass(frozen=True, slots=True)
class Asking:
    """How it is asked for. `holder`: who has it and how they are reached; sealed."""

    method: str
    envelope_offered: bool
    return_to: str
    holder: dict[str, str] = field(repr=False)
    registered_number: str = ""
    documents: Sequence[UUID] = ()


async def ask_return(desk: Desk, incident_id: UUID, asking: Asking) -> Recapture:
    """Ask whoever has it to give it back (S2-081 to S2-083).

    Raises:
        InvalidError: not by telephone or registered mail with its number, without the stamped envelope, not to the district
            office, or for nothing that is out.
    """
    incident = await held(desk, incident_id)
    _refuse_manner(asking)
    documents = await _asked_for(desk, incident, asking.documents)
    row = Recapture(
        id=(made := new_id()),
        incident_id=incident.id,
        opened_by=incident.opened_by,
        office=incident.office,
        region=incident.region,
        method=asking.method,
        registered_number=asking.registered_number,
        envelope_offered=asking.envelope_offered,
        return_to=asking.return_to,
        holder=sealing.seal(desk.keys, asking.holder, HOLDER, made),
        asked_by=desk.actor,
        asked_at=desk.now,
    )
    await desk.step(machines_of_incidents()["recapture"], row, "ask", codes={"method": asking.method})
    for document in documents:
        document.recapture_id = row.id
    await desk.session.flush()
    return row


async def act(desk: Desk, recapture_id: UUID, name: str, back: Sequence[tuple[UUID, str]] = ()) -> Recapture:
    """Enter what came of it: it came back, the holder refuses or does not answer, it goes to the National Office.

    Args:
        back: what came back, each filed again or destroyed.

    Raises:
        NotNowError: not from where it stands. Whoever refuses can only be taken to the National Office, once the regional
            director signed that (S2-094, S2-095).
        InvalidError: something came back that was not asked for, or it is not said what became of it.
    """
    row = await held_recapture(desk, recapture_id)
    machine = machines_of_incidents()["recapture"]
    asked = [d for d in await store.documents_of(desk.session, [row.incident_id]) if d.recapture_id == row.id]
    facts: dict[str, bool | str] = {}
    if name == "return":
        came = {one for one, _ in back}
        facts["back"] = "all" if all(d.stands != "out" or d.id in came for d in asked) else "some"
        leads_to(machine, row, name, facts)
        _take_back(asked, back)
    codes = {"documents": [str(one) for one, _ in back]} if back else {}
    await desk.step(machine, row, name, facts=facts, codes=codes)
    if name == "give-up":
        for document in asked:
            document.stands = "given-up" if document.stands == "out" else document.stands
        await desk.session.flush()
    return row


async def sign_off(desk: Desk, recapture_id: UUID) -> Recapture:
    """The regional director signs that a refusal goes to the National Office (S2-095).

    Raises:
        OwnIncidentError: they reported the incident or asked for the return.
        NotNowError: nobody refused.
    """
    row = await held_recapture(desk, recapture_id)
    if desk.actor in {row.opened_by, row.asked_by}:
        raise OwnIncidentError
    leads_to(machines_of_incidents()["recapture"], row, "sign-off")
    row.signed_off_by = desk.actor
    await desk.step(machines_of_incidents()["recapture"], row, "sign-off")
    return row


async def advise(desk: Desk, recapture_id: UUID, advice: str) -> Recapture:
    """Enter what the National Office says is to be done; before that, nothing goes on (S2-096).

    Raises:
        InvalidError: it says nothing.
        NotNowError: it is not with the National Office.
    """
    row = await held_recapture(desk, recapture_id)
    leads_to(machines_of_incidents()["recapture"], row, "advise")
    if not advice.strip():
        raise InvalidError("it goes on with the National Office's advice only", missing=["advice"])
    row.advice, row.advised_by = sealing.seal(desk.keys, advice, ADVICE, row.id), desk.actor
    await desk.step(machines_of_incidents()["recapture"], row, "advise")
    return row


def _refuse_manner(asking: Asking) -> None:
    wrong = []
    if asking.method not in {"telephone", "registered-mail"}:
        wrong.append(FieldError("method", "is telephone or registered-mail (S2 item 13(a))"))
    if asking.method == "registered-mail" and not asking.registered_number:
        wrong.append(FieldError("registered_number", "is needed with registered mail"))
    if not asking.envelope_offered:
        wrong.append(
            FieldError("envelope_offered", "has to be so: a stamped, addressed envelope goes with it (S2 item 13(a))")
        )
    if asking.return_to != "district-office":
        wrong.append(FieldError("return_to", "is the district-office (S2 item 13(a))"))
    if wrong:
        missing = [one.field for one in wrong if one.message.startswith("is needed")]
        raise InvalidError("it cannot be asked for so", errors=wrong, missing=missing)


async def _asked_for(desk: Desk, incident: Incident, chosen: Sequence[UUID]) -> list[IncidentDocument]:
    out = [
        d for d in await store.documents_of(desk.session, [incident.id]) if d.stands == "out" and d.recapture_id is None
    ]
    asked = [d for d in out if d.id in set(chosen)] if chosen else out
    if not asked or len(asked) < len(set(chosen)):
        told = FieldError("documents", "are what is out of this incident and was not asked for yet")
        raise InvalidError("there is nothing to be asked for", errors=[told])
    return asked


def _take_back(asked: Sequence[IncidentDocument], back: Sequence[tuple[UUID, str]]) -> None:
    out = {d.id: d for d in asked if d.stands == "out"}
    if not back:
        raise InvalidError("say what came back, and what became of it", missing=["documents"])
    for number, (document_id, outcome) in enumerate(back):
        if document_id not in out:
            told = FieldError(f"documents[{number}].id", "was not asked for, or is back")
            raise InvalidError("that is not out", errors=[told])
        if outcome not in BACK:
            told = FieldError(f"documents[{number}].outcome", f"is needed: {' or '.join(BACK)} (S2 item 13(a))")
            raise InvalidError("say what became of it", errors=[told], missing=[told.field])
        out[document_id].stands = outcome
