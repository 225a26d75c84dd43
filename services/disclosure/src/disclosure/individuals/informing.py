"""Tell those whom the law wants told, and chase their receipts (5 U.S.C. 552a(b)(8), (c)(4), (d)(4))."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.protection.service_keys import ColumnKeys
from disclosure import policy, publishing, rulebook
from disclosure.errors import NoSuchNoticeError, NoticeStateError
from disclosure.individuals import store as individual_store
from disclosure.individuals.desk import Desk
from disclosure.individuals.intake import matter_of
from disclosure.individuals.tables import IndividualRequest
from disclosure.informing import letters, store
from disclosure.informing.store import Cause
from disclosure.informing.tables import OutgoingNotice, place
from disclosure.tables import Accounting
from disclosure.tables import place as accounting_place

SEND_DAYS = 10
RECEIPT_DAYS = 15
REMINDER_DAYS = 10
"""Federal working days. The Act says no number; these are the house's own, and every list says what is overdue by them."""

PORTION, STATEMENT, ANSWER = "record_dispute.portion", "record_dispute.statement", "record_dispute.answer"
Stage = Literal["initial", "review", "statement"]


@dataclass(frozen=True, slots=True)
class Letter:
    """A letter as it goes, and to whom."""

    row: OutgoingNotice
    name: str = field(repr=False)
    address: str = field(repr=False)
    text: str = field(repr=False)


async def amended(desk: Desk, request: IndividualRequest, records: Sequence[UUID], *, stage: Stage) -> None:
    """A record was corrected or is disputed: tell it, and owe a notice to everybody to whom it went before (552a(c)(4)).

    In the unit of work of the act that amends. A release at the same moment comes before it and is told, or comes after.
    """
    if not records:
        return
    kind: Literal["correction", "disagreement"] = "disagreement" if stage == "statement" else "correction"
    await store.lock_for_amendment(desk.session, records)
    due = desk.calendar.after(desk.today, SEND_DAYS).due
    await store.tell_recipients(desk.session, Cause(kind, request.id, stage), records, now=desk.now, due_on=due)
    await publishing.tell_amended(desk.session, records, amendment_id=request.id, kind=kind, now=desk.now)


async def letter(desk: Desk, notice_id: UUID) -> Letter:
    """The letter: as it was sent, or as it would go now.

    Raises:
        NoSuchNoticeError: there is none.
    """
    found = await store.notice_of(desk.session, notice_id)
    if found is None:
        raise NoSuchNoticeError
    return await _letter(desk, *found)


async def send(desk: Desk, notice_id: UUID, *, sent_on: date, channel: str, record: str) -> OutgoingNotice:
    """Record that the letter was sent; again, that it was sent as a reminder.

    Raises:
        NoSuchNoticeError: there is none.
        NoticeStateError: its receipt is confirmed, or nothing went of which it would tell.
        InvalidError: the day lies in the future, or before the notice came about.
    """
    row = await _held(desk, notice_id)
    if row.state not in {"due", "sent"}:
        raise NoticeStateError(row.state)
    _check_day(desk, "sent_on", sent_on, row.sent_on or policy.agency_day(row.made_at))
    if row.state == "sent":
        row.reminders += 1
        row.due_on = desk.calendar.after(sent_on, REMINDER_DAYS).due
    else:
        going = await letter(desk, notice_id)
        row.letter = desk.keys.seal(going.text, place(row.id, "letter"))
        row.due_on = desk.calendar.after(sent_on, RECEIPT_DAYS).due
        row.state, row.sent_on, row.sent_by, row.channel, row.sent_record = "sent", sent_on, desk.actor, channel, record
    await desk.session.flush()
    return row


async def receive(desk: Desk, notice_id: UUID, *, received_on: date, record: str) -> OutgoingNotice:
    """Record that the receipt was confirmed.

    Raises:
        NoSuchNoticeError: there is none.
        NoticeStateError: it was not sent, or its receipt is confirmed.
        InvalidError: the day lies in the future, or before the sending.
    """
    row = await _held(desk, notice_id)
    if row.state != "sent" or row.sent_on is None:
        raise NoticeStateError(row.state)
    _check_day(desk, "received_on", received_on, row.sent_on)
    row.state, row.received_on, row.receipt_record = "received", received_on, record
    await desk.session.flush()
    return row


async def _held(desk: Desk, notice_id: UUID) -> OutgoingNotice:
    row = await store.lock(desk.session, notice_id)
    if row is None:
        raise NoSuchNoticeError
    return row


def _check_day(desk: Desk, name: str, day: date, earliest: date) -> None:
    if not earliest <= day <= desk.today:
        told = f"lies between {earliest.isoformat()} and today"
        raise InvalidError("the day does not fit", errors=[FieldError(name, told)])


async def _letter(desk: Desk, row: OutgoingNotice, accounted: Accounting) -> Letter:
    name, address = (
        desk.keys.open(getattr(accounted, column), accounting_place(accounted.id, column))
        for column in ("recipient_name", "recipient_address")
    )
    if row.letter is not None:
        text = desk.keys.open(row.letter, place(row.id, "letter"))
    else:
        text = await _text(desk, row, accounted, name)
    if row.address is not None:
        return Letter(row, "", desk.keys.open(row.address, place(row.id, "address")), text)
    return Letter(row, name, address, text)


async def _text(desk: Desk, row: OutgoingNotice, accounted: Accounting, recipient: str) -> str:
    disclosed_on = policy.agency_day(accounted.disclosed_at)
    if row.kind == "health-or-safety":
        basis = rulebook.current(rulebook.system_of(accounted.basis)).bases[accounted.basis]
        return letters.to_the_person(disclosed_on, recipient, basis.purposes[accounted.purpose].rstrip("."))
    if row.kind == "disagreement":
        return letters.of_a_disagreement(disclosed_on, accounted.nature, await _disputes(desk, row))
    request = await individual_store.request_of(desk.session, row.cause_id)
    if request is None:
        raise NoSuchNoticeError
    asked = matter_of(desk, request)
    parts = (asked.get("contested", ""), asked.get("correction", ""), request.codes.get("action", ""))
    return letters.of_a_correction(disclosed_on, accounted.nature, *parts)


async def _disputes(desk: Desk, row: OutgoingNotice) -> list[letters.Dispute]:
    """The statement stands once for each record; those of one request say the same, so it is told once."""
    found = await individual_store.disputes_of_request(desk.session, row.cause_id)
    told = []
    for one in [d for d in found if d.record_id in row.records][:1]:
        where = f"{one.record_id}/{one.request_id}"
        said = [_opened(desk.keys, value, name, where) for value, name in
                ((one.portion, PORTION), (one.statement, STATEMENT), (one.answer, ANSWER))]  # fmt: skip
        told.append(letters.Dispute(*said))
    return told


def _opened(keys: ColumnKeys, value: bytes | None, name: str, where: str) -> str:
    return "" if value is None else str(individual_store.opened(keys, value, name, where))
