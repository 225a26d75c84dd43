"""What follows a refusal: the review by somebody else, the statement of disagreement, the mark on the record."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from common.errors import FieldError, InvalidError
from disclosure import policy
from disclosure.errors import OwnRefusalError
from disclosure.individuals import clocks, letters, store
from disclosure.individuals.desk import Desk
from disclosure.individuals.informing import ANSWER, PORTION, STATEMENT, amended
from disclosure.individuals.states import Outcome
from disclosure.individuals.tables import IndividualRequest, RecordDispute
from disclosure.individuals.working import Ruling, keep_ruling, refuse_incomplete, tell_of_correction


async def ask_review(desk: Desk, request_id: UUID, received_on: date, *, paper: str = "") -> IndividualRequest:
    """The person disagrees; the final determination is due thirty working days later (5 U.S.C. 552a(d)(3)).

    Args:
        paper: mark of what the person signed; empty when they are signed in.

    Raises:
        InvalidError: the day lies in the future, or before the refusal.
    """
    row = await desk.request(request_id)
    desk.leads_to(row, "ask-review")
    refused_on = policy.agency_day((await store.decisions_of(desk.session, row.id))["initial"].decided_at)
    if not refused_on <= received_on <= desk.today:
        raise InvalidError(
            "the day of receipt does not fit", errors=[FieldError("received_on", "lies between the refusal and today")]
        )
    due = clocks.to_review(desk.calendar, received_on)
    await desk.step(
        row,
        "ask-review",
        codes={"received_on": received_on.isoformat(), "paper": paper},
        letter=letters.review_begun(due),
    )
    await desk.start(row, due)
    return row


async def extend_review(desk: Desk, request_id: UUID, *, until: date, cause: str, order: str) -> IndividualRequest:
    """The head of the agency extends a review for good cause, once (5 U.S.C. 552a(d)(3)).

    Args:
        order: mark of the paper that the head signed.

    Raises:
        InvalidError: the new day is not later than the one it extends.
    """
    row = await desk.request(request_id)
    desk.leads_to(row, "extend-review")
    due = next(c for c in await store.clocks_of(desk.session, [row.id]) if c.name == "review")
    if until <= max(due.due_on, desk.today):
        raise InvalidError("an extension ends later", errors=[FieldError("until", "is not after the day it was due")])
    await desk.step(row, "extend-review", codes={"order": order, "until": until.isoformat()},
                    letter=letters.extended(until, cause))  # fmt: skip
    await desk.meet(row, "review")
    await desk.start(row, clocks.set_for("extension", desk.today, until))
    return row


async def decide_review(desk: Desk, request_id: UUID, ruling: Ruling) -> IndividualRequest:
    """The final determination, by somebody other than who refused.

    Raises:
        OwnRefusalError: the actor made the decision under review.
        InvalidError: the determination is not complete.
    """
    row = await desk.request(request_id)
    desk.leads_to(row, "decide-review", {"outcome": ruling.outcome})
    first = (await store.decisions_of(desk.session, row.id))["initial"]
    if first.decided_by == desk.actor:
        raise OwnRefusalError
    ruling = replace(ruling, records=tuple(ruling.records) or tuple(first.records), official=None, procedure="")
    refuse_incomplete(row, ruling, final=True)
    await keep_ruling(desk, row, ruling, reviewed=first)
    outcome: Outcome = ruling.outcome
    granted = outcome == "granted"
    letter = letters.answer(row.kind, found=ruling.found) if granted else letters.final_refusal(row.kind, ruling.reason)
    codes = {"outcome": outcome, "grounds": list(ruling.grounds), "judicial_review_told": not granted}
    await desk.step(row, "decide-review", facts={"outcome": outcome}, codes=codes, letter=letter)
    row.records = list(dict.fromkeys([*row.records, *ruling.records]))
    await desk.meet(row, "review", "extension")
    await tell_of_correction(desk, row, outcome, ruling.records, "review")
    return row


async def disagree(desk: Desk, request_id: UUID, *, portion: str, statement: str, paper: str = "") -> IndividualRequest:
    """File the statement of disagreement: from now on the records are disputed, and say so (5 U.S.C. 552a(d)(3), (d)(4)).

    Raises:
        InvalidError: nothing was refused about a record that we have: there is nothing to mark.
    """
    row = await desk.request(request_id)
    desk.leads_to(row, "disagree")
    records = (await store.decisions_of(desk.session, row.id))["review"].records
    if not records:
        raise InvalidError("there is no record that a statement could stand with", missing=["records"])
    for record in records:
        place = f"{record}/{row.id}"
        desk.session.add(
            RecordDispute(
                record_id=record,
                request_id=row.id,
                filed_on=desk.today,
                portion=store.seal(desk.keys, portion, PORTION, place),
                statement=store.seal(desk.keys, statement, STATEMENT, place),
            )
        )
    await desk.step(
        row, "disagree", codes={"records": [str(r) for r in records], "paper": paper}, letter=letters.statement_taken()
    )
    await amended(desk, row, records, stage="statement")
    return row


async def answer_statement(desk: Desk, request_id: UUID, reasons: str) -> IndividualRequest:
    """Put the agency's concise reasons beside the statement; they travel with it (5 U.S.C. 552a(d)(4))."""
    row = await desk.request(request_id)
    await desk.step(row, "answer-statement")
    for dispute in await store.disputes_of_request(desk.session, row.id):
        place = f"{dispute.record_id}/{dispute.request_id}"
        dispute.answer = store.seal(desk.keys, reasons, ANSWER, place)
    await desk.session.flush()
    return row


async def withdraw(desk: Desk, request_id: UUID, *, paper: str = "") -> IndividualRequest:
    """The person does not want it any more."""
    row = await desk.request(request_id)
    await desk.step(row, "withdraw", codes={"paper": paper}, letter=letters.withdrawn())
    await desk.meet(row, "acknowledge", "promised", "review", "extension")
    return row
