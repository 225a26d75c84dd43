"""What is held of a record, and the copies that went, in the service's store. Everything runs in the caller's unit of work."""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo
from uuid import UUID

from sqlalchemy import DateTime, LargeBinary, Text
from sqlmodel import Field, col, select

from common.database import ReadSession, WriteSession, fetch_all
from common.protection.service_keys import ColumnKeys
from production import sealing
from production.releases.figures import Held, Place, Work
from production.tables import ActionRow, Base, EmployeeRow

_WORK = """
SELECT date_trunc('month', completed_at AT TIME ZONE $3)::date AS month, kind, form_type, hour_type, outcome,
       count(*) AS actions, sum(extract(epoch FROM completed_at - started_at))::float8 AS seconds
FROM action WHERE employee_id = $1 AND ($2::uuid IS NULL OR action_id = $2)
GROUP BY 1, 2, 3, 4, 5 ORDER BY 1, 2, 3, 4, 5
"""
_ACTIONS = """
SELECT action_id, receipt, requestor_number FROM action
WHERE employee_id = $1 AND ($2::uuid IS NULL OR action_id = $2) ORDER BY action_id
"""
_PLACES = """
SELECT office, region, valid_from, valid_to FROM assignment
WHERE employee_id = $1 AND superseded_at IS NULL ORDER BY valid_from
"""
_NOTED = (
    "SELECT amendment_id, kind, amended_at FROM notation WHERE record_id = $1 ORDER BY amended_at, amendment_id, kind"
)


class ReleaseCopy(Base, table=True):
    __tablename__ = "release_copy"

    id: UUID = Field(primary_key=True)
    grant_id: UUID
    record_id: UUID
    layer: str = Field(sa_type=Text)
    original_hash: str = Field(sa_type=Text)
    copy_hash: str = Field(sa_type=Text)
    content: bytes | None = Field(default=None, sa_type=LargeBinary, repr=False)
    kept_until: datetime = Field(sa_type=DateTime(timezone=True))


class Notation(Base):
    """One amendment of a record."""

    amendment_id: UUID
    kind: str
    amended_at: datetime


def place(copy_id: UUID) -> str:
    """Where the bytes of a copy belong; they open in no other row."""
    return f"release_copy.content|{copy_id}"


async def held(session: ReadSession, record_id: UUID, keys: ColumnKeys, zone: tzinfo, *, cases: bool) -> Held | None:
    """The record of this id, an employee's whole work or one action; None where there is none.

    Args:
        zone: where months begin at midnight. cases: open the numbers of cases.

    Raises:
        TamperedError: it is not what was sealed.
    """
    action = await session.get(ActionRow, record_id)
    employee = await session.get(EmployeeRow, action.employee_id if action else record_id)
    if employee is None:
        return None
    only = action.action_id if action else None
    rows = await fetch_all(session, _ACTIONS, employee.id, only)
    return Held(
        record_id=record_id,
        pin=sealing.opened_pin(keys, employee.pin, employee.id),
        places=[_place_of(action, zone)]
        if action
        else [Place(**r) for r in await fetch_all(session, _PLACES, employee.id)],
        work=[Work(**row) for row in await fetch_all(session, _WORK, employee.id, only, str(zone))],
        action_ids=[row["action_id"] for row in rows],
        cases=sorted({_number(keys, *row) for row in rows} - {""}) if cases else (),
    )


def _place_of(action: ActionRow, zone: tzinfo) -> Place:
    day: date = action.completed_at.astimezone(zone).date()
    return Place(action.office, action.region, day, None)


def _number(keys: ColumnKeys, action_id: UUID, receipt: str, sealed: bytes | None) -> str:
    return receipt if sealed is None else keys.open(sealed, sealing.number_place(action_id))


async def notations_of(session: ReadSession, record_id: UUID) -> Sequence[Notation]:
    """Amendments of this record, first to last."""
    return [Notation(**row) for row in await fetch_all(session, _NOTED, record_id)]


async def add_copies(session: WriteSession, copies: Sequence[ReleaseCopy]) -> None:
    session.add_all(copies)
    await session.flush()


async def copies_of(session: ReadSession, grant_id: UUID) -> Sequence[ReleaseCopy]:
    query = select(ReleaseCopy).where(col(ReleaseCopy.grant_id) == grant_id)
    return (await session.execute(query.order_by(col(ReleaseCopy.record_id)))).scalars().all()
