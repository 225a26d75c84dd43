"""Routes of the notices themselves: read them, hold a changed one against the past, and put decisions into words."""

from collections.abc import AsyncIterator
from typing import Annotated, Literal
from uuid import UUID

import orjson
from fastapi import APIRouter, Query, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse

from common.database import Database
from common.errors import FieldError, InvalidError
from common.web.door import AtDoor, Guarded
from disclosure import policy, rendering, rulebook
from disclosure.errors import UnknownRulesError
from disclosure.question import Rules
from disclosure.schemas import DifferencesIn, NoticeOut, WordingOut
from disclosure.use_cases import differing, looking
from disclosure.wording import Reader

router = APIRouter(prefix="/v1", tags=["notices"], route_class=Guarded)

_VERSION = Query(max_length=80, description="An earlier version; empty: the one in force")


@router.get(
    "/routine-uses",
    operation_id="disclosure.read-notice",
    summary="The notice: what may leave, to whom, and what has to be shown",
)
async def routine_uses(door: AtDoor, version: Annotated[str, _VERSION] = "") -> NoticeOut:
    async with door.open("disclosure.read-notice") as look:
        rules = rulebook.current()
        if version and version != rules.version:
            rules = await looking.rules_of(look.session, version)
    return NoticeOut.of(rules, policy.agency_day(door.now))


@router.get(
    "/notices/{system}",
    operation_id="disclosure.read-notices",
    summary="A whole notice, and where each of its routine uses stands",
    response_model=NoticeOut,
    responses={200: {"content": {"text/markdown": {}}}},
)
async def notice(
    door: AtDoor,
    system: str,
    form: Annotated[Literal["json", "markdown"], Query(alias="format")] = "json",
) -> NoticeOut | Response:
    """`system` is its number, a hyphen for each slash: `60-0383`, `DHS-ALL-019`."""
    async with door.open("disclosure.read-notices"):
        rules = _rules(system)
    if form == "markdown":
        return PlainTextResponse(rendering.render(rules), media_type="text/markdown")
    return NoticeOut.of(rules, policy.agency_day(door.now))


@router.get(
    "/decisions/{decision_id}/wording",
    operation_id="disclosure.word",
    summary="A decision in words, for the person, the requester or an auditor",
)
async def wording(door: AtDoor, decision_id: UUID, reader: Annotated[Reader, Query(alias="for")]) -> WordingOut:
    async with door.open("disclosure.word", decision_id) as look:
        text = await looking.worded(look.session, decision_id, reader)
        return WordingOut(reader=text.reader, verdict=text.verdict, points=list(text.points))


@router.post(
    "/notice-differences",
    operation_id="disclosure.compare-notice",
    summary="Hold a changed notice against all past decisions",
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {}}}},
)
async def compare(request: Request, door: AtDoor, body: DifferencesIn) -> StreamingResponse:
    """One line of JSON for each decision that the changed notice would decide otherwise, and a last line that counts.

    Nothing is stored, and nothing that was decided changes.
    """
    rules = _candidate(body)
    async with door.open("disclosure.compare-notice"):
        database: Database = request.app.state.database

    async def lines() -> AsyncIterator[bytes]:
        tally = differing.Tally()
        async for found in differing.differences(database, rules, tally, as_of=body.as_of):
            yield orjson.dumps(found, default=str) + b"\n"
        yield orjson.dumps({"rule_version": rules.version, "tally": tally}) + b"\n"

    return StreamingResponse(lines(), media_type="application/x-ndjson")


def _rules(system: str) -> Rules:
    for known in rulebook.SYSTEMS:
        if rulebook.folder_of(known) == system:
            return rulebook.current(known)
    raise UnknownRulesError


def _candidate(body: DifferencesIn) -> Rules:
    try:
        return rulebook.rules_from(orjson.dumps(body.notice, option=orjson.OPT_SORT_KEYS).decode())
    except (ValueError, TypeError):  # the second: a number of more than 64 bits
        wrong = "is no notice that holds together; GET /v1/notices/{system} shows the form"
        raise InvalidError("the changed notice cannot be read", errors=[FieldError("notice", wrong)]) from None
