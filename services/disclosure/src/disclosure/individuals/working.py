"""The agency's acts on a request: acknowledge it, ask back, send it on, tell of a delay, decide it, give access."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, cast
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure.errors import UndecidedRedactionsError
from disclosure.individuals import clocks, copies, grounds, letters, store
from disclosure.individuals.copies import FeeFor
from disclosure.individuals.desk import Desk
from disclosure.individuals.doors import aims
from disclosure.individuals.informing import Stage, amended
from disclosure.individuals.intake import MATTER, is_clear, matter_of, proof_of
from disclosure.individuals.letters import Official
from disclosure.individuals.states import Kind, Outcome
from disclosure.individuals.tables import IndividualDecision, IndividualRequest

REASON = "individual_decision.reason"
_WAITS = {
    "identity-pending": "Before we go on, it has to be proved who asks; we wrote to you what is still open.",
    "clarification-pending": "Before we go on, we need your answer to the question that we wrote to you.",
}


@dataclass(frozen=True, slots=True)
class Ruling:
    """What an official decides, first or on review.

    Attributes:
        found: whether there is a record of the person.
        records: the records it is about.
        grounds: coded reasons of a refusal; `references`: papers they rest on. reason: in words, for the person.
    """

    outcome: Outcome
    found: bool
    records: Sequence[UUID] = ()
    grounds: Sequence[str] = ()
    references: Mapping[str, str] = field(default_factory=dict)
    reason: str = field(default="", repr=False)
    official: Official | None = None
    procedure: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """How access is given. `companion_statement`: mark of the paper in which the person allows somebody to be there."""

    form: str
    accompanied: bool = False
    companion_statement: str = ""
    charged: Sequence[FeeFor] = ()
    cents: int = 0


async def acknowledge(desk: Desk, request_id: UUID) -> IndividualRequest:
    """Write to the person that the request was received; due within ten working days (5 U.S.C. 552a(d)(2)(A))."""
    row = await desk.request(request_id)
    letter = letters.acknowledgement(row.kind, row.received_on, _WAITS.get(row.state, ""))
    await desk.step(row, "acknowledge", letter=letter)
    row.acknowledged_on = desk.today
    await desk.meet(row, "acknowledge")
    return row


async def ask_back(desk: Desk, request_id: UUID, question: str) -> IndividualRequest:
    """Ask the person what is not clear. The time limit of the acknowledgement runs on, and the step says so."""
    row = await desk.request(request_id)
    due = clocks.to_acknowledge(desk.calendar, cast("Kind", row.kind), row.received_on)
    running = due if row.acknowledged_on is None else None
    codes = (
        {"clock": {"name": due.name, "effect": "runs-on", "due_on": due.due_on.isoformat()}} if due and running else {}
    )
    await desk.step(row, "ask-back", codes=codes, letter=letters.question(question, running))
    return row


async def clarify(desk: Desk, request_id: UUID, text: str, records: Sequence[UUID]) -> IndividualRequest:
    """Enter the person's answer."""
    row = await desk.request(request_id)
    matter = matter_of(desk, row)
    matter["description"] = "\n".join(filter(None, (matter.get("description", ""), text)))
    row.records = list(dict.fromkeys([*row.records, *records]))
    await desk.step(row, "clarify", facts={"clear": is_clear(row, matter)})
    row.matter = store.seal(desk.keys, matter, MATTER, row.id)
    await desk.session.flush()
    return row


async def reroute(desk: Desk, request_id: UUID, aim_code: str) -> IndividualRequest:
    """Send it to the office that it belongs to, with the day on which it was received here.

    Raises:
        InvalidError: it belongs here.
    """
    row, aim = await desk.request(request_id), aims()[aim_code]
    if aim.here:
        raise InvalidError("this is the right door for it", errors=[FieldError("aim", "belongs here")])
    codes = {"to": aim.to, "received_on": row.received_on.isoformat(), "citation": aim.citation}
    row.aim = aim_code
    letter = letters.sent_on(aim, row.received_on)
    await desk.step(row, "reroute", codes=codes, letter=letter, rerouted_to=aim.to)
    await desk.meet(row, "acknowledge", "promised")
    return row


async def tell_delay(desk: Desk, request_id: UUID, until: date) -> IndividualRequest:
    """Tell the person that it takes longer, and until when (20 CFR 401.50(b)).

    Raises:
        InvalidError: the day is over.
    """
    row = await desk.request(request_id)
    if until <= desk.today:
        raise InvalidError("a promise lies ahead", errors=[FieldError("until", "is not in the future")])
    await desk.step(row, "tell-delay", codes={"until": until.isoformat()}, letter=letters.delay(until))
    await desk.meet(row, "promised")
    await desk.start(row, clocks.set_for("promised", desk.today, until))
    return row


async def decide(desk: Desk, request_id: UUID, ruling: Ruling) -> IndividualRequest:
    """Decide the request for the first time. Only one whose identity is proved gets here: machine and store see to it.

    Raises:
        InvalidError: the decision is not complete as the law wants it; by field.
    """
    row = await desk.request(request_id)
    desk.leads_to(row, "decide", {"outcome": ruling.outcome})
    ruling = _silent_where_nothing_is(ruling)
    refuse_incomplete(row, ruling, final=False)
    await keep_ruling(desk, row, ruling)
    await desk.step(
        row,
        "decide",
        facts={"outcome": ruling.outcome},
        codes={"outcome": ruling.outcome, "grounds": list(ruling.grounds)},
        letter=_answer(row.kind, ruling),
    )
    row.records = list(dict.fromkeys([*row.records, *ruling.records]))
    await desk.meet(row, "promised")
    await tell_of_correction(desk, row, ruling.outcome, ruling.records, "initial")
    return row


async def tell_of_correction(
    desk: Desk, row: IndividualRequest, outcome: Outcome, records: Sequence[UUID], stage: Stage
) -> None:
    """Where a correction was granted, wholly or in part, everybody is told to whom the records went before (552a(c)(4))."""
    if row.kind == "amendment" and outcome != "refused":
        await amended(desk, row, records, stage=stage)


async def deliver(desk: Desk, request_id: UUID, delivery: Delivery) -> IndividualRequest:
    """Record that the person saw the record or has the copy (5 U.S.C. 552a(d)(1)).

    Raises:
        InvalidError: a fee for anything but copies; somebody is there whom the person did not allow in writing.
        UndecidedRedactionsError: what of it is about other people was not looked for, or is not decided.
    """
    row = await desk.request(request_id)
    desk.leads_to(row, "deliver")
    wrong = copies.wrong_fees(delivery.charged, delivery.form)
    wrong += copies.wrong_companion(accompanied=delivery.accompanied, statement=delivery.companion_statement)
    if wrong:
        raise InvalidError("access cannot be given so", errors=wrong)
    ruling = await store.decisions_of(desk.session, row.id)
    records = ruling["review" if "review" in ruling else "initial"].records
    unsearched = [str(r) for r in records if r not in row.searched]
    undecided = [r for r in await store.redactions_of(desk.session, row.id) if r.decision is None]
    if unsearched or undecided:
        raise UndecidedRedactionsError(
            f"{len(unsearched)} record(s) were not searched for other people's data, and {len(undecided)} finding(s) are "
            f"not decided",
            missing=[f"redactions.{r}" for r in unsearched] + [f"redaction.{r.id}" for r in undecided],
        )
    codes: dict[str, Any] = {
        "form": delivery.form,
        "companion_statement": delivery.companion_statement,
        "copy_fee_cents": delivery.cents if delivery.charged else 0,
    }
    letter = letters.delivered(copies.FORMS, delivery.form, companion=delivery.accompanied)
    await desk.step(row, "deliver", codes=codes, letter=letter)
    return row


def refuse_incomplete(row: IndividualRequest, ruling: Ruling, *, final: bool) -> None:
    """A decision says what the law wants it to say (5 U.S.C. 552a(d)(2)(B), (d)(3)), or it is none.

    Raises:
        InvalidError: by field.
    """
    wrong: list[FieldError] = []
    refused = ruling.outcome != "granted"
    if ruling.found and not ruling.records and row.kind != "notification":
        wrong.append(FieldError("records", "have to be named where there are any"))
    if not ruling.found and (ruling.records or (not refused and row.kind != "notification")):
        wrong.append(FieldError("found", "nothing can be granted, and nothing named, where nothing is found"))
    if refused:
        wrong += _lacking(ruling, final=final)
        wrong += grounds.wrong_with(cast("Kind", row.kind), list(ruling.grounds), ruling.references)
        if grounds.NO_RECORD in ruling.grounds and (ruling.found or len(ruling.grounds) > 1):
            wrong.append(FieldError("grounds", "that no record is found stands alone, and says nothing else"))
    elif ruling.grounds:
        wrong.append(FieldError("grounds", "what is granted needs none"))
    if wrong:
        missing = [w.field for w in wrong if w.message.startswith("is needed")]
        raise InvalidError("the decision does not say what the law wants it to say", errors=wrong, missing=missing)


async def keep_ruling(
    desk: Desk, row: IndividualRequest, ruling: Ruling, *, reviewed: IndividualDecision | None = None
) -> None:
    """Enter a decision, bound to the gate's answer, or a review, bound to the decision that it reviews."""
    proof, decision_id = await proof_of(desk, row), new_id()
    official = ruling.official or Official("", "")
    refused = ruling.outcome != "granted"
    desk.session.add(
        IndividualDecision(
            id=decision_id,
            request_id=row.id,
            stage="review" if reviewed else "initial",
            outcome=ruling.outcome,
            found=ruling.found,
            grounds=list(ruling.grounds),
            bases=dict(ruling.references),
            reason=store.seal(desk.keys, ruling.reason, REASON, decision_id) if refused else None,
            review_procedure=ruling.procedure if refused and not reviewed else "",
            official_name=official.name if refused and not reviewed else "",
            official_address=official.address if refused and not reviewed else "",
            judicial_review_told=bool(reviewed) and refused,
            records=list(ruling.records),
            decided_by=desk.actor,
            decided_at=desk.now,
            identity_id=proof.id,
            verified=proof.verified,
            initial_stage="initial" if reviewed else None,
            initial_by=reviewed.decided_by if reviewed else None,
        )
    )
    await desk.session.flush()


def _lacking(ruling: Ruling, *, final: bool) -> list[FieldError]:
    """What a refusal has to carry (552a(d)(2)(B)(ii)); the final one names no further official."""
    lacking = []
    if not ruling.grounds:
        lacking.append(FieldError("grounds", "is needed: why it is refused"))
    if not ruling.reason.strip():
        lacking.append(FieldError("reason", "is needed: the reason in words, for the person"))
    if not final and (ruling.official is None or not ruling.official.name.strip()):
        lacking.append(FieldError("official.name", "is needed: who reviews a refusal"))
    if not final and (ruling.official is None or not ruling.official.address.strip()):
        lacking.append(FieldError("official.address", "is needed: the business address of who reviews"))
    if not final and not ruling.procedure.strip():
        lacking.append(FieldError("procedure", "is needed: how the person gets a review"))
    return lacking


def _silent_where_nothing_is(ruling: Ruling) -> Ruling:
    """Where nothing is found the answer has one wording, whoever asked and whatever an official would add."""
    if list(ruling.grounds) != [grounds.NO_RECORD]:
        return ruling
    same = "If you think that there is one, tell us by which name or number it may be kept."
    return Ruling(ruling.outcome, ruling.found, ruling.records, ruling.grounds, ruling.references, same,
                  ruling.official, ruling.procedure)  # fmt: skip


def _answer(kind: str, ruling: Ruling) -> str:
    if ruling.outcome == "granted":
        return letters.answer(kind, found=ruling.found)
    given = [grounds.grounds_for(cast("Kind", kind))[code] for code in ruling.grounds]
    official = ruling.official or Official("", "")
    part = ruling.outcome == "granted-in-part"
    return letters.refusal(kind, given, ruling.reason, official, ruling.procedure, part=part)
