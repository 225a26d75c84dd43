"""Routes: parse, one use case, translate."""

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, NoReturn
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from common.audit import refusals_recorded
from common.clock import Clock
from common.database import Database, WriteSession
from common.errors import FieldError, InvalidError
from common.web import callers
from retention import policy, use_cases
from retention.model import Entry, Kind, SeriesByKind, Status
from retention.schemas import EligibilityShown, ReasonShown, Record, RecordPage, Refusal
from retention.use_cases import Caller

router = APIRouter(prefix="/v1", tags=["register"])


class Door:
    """One caller at this service's door: who, from where, and what is needed to let them in."""

    def __init__(self, request: Request, principal: callers.Caller, terminal: callers.Terminal) -> None:
        self._database: Database = request.app.state.database
        self._clock: Clock = request.app.state.clock
        self.series: SeriesByKind = request.app.state.series
        self.caller = Caller(principal, terminal)

    @property
    def now(self) -> datetime:
        return self._clock.now()

    @asynccontextmanager
    async def open(self, action: str, *record_ids: UUID) -> AsyncIterator[WriteSession]:
        """A unit of work for this look or act; a refusal of it is recorded."""
        event = self.caller.event(action, *record_ids)
        async with refusals_recorded(self._database, event, clock=self._clock) as session:
            yield session


AtDoor = Annotated[Door, Depends(Door)]


def position(
    cursor: Annotated[str | None, Query(max_length=40, description="`next_cursor` of the page before")] = None,
) -> int:
    """Where the page begins.

    Raises:
        InvalidError: not a cursor that was given out here.
    """
    if cursor is None:
        return 0
    try:
        after = int(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, binascii.Error):
        after = -1
    if not 0 <= after < 2**63:
        wrong = "is not a cursor of this list"
        raise InvalidError(f"cursor {wrong}", errors=[FieldError("query.cursor", wrong)])
    return after


@router.get("/records")
async def list_records(
    door: AtDoor,
    after: Annotated[int, Depends(position)],
    kind: Kind | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RecordPage:
    """The register, page by page, in the order in which records were entered."""
    async with door.open("record.search") as session:
        entries = await use_cases.list_records(
            session, door.caller, kind=kind, status=status, after=after, limit=limit, now=door.now
        )
    more, shown = len(entries) > limit, entries[:limit]
    return RecordPage(records=[_shown(e) for e in shown], next_cursor=_cursor(shown[-1].position) if more else None)


@router.get("/records/{record_id}")
async def read_record(door: AtDoor, record_id: UUID) -> Record:
    """One line of the register."""
    async with door.open("record.read", record_id) as session:
        return _shown(await use_cases.read_record(session, door.caller, record_id, now=door.now))


@router.get("/records/{record_id}/eligibility")
async def explain(door: AtDoor, record_id: UUID) -> EligibilityShown:
    """Why not yet: every reason that stands against disposing of the record, each with the law that says so."""
    async with door.open("record.eligibility", record_id) as session:
        entry, found = await use_cases.explain(session, door.caller, record_id, door.series, now=door.now)
    return EligibilityShown(
        record_id=record_id,
        series=entry.series,
        outcome=found.outcome,
        reasons=[ReasonShown(**asdict(reason)) for reason in found.reasons],
        missing=list(found.missing),
        eligible_at=found.eligible_at,
        rule_version=policy.VERSION,
        as_of=door.now,
    )


@router.post(
    "/records/{record_id}/destruction",
    status_code=409,
    response_model=None,
    responses={409: {"model": Refusal, "description": "It may not be destroyed: every reason, with the law"}},
)
async def destroy(door: AtDoor, record_id: UUID) -> NoReturn:
    """Ask that a record be destroyed. Whoever asks is refused with the reasons, and the attempt is recorded."""
    async with door.open("record.destroy", record_id) as session:
        await use_cases.refuse_destruction(session, door.caller, record_id, door.series, now=door.now)


def _shown(entry: Entry) -> Record:
    return Record(**{name: getattr(entry, name) for name in Record.model_fields})


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()
