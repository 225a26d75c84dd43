"""Routes for auditors: search the registers, take them away with proofs, and put past decisions under today's rules."""

from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query
from fastapi.responses import StreamingResponse

from common.errors import FieldError, InvalidError
from common.protection.service_keys import ColumnKeys
from common.web.door import AtDoor, Guarded
from disclosure import rulebook
from disclosure.auditing import files, proofs, rows, store, today
from disclosure.auditing.asked import Register
from disclosure.auditing.bodies import AskedIn, ComparedOut, ComparedPage, FoundPage, SearchIn, TodayIn
from disclosure.auditing.desk import AtAuditing, Auditing
from disclosure.auditing.files import Form, Heading, Proven
from disclosure.auditing.proofs import Tree

router = APIRouter(prefix="/v1/audits", tags=["for auditors"], route_class=Guarded)

MOST = 10_000
"""Rows of one file; how many a caller takes in a day is bounded besides."""

BATCH = 100
_FILES: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {
            "application/json": {
                "schema": {
                    "type": "object",
                    "required": ["register", "asked", "tree_size", "root_hash", "statement", "rows"],
                    "properties": {
                        "tree_size": {"type": "integer", "description": "Size of the signed tree of all its proofs"},
                        "statement": {"type": ["string", "null"], "description": "The head of that tree, as a JWS"},
                        "rows": {"type": "array", "items": {"required": ["row", "covers", "proof", "because"]}},
                    },
                }
            },
            "text/csv": {"schema": {"type": "string"}},
            "application/pdf": {"schema": {"type": "string", "format": "binary"}},
        }
    }
}


@router.post("/{register}/search", operation_id="auditing.search", summary="Find rows of a register by any key")
async def search(door: AtDoor, at: AtAuditing, register: Register, body: SearchIn) -> FoundPage:
    """By person, recipient, record, basis, purpose, outcome, rule version, officer and days, in any combination.

    Rows come in the order in which they were made. A person's terms stand in the audit trail as keyed digests.
    """
    keys = await at.keys()
    async with door.open("auditing.search") as look:
        ids = await at.find(look, keys, register, body.asked(), after=body.cursor, limit=body.limit)
        found = await rows.read(look.session, keys, register, ids)
    items = [row.shown for row in found]
    return FoundPage(items=items, next_cursor=ids[-1] if len(ids) == body.limit else None)


@router.post(
    "/{register}/export",
    operation_id="auditing.export",
    summary="Take rows of a register away, each with its proof",
    response_class=StreamingResponse,
    responses=_FILES,
)
async def export(
    door: AtDoor,
    at: AtAuditing,
    register: Register,
    body: AskedIn,
    form: Annotated[Form, Query(alias="format")] = "json",
) -> StreamingResponse:
    """JSON holds a proof of each row, checked with `deploy/audit/check_proof.py`; CSV and PDF name what is proven.

    It counts towards the rows that one caller may take away in a day, and needs a destination that the agency allows.
    """
    keys = await at.keys()
    async with door.open("auditing.export") as look:
        ids = await at.find(look, keys, register, body.asked(), after=None, limit=MOST + 1)
        if len(ids) > MOST:
            rule = f"a file holds {MOST} rows at most: narrow the days"
            raise InvalidError(rule, errors=[FieldError("day_from", rule)])
        against = await proofs.newest(look.session)
        look.touch(fields=[f"format.{form}"])
    heading = Heading(register, at.told(body.asked()), against)
    name = f'attachment; filename="{register}.{form}"'
    return StreamingResponse(
        files.writer(form, heading, _pages(at, keys, register, ids, against)),
        media_type=files.MEDIA[form],
        headers={"Content-Disposition": name, "Cache-Control": "no-store"},
    )


async def _pages(
    at: Auditing, keys: ColumnKeys, register: Register, ids: Sequence[UUID], against: Tree
) -> AsyncIterator[Proven]:
    """The rows with their proofs, a batch in one read-only unit of work each."""
    for start in range(0, len(ids), BATCH):
        async with at.database.reading() as session:
            found = await rows.read(session, keys, register, ids[start : start + BATCH])
            proven = await proofs.of(session, register, found, against)
        yield list(zip(found, proven, strict=True))


@router.post(
    "/decisions/today",
    operation_id="auditing.compare",
    summary="Would past decisions come out the same under today's rules?",
)
async def compare(door: AtDoor, at: AtAuditing, body: TodayIn) -> ComparedPage:
    """Each decision of the page made again on its stored facts, and what is different, element by element.

    Nothing is stored, and nothing that was decided changes.
    """
    keys = await at.keys()
    async with door.open("auditing.compare") as look:
        ids = await at.find(look, keys, "decisions", body.asked(), after=body.cursor, limit=body.limit)
        decided = await store.decisions(look.session, ids)
        asked = await store.requests(look.session, (row.request_id for row in decided.values()))
        items = []
        for row in (decided[one] for one in ids):
            request = asked[row.request_id]
            rules = rulebook.current(rulebook.system_of(request.basis))
            items.append(
                ComparedOut.of(today.again(rules, row, request, at=row.decided_at if body.as_of_then else look.now))
            )
    return ComparedPage(
        items=items,
        different=sum(not item.same for item in items),
        next_cursor=ids[-1] if len(ids) == body.limit else None,
    )
