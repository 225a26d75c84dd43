"""Routes: parse, one use case, translate."""

import base64
import binascii
from dataclasses import asdict
from typing import Annotated, NoReturn, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from common.errors import FieldError, InvalidError
from common.web.door import AtDoor, Guarded
from retention import policy, use_cases
from retention.model import Entry, Kind, SeriesByKind, Status
from retention.schemas import EligibilityShown, ReasonShown, Record, RecordPage, Refusal

router = APIRouter(prefix="/v1", tags=["register"], route_class=Guarded)


def series_of(request: Request) -> SeriesByKind:
    """The series of records, as they were read when the service started."""
    return cast("SeriesByKind", request.app.state.series)


AtSeries = Annotated[SeriesByKind, Depends(series_of)]


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


@router.get("/records", operation_id="record.search", summary="The register of records")
async def list_records(
    door: AtDoor,
    after: Annotated[int, Depends(position)],
    kind: Kind | None = None,
    status: Status | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> RecordPage:
    """The register, page by page, in the order in which records were entered."""
    async with door.open("record.search") as look:
        entries = await use_cases.list_records(look, kind=kind, status=status, after=after, limit=limit)
    more, shown = len(entries) > limit, entries[:limit]
    return RecordPage(records=[_shown(e) for e in shown], next_cursor=_cursor(shown[-1].position) if more else None)


@router.get("/records/{record_id}", operation_id="record.read", summary="One line of the register")
async def read_record(door: AtDoor, record_id: UUID) -> Record:
    async with door.open("record.read", record_id) as look:
        return _shown(await use_cases.read_record(look, record_id))


@router.get("/records/{record_id}/eligibility", operation_id="record.eligibility", summary="Why not yet")
async def explain(door: AtDoor, record_id: UUID, series: AtSeries) -> EligibilityShown:
    """Every reason that stands against disposing of the record, each with the law that says so."""
    async with door.open("record.eligibility", record_id) as look:
        entry, found = await use_cases.explain(look, record_id, series)
    return EligibilityShown(
        record_id=record_id,
        series=entry.series,
        outcome=found.outcome,
        reasons=[ReasonShown(**asdict(reason)) for reason in found.reasons],
        missing=list(found.missing),
        eligible_at=found.eligible_at,
        rule_version=policy.VERSION,
        as_of=look.now,
    )


@router.post(
    "/records/{record_id}/destruction",
    operation_id="record.destroy",
    status_code=409,
    response_model=None,
    summary="Ask that a record be destroyed",
    responses={409: {"model": Refusal, "description": "It may not be destroyed: every reason, with the law"}},
)
async def destroy(door: AtDoor, record_id: UUID, series: AtSeries) -> NoReturn:
    """Whoever asks is refused with the reasons, and the attempt is recorded."""
    async with door.open("record.destroy", record_id) as look:
        await use_cases.refuse_destruction(look, record_id, series)


def _shown(entry: Entry) -> Record:
    return Record(**{name: getattr(entry, name) for name in Record.model_fields})


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(str(position).encode()).decode()
