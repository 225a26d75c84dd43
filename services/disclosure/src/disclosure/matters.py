"""Matters with a state: each act is a step, and the steps are a chain that the state follows. What packages and incidents share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import Column, DateTime, Text, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, col, select

from common.access import Reach
from common.database import ReadSession, WriteSession
from common.protection.service_keys import ColumnKeys
from disclosure.errors import NotNowError
from disclosure.machines import NOTHING_YET, Facts, Machine
from disclosure.tables import Base


class MatterStep(Base, table=True):
    __tablename__ = "matter_step"

    matter_id: UUID = Field(primary_key=True)
    seq: int = Field(primary_key=True)
    matter: str = Field(sa_type=Text)
    act: str = Field(sa_type=Text)
    from_state: str = Field(sa_type=Text)
    to_state: str = Field(sa_type=Text)
    actor: str = Field(sa_type=Text)
    at: datetime = Field(sa_type=DateTime(timezone=True))
    codes: dict[str, Any] = Field(sa_column=Column(JSONB, nullable=False))


class Matter(Protocol):
    """A row that has a state."""

    id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class Desk:
    """Where acts are done: the unit of work, the keys of sealed columns, and who acts.

    Attributes:
        office, region: those of the token of who acts; empty where it names none.
        covers: whether a matter to which they stand so is within their reach.
    """

    session: WriteSession
    keys: ColumnKeys
    now: datetime
    actor: str
    office: str = ""
    region: str = ""
    covers: Callable[[Reach], bool] = lambda _: True

    async def step(
        self,
        machine: Machine,
        row: Matter,
        act: str,
        *,
        facts: Facts | None = None,
        codes: Mapping[str, Any] | None = None,
    ) -> None:
        """Do the act: the row goes where it leads, and the step stays. A new row has the state `NOTHING_YET`.

        Raises:
            NotNowError: it leads nowhere from here.
        """
        to = leads_to(machine, row, act, facts)
        with self.session.no_autoflush:  # the row is written with its new state, at once
            seq = await number_of_steps(self.session, row.id) + 1
        self.session.add(
            MatterStep(
                matter_id=row.id,
                matter=machine.matter,
                seq=seq,
                act=act,
                from_state=row.state,
                to_state=to,
                actor=self.actor,
                at=self.now,
                codes=dict(codes or {}),
            )
        )
        row.state = to
        self.session.add(row)
        await self.session.flush()


def leads_to(machine: Machine, row: Matter, act: str, facts: Facts | None = None) -> str:
    """The state to which the act leads now.

    Raises:
        NotNowError: to none; with what is possible.
    """
    to = machine.after(act, row.state, facts or {})
    if to is None:
        raise NotNowError(row.state or NOTHING_YET, machine.acts_from(row.state), what=f"the {machine.matter}")
    return to


async def number_of_steps(session: ReadSession, matter_id: UUID) -> int:
    query = select(func.count()).where(col(MatterStep.matter_id) == matter_id)
    return int((await session.execute(query)).scalar_one())


async def steps_of(session: ReadSession, matter_ids: Sequence[UUID]) -> Sequence[MatterStep]:
    """Every act on these, in their order."""
    query = select(MatterStep).where(col(MatterStep.matter_id).in_(matter_ids))
    return (
        (await session.execute(query.order_by(col(MatterStep.at), col(MatterStep.matter_id), col(MatterStep.seq))))
        .scalars()
        .all()
    )
