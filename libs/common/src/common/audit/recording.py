"""Writes entries of the audit trail, in the transaction of the act or look they tell of."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal, sorted_roles
from common.clock import Clock
from common.database import Database, WriteSession, later, require_transaction
from common.errors import MunimentError, NotFoundError
from common.ids import new_id
from common.telemetry import current_trace_id

Outcome = Literal["done", "refused", "not_found"]

_INSERT = """
INSERT INTO audit_entry
    (id, at, user_id, roles, terminal, action, record_ids, fields, purpose, outcome, trace_id, terms)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One look or act.

    Attributes:
        terminal: network terminal of the connection, as the server saw it.
        action: dotted code, e.g. `transcript.read`.
        record_ids: ids of the records touched; never a person's number.
        fields: names of the fields shown or changed; never their values.
        purpose: coded purpose of use; empty where the act needs none.
        terms: personal terms of a search as `common.audit.term` makes them; never the terms themselves.
    """

    principal: Principal
    terminal: str
    action: str
    outcome: Outcome
    record_ids: Sequence[str] = ()
    fields: Sequence[str] = ()
    purpose: str = ""
    terms: Sequence[str] = ()


async def record(session: AsyncSession, event: AuditEvent, *, now: datetime) -> UUID:
    """Write the entry in this unit of work, with its next round trip. Returns the entry's id."""
    require_transaction(session)
    entry = new_id()
    await later(
        session,
        _INSERT,
        entry,
        now,
        event.principal.id,
        sorted_roles(event.principal),
        event.terminal,
        event.action,
        list(event.record_ids),
        list(event.fields),
        event.purpose,
        event.outcome,
        current_trace_id(),
        list(event.terms),
    )
    return entry


@asynccontextmanager
async def refusals_recorded(database: Database, event: AuditEvent, *, clock: Clock) -> AsyncIterator[WriteSession]:
    """A unit of work for one look or act; when it is refused, the refusal is recorded in a unit of work of its own.

    What is done inside records itself (`record`), since only it knows the records it touched.

    Args:
        event: the look or act as it was asked for; `outcome` is set here.
    """
    try:
        async with database.unit_of_work() as session:
            yield session
    except MunimentError as refusal:
        if refusal.status < 500:  # noqa: PLR2004 - an engine that is out of reach refuses nobody
            outcome: Outcome = "not_found" if isinstance(refusal, NotFoundError) else "refused"
            async with database.unit_of_work() as session:
                await record(session, replace(event, outcome=outcome), now=clock.now())
        raise
