"""The yearly report, for machines, for reading, and for paper."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query
from fastapi.responses import PlainTextResponse, Response

from common.errors import FieldError, InvalidError
from common.web.door import AtDoor, Guarded
from disclosure import policy
from disclosure.auditing import counting, pdf, yearly
from disclosure.auditing.desk import AtAuditing
from disclosure.auditing.yearly import Period, Year, YearlyReport

router = APIRouter(prefix="/v1/audits", tags=["for auditors"], route_class=Guarded)

_FORMS: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {}, "application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get(
    "/reports/{year}",
    operation_id="auditing.report",
    summary="The figures of a year: requests, time limits, disclosures",
    response_model=YearlyReport,
    responses=_FORMS,
)
async def report(
    door: AtDoor,
    at: AtAuditing,
    year: Annotated[int, Path(ge=2000, le=2199)],
    period: Annotated[Period, Query(description="fiscal: from 1 October of the year before")] = "fiscal",
    form: Annotated[Literal["json", "markdown", "pdf"], Query(alias="format")] = "json",
) -> YearlyReport | Response:
    """Counted when it is asked for. Of a year that is not over it says so; of one that has not begun there is none."""
    asked = Year(year, period)
    async with door.open("auditing.report", fields=[f"report.{period}-{year}"]) as look:
        if policy.agency_day(look.now) < asked.first:
            raise InvalidError("that year has not begun", errors=[FieldError("year", "has not begun")])
        counted = await counting.report(look.session, asked, at.calendar, now=look.now)
        look.touch(*(str(r["request"]) for s in counted.sections if s.id == "long-reviews" for r in s.rows))
    if form == "markdown":
        return PlainTextResponse(yearly.as_markdown(counted), media_type="text/markdown")
    if form == "pdf":
        pages = pdf.Pages(yearly.title_of(counted))
        content = pages.begin() + pages.add(yearly.as_lines(counted)) + pages.end()
        return Response(content, media_type="application/pdf")
    return counted
