"""Take a request in, and let the identity gate judge who asks: at once, and again when more is shown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast
from uuid import UUID

from common.contracts.disclosure import FactValue
from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure.errors import ClosedChannelError
from disclosure.individuals import clocks, identity, letters, store
from disclosure.individuals.desk import Desk, new_request_id
from disclosure.individuals.doors import aims
from disclosure.individuals.identity import Claim, Verdict
from disclosure.individuals.states import Kind
from disclosure.individuals.tables import ACCOUNT_SEALED, IndividualIdentity, IndividualRequest

PERSON, MATTER = "individual_request.person", "individual_request.matter"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was shown of who asks. `certification`: the words that the person signed; they are judged and kept sealed."""

    facts: Mapping[str, FactValue] = field(default_factory=dict)
    certification: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Intake:
    """A request as it came.

    Attributes:
        person: names, addresses and other particulars of the requester and the person the record is about; sealed.
        matter: what the person writes about the record; sealed.
        codes: the coded part of it: kind of correction, grounds.
        token: what the service knows of the account, when the person is signed in.
        given: names of particulars by which the person may be found; never their values.
    """

    kind: Kind
    system: str
    channel: str
    capacity: str
    subject: str
    sensitivity: str
    aim: str
    received_on: date
    evidence: Evidence
    records: Sequence[UUID] = ()
    person: Mapping[str, Any] = field(default_factory=dict, repr=False)
    matter: Mapping[str, Any] = field(default_factory=dict, repr=False)
    codes: Mapping[str, Any] = field(default_factory=dict)
    token: Mapping[str, FactValue] = field(default_factory=dict)
    given: Sequence[str] = ()


async def take_in(desk: Desk, intake: Intake) -> IndividualRequest:
    """Enter a request, wherever its day leads it: on, back with a question, or to another office.

    Raises:
        ClosedChannelError: this channel opens nothing for such a person; it says why and which do.
        InvalidError: a fact is not as it must be, nobody is identified, or the day of receipt has not come.
    """
    _refuse_what_is_wrong(desk, intake)
    table, aim = identity.table(), aims()[intake.aim]
    facts = _facts(intake.evidence, intake.token, particulars=bool(intake.given))
    verdict = identity.judge(table, _claim(intake, facts), today=desk.today)
    if verdict.closed:
        others = ", ".join(verdict.instead)
        raise ClosedChannelError(f"{verdict.closed}; possible: {others}", instead=list(verdict.instead))
    row = _row(desk, intake)
    desk.session.add(row)
    await desk.session.flush()
    await _keep(desk, row, intake.channel, verdict, facts)
    due = clocks.to_acknowledge(desk.calendar, intake.kind, intake.received_on) if aim.here else None
    await desk.start(row, due)
    answer = ""
    if not aim.here:
        answer = letters.sent_on(aim, intake.received_on)
    elif not verdict.verified:
        answer = letters.proof_needed(table, verdict)
    elif not is_clear(row, intake.matter):
        answer = letters.question(WHICH_RECORD, due)
    seen = {"right_door": aim.here, "verified": verdict.verified, "clear": is_clear(row, intake.matter)}
    await desk.step(row, "take-in", facts=seen, codes=_said(verdict, due, seen), letter=answer, rerouted_to=aim.to)
    return row


WHICH_RECORD = "Which record do you mean? Tell us the day and the subject of the conversation, or its number."


async def prove(desk: Desk, request_id: UUID, channel: str, evidence: Evidence) -> tuple[IndividualRequest, Verdict]:
    """Judge again, on what was shown before and now. The papers may come by another channel than the request did.

    Raises:
        NoSuchIndividualRequestError, NotNowError: as `Desk.request` and `Desk.step` do.
        ClosedChannelError: this channel proves nothing.
    """
    row = await desk.request(request_id)
    _refuse_facts(evidence)
    desk.leads_to(row, "prove-identity", {"verified": False})
    before = (await store.identities_of(desk.session, row.id))[-1]
    facts = {**before.facts, **_facts(evidence, {}, particulars=False)}
    table = identity.table()
    claim = Claim(channel or row.channel, row.capacity, row.subject, row.sensitivity, facts)
    verdict = identity.judge(table, claim, today=desk.today)
    if verdict.closed:
        raise ClosedChannelError(verdict.closed, instead=list(verdict.instead))
    await _keep(desk, row, claim.channel, verdict, facts)
    clear = is_clear(row, matter_of(desk, row))
    letter = "" if verdict.verified else letters.proof_needed(table, verdict)
    if verdict.verified and not clear:
        letter = letters.question(WHICH_RECORD, None)
    seen = {"verified": verdict.verified, "clear": clear}
    await desk.step(row, "prove-identity", facts=seen, codes=_said(verdict, None, seen), letter=letter)
    return row, verdict


def is_clear(row: IndividualRequest, matter: Mapping[str, Any]) -> bool:
    """Whether it says which record it means. Only who wants a record corrected has to (20 CFR 401.65(a))."""
    return row.kind != "amendment" or bool(row.records) or bool(matter.get("description"))


def matter_of(desk: Desk, row: IndividualRequest) -> dict[str, Any]:
    """What the person wrote about the record."""
    found: dict[str, Any] = store.opened(desk.keys, row.matter, MATTER, row.id)
    return found


async def proof_of(desk: Desk, row: IndividualRequest) -> IndividualIdentity:
    """The gate's last answer, which a decision hangs on; the store refuses one that is not "verified"."""
    return (await store.identities_of(desk.session, row.id))[-1]


def _refuse_what_is_wrong(desk: Desk, intake: Intake) -> None:
    _refuse_facts(intake.evidence)
    if intake.received_on > desk.today:
        raise InvalidError("a request is taken in when it is here",
                           errors=[FieldError("received_on", "lies in the future")])  # fmt: skip
    if intake.channel != "sign-in" and not intake.given:
        ways = ["requester.name", "requester.ssn", "requester.other"]
        raise InvalidError(
            "a name, a number or another particular has to say whom the record is about; any one of them does",
            missing=ways,
            errors=[FieldError("requester", "names nobody")],
        )


def _refuse_facts(evidence: Evidence) -> None:
    wrong = list(identity.wrong_facts(identity.table(), evidence.facts))
    if wrong:
        raise InvalidError("some facts of identity are not as they must be", errors=wrong)


def _facts(evidence: Evidence, token: Mapping[str, FactValue], *, particulars: bool) -> dict[str, FactValue]:
    """What is shown: stated by an official, known from the token, and read from the certification by the service."""
    facts: dict[str, FactValue] = {**evidence.facts, **token}
    if evidence.certification:
        facts |= identity.certified(identity.table(), evidence.certification)
    if particulars:
        facts["particulars.given"] = True
    return facts


def _claim(intake: Intake, facts: Mapping[str, FactValue]) -> Claim:
    return Claim(intake.channel, intake.capacity, intake.subject, intake.sensitivity, facts)


async def _keep(desk: Desk, row: IndividualRequest, channel: str, verdict: Verdict, facts: Mapping[str, Any]) -> None:
    desk.session.add(
        IndividualIdentity(
            id=new_id(),
            request_id=row.id,
            verified=verdict.verified,
            channel=channel,
            way=verdict.way,
            facts=dict(facts),
            missing=list(verdict.missing),
            note=verdict.note,
            table_version=verdict.version,
            judged_by=desk.actor,
            judged_at=desk.now,
        )
    )
    await desk.session.flush()


def _row(desk: Desk, intake: Intake) -> IndividualRequest:
    request_id = new_request_id()
    person = {**intake.person, "certification": intake.evidence.certification}
    return IndividualRequest(
        id=request_id,
        kind=cast("str", intake.kind),
        system=intake.system,
        channel=intake.channel,
        capacity=intake.capacity,
        subject=intake.subject,
        sensitivity=intake.sensitivity,
        aim=intake.aim,
        codes=dict(intake.codes),
        records=list(dict.fromkeys(intake.records)),
        account=desk.keys.blind(store.ACCOUNT, desk.account) if desk.account else None,
        account_sealed=store.seal(desk.keys, desk.account, ACCOUNT_SEALED, request_id) if desk.account else None,
        person=store.seal(desk.keys, person, PERSON, request_id),
        matter=store.seal(desk.keys, intake.matter, MATTER, request_id),
        state="",
        received_on=intake.received_on,
        taken_by=desk.actor,
        taken_at=desk.now,
    )


def _said(verdict: Verdict, due: clocks.Clock | None, seen: Mapping[str, bool]) -> dict[str, Any]:
    said: dict[str, Any] = {"way": verdict.way, "missing": list(verdict.missing), **seen}
    if due is not None and not all(seen.values()):
        said["clock"] = {"name": due.name, "effect": "runs-on", "due_on": due.due_on.isoformat()}
    return said
