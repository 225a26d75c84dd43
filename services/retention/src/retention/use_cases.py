"""What retention does. Each takes the session of its caller's unit of work and never commits."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from common.access import PERMISSIONS, Look
from common.database import ReadSession, WriteSession
from common.errors import ConflictError, ForbiddenError, NotFoundError
from retention import repository
from retention.errors import DestructionRefusedError
from retention.model import Closing, Eligibility, Entry, Facts, Kind, Registration, Series, SeriesByKind, Status
from retention.policy import eligibility

ENTRY_FIELDS = ("kind", "series", "owner", "created_at", "closed_at", "registered_at", "status")


async def register(
    session: WriteSession, registrations: Sequence[Registration], series: SeriesByKind, *, now: datetime
) -> int:
    """Enter records as UNSCHEDULED (S1 Retention), each once. Returns how many were new.

    Raises:
        ConflictError: an id stands for another kind of record.
    """
    added = await repository.register(session, registrations, series, now=now)
    if added < len(registrations) and await repository.of_another_kind(session, registrations):
        raise ConflictError("the id stands in the register for another kind of record")
    return added


async def close(session: WriteSession, closings: Sequence[Closing]) -> None:
    """Enter when records were closed: what starts their clock."""
    await repository.close(session, closings)


async def read_record(look: Look, record_id: UUID) -> Entry:
    """One line of the register.

    Raises:
        NotFoundError
    """
    look.touch(fields=ENTRY_FIELDS)
    return await _entry(look.session, record_id)


async def list_records(look: Look, *, kind: Kind | None, status: Status | None, after: int, limit: int) -> list[Entry]:
    """Lines of the register after a position, one more than `limit` where there are more."""
    entries = await repository.page(look.session, kind=kind, status=status, after=after, limit=limit + 1)
    look.touch(*(e.record_id for e in entries[:limit]), fields=ENTRY_FIELDS)
    return entries


async def explain(look: Look, record_id: UUID, series: SeriesByKind) -> tuple[Entry, Eligibility]:
    """Why the record may not be disposed of yet: every reason, and what is not known.

    Raises:
        NotFoundError
    """
    entry = await _entry(look.session, record_id)
    look.touch(fields=ENTRY_FIELDS)
    return entry, eligibility(facts_of(entry, series[entry.kind]), now=look.now)


async def refuse_destruction(look: Look, record_id: UUID, series: SeriesByKind) -> NoReturn:
    """Answer a request to destroy, by whomever: the register knows no facts under which it would be granted.

    Raises:
        DestructionRefusedError: with every reason and everything that is not known.
        NotFoundError: there is no such record, and the caller may know that.
        ForbiddenError: there is none, and the caller may not look into the register.
    """
    entry = await repository.find(look.session, record_id)
    if entry is None and look.principal.roles.isdisjoint(PERMISSIONS.rows["record.read"].grants):
        raise ForbiddenError("the register is not yours to look into")
    if entry is None:
        raise NotFoundError("the register holds no record of this id")
    found = eligibility(facts_of(entry, series[entry.kind]), now=look.now)
    raise DestructionRefusedError(
        " ".join(reason.sentence for reason in found.reasons)
        or "It is not known whether this record may be destroyed.",
        missing=found.missing,
        reasons=[asdict(reason) for reason in found.reasons],
    )


def facts_of(entry: Entry, series: Series) -> Facts:
    """What the register knows of a record. Holds and disputes are nobody's to state yet: they are not known."""
    return Facts(
        agency=series.agency,
        citation=series.citation,
        item=series.item,
        events={series.event: entry.closed_at},
        holds=None,
        disputes=None,
    )


async def _entry(session: ReadSession, record_id: UUID) -> Entry:
    entry = await repository.find(session, record_id)
    if entry is None:
        raise NotFoundError("the register holds no record of this id")
    return entry
