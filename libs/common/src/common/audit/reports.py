"""Reports from the audit trail: entries by user, record, term, time, action, purpose and outcome, newest first."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from common.audit.canonical import SELECTED
from common.database import fetch_all

_ENTRY = f"SELECT {SELECTED} FROM audit_entry e WHERE e.id = $1"


@dataclass(frozen=True, slots=True)
class Asked:
    """What entries are sought by; all that is given must hold.

    Attributes:
        record_ids: one of these was touched.
        term: as `common.audit.term` makes it.
        at_from, at_to: moments; the first counts, the second does not.
        hidden: beginnings of names of actions that are left out.
    """

    user_id: str | None = None
    record_ids: Sequence[str] | None = None
    term: str | None = None
    at_from: datetime | None = None
    at_to: datetime | None = None
    action: str | None = None
    purpose: str | None = None
    outcome: str | None = None
    hidden: Sequence[str] = ()


@dataclass
class _Query:
    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def where(self, condition: str, value: Any) -> None:
        """`condition` is a constant of this module; `?` stands for the value."""
        if value is not None:
            self.values.append(value)
            self.conditions.append(condition.replace("?", f"${len(self.values)}"))


async def entries(session: AsyncSession, asked: Asked, *, before: int | None, limit: int) -> Sequence[asyncpg.Record]:
    """One page.

    Args:
        before: go on after the entry at this position.
    """
    query = _Query()
    query.where("e.user_id = ?", asked.user_id)
    query.where("NOT e.action ^@ ANY(?::text[])", list(asked.hidden) or None)
    query.where("e.record_ids && ?::text[]", None if asked.record_ids is None else list(asked.record_ids))
    query.where("e.terms @> ARRAY[?::text] AND e.terms <> '{}'", asked.term)
    query.where("e.at >= ?", asked.at_from)
    query.where("e.at < ?", asked.at_to)
    query.where("e.action = ?", asked.action)
    query.where("e.purpose = ?", asked.purpose)
    query.where("e.outcome = ?", asked.outcome)
    query.where("e.position < ?", before)
    query.values.append(limit)
    where = f"WHERE {' AND '.join(query.conditions)} " if query.conditions else ""
    sql = f"SELECT {SELECTED} FROM audit_entry e {where}ORDER BY e.position DESC LIMIT ${len(query.values)}"
    return await fetch_all(session, sql, *query.values)


async def entry(session: AsyncSession, entry_id: UUID) -> asyncpg.Record | None:
    """One entry with every column."""
    found = await fetch_all(session, _ENTRY, entry_id)
    return found[0] if found else None
