"""Entries of individuals' requests in the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import func
from sqlmodel import col, select

from common.database import ReadSession, WriteSession
from common.protection.service_keys import ColumnKeys
from disclosure.individuals.tables import (
    IndividualClock,
    IndividualDecision,
    IndividualIdentity,
    IndividualRedaction,
    IndividualRequest,
    IndividualStep,
    RecordDispute,
)

ACCOUNT = "account"
Json = Mapping[str, Any]


def seal(keys: ColumnKeys, value: Json | str, place: str, row_id: object) -> bytes:
    """A value of a person for a sealed column.

    Args:
        place: table and column. row_id: what tells the row from others; the value opens there only.
    """
    return keys.seal(orjson.dumps(value).decode(), f"{place}:{row_id}")


def opened(keys: ColumnKeys, sealed: bytes, place: str, row_id: object) -> Any:
    """Raises TamperedError: it is not what was sealed for this place."""
    return orjson.loads(keys.open(sealed, f"{place}:{row_id}"))


async def request_for_update(session: WriteSession, request_id: UUID) -> IndividualRequest | None:
    """The request, held until the unit of work ends: its acts come one after the other."""
    query = select(IndividualRequest).where(col(IndividualRequest.id) == request_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def request_of(session: ReadSession, request_id: UUID) -> IndividualRequest | None:
    query = select(IndividualRequest).where(col(IndividualRequest.id) == request_id)
    return (await session.execute(query)).scalar_one_or_none()


async def own_request(
    session: ReadSession, request_id: UUID, accounts: Sequence[bytes], *, hold: bool = False
) -> IndividualRequest | None:
    """The request if one of these accounts made it. One statement for all: unknown and not theirs cannot be told apart."""
    query = select(IndividualRequest).where(
        col(IndividualRequest.id) == request_id, col(IndividualRequest.account).in_(accounts)
    )
    return (await session.execute(query.with_for_update() if hold else query)).scalar_one_or_none()


async def own_requests(
    session: ReadSession, accounts: Sequence[bytes], *, after: UUID | None, limit: int
) -> Sequence[IndividualRequest]:
    query = select(IndividualRequest).where(col(IndividualRequest.account).in_(accounts))
    if after is not None:
        query = query.where(col(IndividualRequest.id) > after)
    return (await session.execute(query.order_by(col(IndividualRequest.id)).limit(limit))).scalars().all()


async def requests_in(
    session: ReadSession, *, state: str, overdue_on: date | None, after: UUID | None, limit: int
) -> Sequence[IndividualRequest]:
    """Requests, oldest first.

    Args:
        state: only those in it; empty: in any. overdue_on: only those with a time limit that had passed on this day.
    """
    query = select(IndividualRequest)
    if state:
        query = query.where(col(IndividualRequest.state) == state)
    if overdue_on is not None:
        late = select(IndividualClock.request_id).where(
            col(IndividualClock.request_id) == col(IndividualRequest.id),
            col(IndividualClock.met_on).is_(None),
            col(IndividualClock.due_on) < overdue_on,
        )
        query = query.where(late.exists())
    if after is not None:
        query = query.where(col(IndividualRequest.id) > after)
    return (await session.execute(query.order_by(col(IndividualRequest.id)).limit(limit))).scalars().all()


async def steps_of(session: ReadSession, request_id: UUID) -> Sequence[IndividualStep]:
    query = select(IndividualStep).where(col(IndividualStep.request_id) == request_id)
    return (await session.execute(query.order_by(col(IndividualStep.seq)))).scalars().all()


async def number_of_steps(session: ReadSession, request_id: UUID) -> int:
    query = select(func.count()).where(col(IndividualStep.request_id) == request_id)
    return int((await session.execute(query)).scalar_one())


async def clocks_of(session: ReadSession, request_ids: Sequence[UUID]) -> Sequence[IndividualClock]:
    query = select(IndividualClock).where(col(IndividualClock.request_id).in_(request_ids))
    return (await session.execute(query.order_by(col(IndividualClock.started_on)))).scalars().all()


async def meet_clocks(session: WriteSession, request_id: UUID, names: Sequence[str], day: date) -> None:
    """These time limits, as far as they run, were met on this day (or missed, and ended on it)."""
    for clock in await clocks_of(session, [request_id]):
        if clock.name in names and clock.met_on is None:
            clock.met_on = day
    await session.flush()


async def identities_of(session: ReadSession, request_id: UUID) -> Sequence[IndividualIdentity]:
    """What the identity gate answered, first to last."""
    query = select(IndividualIdentity).where(col(IndividualIdentity.request_id) == request_id)
    return (await session.execute(query.order_by(col(IndividualIdentity.id)))).scalars().all()


async def decisions_of(session: ReadSession, request_id: UUID) -> Mapping[str, IndividualDecision]:
    """Decision and review, by stage."""
    query = select(IndividualDecision).where(col(IndividualDecision.request_id) == request_id)
    return {row.stage: row for row in (await session.execute(query)).scalars().all()}


async def redactions_of(session: ReadSession, request_id: UUID) -> Sequence[IndividualRedaction]:
    query = select(IndividualRedaction).where(col(IndividualRedaction.request_id) == request_id)
    order = (
        col(IndividualRedaction.transcript_id),
        col(IndividualRedaction.entry_seq),
        col(IndividualRedaction.span_start),
    )
    return (await session.execute(query.order_by(*order))).scalars().all()


async def disputes_of(session: ReadSession, record_ids: Sequence[UUID]) -> Sequence[RecordDispute]:
    """What is disputed of these records: whoever discloses one of them has to note it (5 U.S.C. 552a(d)(4))."""
    query = select(RecordDispute).where(col(RecordDispute.record_id).in_(record_ids))
    return (await session.execute(query.order_by(col(RecordDispute.record_id)))).scalars().all()


async def disputes_of_request(session: ReadSession, request_id: UUID) -> Sequence[RecordDispute]:
    query = select(RecordDispute).where(col(RecordDispute.request_id) == request_id)
    return (await session.execute(query)).scalars().all()
