"""The desk that tells people: persons of a disclosure for health or safety, and recipients of what was amended since."""

from collections.abc import Awaitable, Callable
from datetime import date, datetime
from typing import Annotated, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from common.web.door import AtDoor, Door, Guarded
from common.web.idempotency import IdempotencyKey, once
from disclosure.individuals import informing
from disclosure.individuals.at_desk import AtIndividuals, Individuals
from disclosure.individuals.desk import Desk
from disclosure.informing import store
from disclosure.informing.tables import OutgoingNotice

router = APIRouter(prefix="/v1/outgoing-notices", tags=["telling persons and recipients"], route_class=Guarded)
Act = Callable[[Desk], Awaitable[OutgoingNotice]]
State = Literal["due", "sent", "received", "moot"]
Mark = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._/-]{0,79}$", description="Mark of the paper that shows it")
]


class SendingIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"sent_on": "2026-03-02", "channel": "registered-mail", "record": "RR-118"}]},
    )

    sent_on: date
    channel: Literal["mail", "registered-mail", "courier", "secure-portal", "fax"]
    record: Mark


class ReceiptIn(BaseModel):
    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"received_on": "2026-03-09", "record": "SLIP-118"}]}
    )

    received_on: date
    record: Mark


class NoticeStanding(BaseModel):
    """Who is to be told, and how it stands. Names and addresses stand in the letter."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    kind: Literal["health-or-safety", "correction", "disagreement"]
    accounting_id: UUID = Field(description="The disclosure it is about")
    cause_id: UUID = Field(description="The request for amendment; for health or safety, the disclosure itself")
    records: list[UUID]
    state: State = Field(description="moot: nothing went on the grant, so there is nobody to tell")
    made_at: datetime
    due_on: date = Field(description="Until when it is to be sent; once sent, until when its receipt is expected")
    overdue: bool = False
    sent_on: date | None
    channel: str | None
    reminders: int
    received_on: date | None

    @classmethod
    def of(cls, row: OutgoingNotice, today: date) -> Self:
        found = cls.model_validate(row)
        return found.model_copy(update={"overdue": row.state in {"due", "sent"} and row.due_on < today})


class NoticePage(BaseModel):
    items: list[NoticeStanding]
    next_cursor: UUID | None


class LetterOut(NoticeStanding):
    """The letter as it was sent, or as it would go now."""

    name: str = Field(description="Empty for the person: the letter goes to the last known address")
    address: str
    text: str


@router.get("", operation_id="disclosure.list-notices", summary="Who has to be told, and how it stands")
async def list_notices(
    *,
    door: AtDoor,
    at: AtIndividuals,
    state: State | None = None,
    overdue: Annotated[bool, Query(description="Only those that are late: to be sent, or without a receipt")] = False,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> NoticePage:
    keys = await at.keys()
    async with door.open("disclosure.list-notices") as look:
        today = at.desk(look, keys).today
        rows = await store.notices(
            look.session, state=state or "", overdue_on=today if overdue else None, after=cursor, limit=limit
        )
        look.touch(*(row.accounting_id for row in rows))
        return NoticePage(
            items=[NoticeStanding.of(row, today) for row in rows],
            next_cursor=rows[-1].id if len(rows) == limit else None,
        )


@router.get("/{notice_id}", operation_id="disclosure.read-notice-letter", summary="The letter, and to whom it goes")
async def read_letter(door: AtDoor, at: AtIndividuals, notice_id: UUID) -> LetterOut:
    keys = await at.keys()
    async with door.open("disclosure.read-notice-letter", notice_id, fields=["name", "address", "letter"]) as look:
        desk = at.desk(look, keys)
        found = await informing.letter(desk, notice_id)
        look.touch(found.row.accounting_id, *found.row.records)
        standing = NoticeStanding.of(found.row, desk.today).model_dump()
        return LetterOut(**standing, name=found.name, address=found.address, text=found.text)


@router.post(
    "/{notice_id}/sending",
    operation_id="disclosure.send-notice",
    status_code=201,
    response_model=NoticeStanding,
    summary="It was sent; again: as a reminder",
)
async def send(
    door: AtDoor, at: AtIndividuals, notice_id: UUID, body: SendingIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> OutgoingNotice:
        return await informing.send(desk, notice_id, **dict(body))

    return await _do(door, "disclosure.send-notice", act, at=at, notice_id=notice_id, body=body, key=key)


@router.post(
    "/{notice_id}/receipt",
    operation_id="disclosure.receive-notice",
    status_code=201,
    response_model=NoticeStanding,
    summary="Its receipt was confirmed",
)
async def receive(
    door: AtDoor, at: AtIndividuals, notice_id: UUID, body: ReceiptIn, key: IdempotencyKey = None
) -> Response:
    async def act(desk: Desk) -> OutgoingNotice:
        return await informing.receive(desk, notice_id, **dict(body))

    return await _do(door, "disclosure.receive-notice", act, at=at, notice_id=notice_id, body=body, key=key)


async def _do(
    door: Door, operation: str, act: Act, *, at: Individuals, notice_id: UUID, body: BaseModel, key: str | None
) -> Response:
    keys = await at.keys()
    async with door.open(operation, notice_id) as look:
        desk = at.desk(look, keys)

        async def make() -> BaseModel:
            row = await act(desk)
            look.touch(row.accounting_id, *row.records)
            return NoticeStanding.of(row, desk.today)

        what = f"{operation} {notice_id}"
        return await once(look.session, principal=look.principal, operation=what, key=key, request=body, make=make)
