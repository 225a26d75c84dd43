"""The audit trail: every look and every act, written in the transaction of the act, never changed (invariant 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from common.auth import Principal, sorted_roles
from common.database import fetch_all, require_transaction
from common.ids import new_id
from common.telemetry import current_trace_id

Outcome = Literal["done", "refused", "not_found"]

_INSERT = """
INSERT INTO audit_entry (id, at, user_id, roles, terminal, action, record_ids, fields, purpose, outcome, trace_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
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
    """

    principal: Principal
    terminal: str
    action: str
    outcome: Outcome
    record_ids: Sequence[str] = ()
    fields: Sequence[str] = ()
    purpose: str = ""


async def record(session: AsyncSession, event: AuditEvent, *, now: datetime) -> None:
    """Write the entry in this unit of work."""
    require_transaction(session)
    await fetch_all(
        session,
        _INSERT,
        new_id(),
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
    )
