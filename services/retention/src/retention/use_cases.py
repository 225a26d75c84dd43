"""What retention does. Each takes the session of its caller's unit of work and never commits."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import NoReturn
from uuid import UUID

from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.database import ReadSession, WriteSession
from common.errors import ConflictError, ForbiddenError, NotFoundError
from retention import repository
from retention.errors import DestructionRefusedError
from retention.model import Eligibility, Entry, Facts, Kind, Registration, Series, SeriesByKind, Status
from retention.policy import eligibility

READERS = frozenset({"records_officer", "auditor"})
"""Who may look into the register (S1 Safeguards: those who need it in their duties)."""

ENTRY_FIELDS = ("kind", "series", "owner", "created_at", "closed_at", "registered_at", "status")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks, from where."""

    principal: Principal
    terminal: str

    def event(self, action: str, *record_ids: UUID) -> AuditEvent:
        """The audit entry of a look or act as it is asked for; the use case completes it."""
        return AuditEvent(self.principal, self.terminal, action, "refused", [str(i) for i in record_ids])

    @property
    def may_read(self) -> bool:
        return not READERS.isdisjoint(self.principal.roles)


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


async def read_record(session: WriteSession, caller: Caller, record_id: UUID, *, now: datetime) -> Entry:
    """One line of the register.

    Raises:
        ForbiddenError, NotFoundError
    """
    caller.principal.require(*READERS)
    entry = await _entry(session, record_id)
    await _record(session, caller.event("record.read", record_id), now)
    return entry


async def list_records(
    session: WriteSession,
    caller: Caller,
    *,
    kind: Kind | None,
    status: Status | None,
    after: int,
    limit: int,
    now: datetime,
) -> list[Entry]:
    """Lines of the register after a position, one more than `limit` where there are more.

    Raises:
        ForbiddenError
    """
    caller.principal.require(*READERS)
    entries = await repository.page(session, kind=kind, status=status, after=after, limit=limit + 1)
    await _record(session, caller.event("record.search", *(e.record_id for e in entries[:limit])), now)
    return entries


async def explain(
    session: WriteSession, caller: Caller, record_id: UUID, series: SeriesByKind, *, now: datetime
) -> tuple[Entry, Eligibility]:
    """Why the record may not be disposed of yet: every reason, and what is not known.

    Raises:
        ForbiddenError, NotFoundError
    """
    caller.principal.require(*READERS)
    entry = await _entry(session, record_id)
    await _record(session, caller.event("record.eligibility", record_id), now)
    return entry, eligibility(facts_of(entry, series[entry.kind]), now=now)


async def refuse_destruction(
    session: ReadSession, caller: Caller, record_id: UUID, series: SeriesByKind, *, now: datetime
) -> NoReturn:
    """Answer a request to destroy, by whomever: the register knows no facts under which it would be granted.

    Raises:
        DestructionRefusedError: with every reason and everything that is not known.
        NotFoundError: there is no such record, and the caller may know that.
        ForbiddenError: there is none, and the caller may not look into the register.
    """
    entry = await repository.find(session, record_id)
    if entry is None and not caller.may_read:
        raise ForbiddenError("the register is not yours to look into")
    if entry is None:
        raise NotFoundError("the register holds no record of this id")
    found = eligibility(facts_of(entry, series[entry.kind]), now=now)
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


async def _record(session: WriteSession, event: AuditEvent, now: datetime) -> None:
    await audit.record(session, replace(event, outcome="done", fields=ENTRY_FIELDS), now=now)
