"""Keep the register of agreements and consents. What is registered is never changed, only ended."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from uuid import UUID

from common.auth import Principal
from common.database import WriteSession
from common.errors import FieldError, InvalidError
from common.ids import new_id
from disclosure import papers, rulebook
from disclosure.errors import OwnPaperError, TakenMarkError, UnknownPaperError
from disclosure.tables import Paper, PaperMark


async def enter(
    session: WriteSession,
    *,
    kind: str,
    reference: str,
    terms: Mapping[str, str],
    elements: Iterable[str],
    actor: Principal,
    now: datetime,
) -> Paper:
    """Enter an agreement (routine use 4) or a consent (20 CFR 401.100) under its mark.

    Raises:
        InvalidError: an element that the notice does not know; the whole record is none.
        TakenMarkError: another one bears this mark.
    """
    known = rulebook.current().notice.record_elements
    named = list(dict.fromkeys(elements))
    if not named or any(code not in known for code in named):
        rule = f"must name elements of the records, each by itself: {', '.join(known)}"
        raise InvalidError("what the paper covers is not named", errors=[FieldError("elements", rule)])
    if await papers.is_taken(session, kind, reference):
        raise TakenMarkError
    row = Paper(
        id=new_id(),
        kind=kind,
        reference=reference,
        terms={**terms, "elements": ",".join(named)},
        entered_by=actor.id,
        entered_at=now,
    )
    await papers.add(session, row)
    return row


async def mark(
    session: WriteSession,
    *,
    kind: str,
    paper_id: UUID,
    said: str,
    on_day: date,
    record: str,
    actor: Principal,
    now: datetime,
) -> PaperMark:
    """Say that an agreement was approved, or that an agreement or consent was ended (taken back).

    Raises:
        UnknownPaperError: no such entry of that kind.
        OwnPaperError: who entered it would approve it.
        TakenMarkError: this was said of it already.
    """
    paper = await papers.paper_of(session, paper_id)
    if paper is None or paper.kind != kind:
        raise UnknownPaperError
    if said == papers.APPROVED and paper.entered_by == actor.id:
        raise OwnPaperError
    if said in {row.mark for row in await papers.marks_of(session, [paper_id])}:
        raise TakenMarkError
    row = PaperMark(
        paper_id=paper_id,
        mark=said,
        entered_by=paper.entered_by,
        on_day=on_day,
        record=record,
        marked_by=actor.id,
        marked_at=now,
    )
    await papers.add(session, row)
    return row
