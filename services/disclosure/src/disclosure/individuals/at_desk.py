"""What the routes of individuals' requests share: the desk of one act, and acts that are done once."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request, Response
from pydantic import BaseModel

from common.access import Look
from common.federal_calendar import FederalCalendar
from common.protection.service_keys import ColumnKeys, ServiceKeys
from common.web.door import Door
from common.web.idempotency import once
from disclosure.individuals import looking
from disclosure.individuals.answers import StateOut
from disclosure.individuals.desk import Desk
from disclosure.individuals.tables import IndividualRequest

Act = Callable[[Desk], Awaitable[IndividualRequest]]


class Individuals:
    """Keys of the sealed columns and the federal calendar, as the application holds them."""

    def __init__(self, request: Request) -> None:
        self._keys: ServiceKeys = request.app.state.column_keys
        self._calendar: FederalCalendar = request.app.state.calendar

    async def keys(self) -> ColumnKeys:
        """Raises KeyServiceUnavailableError: they cannot be had for now."""
        return await self._keys.ready()

    def desk(self, look: Look, keys: ColumnKeys, *, own: bool = False) -> Desk:
        """The desk of one act. `own`: the caller acts for themselves and reaches their own requests only."""
        if own:
            _ = look.scopes
        who = look.principal.id
        return Desk(look.session, keys, self._calendar, look.now, who, account=who if own else "")

    async def act(
        self,
        door: Door,
        operation: str,
        act: Act,
        *,
        key: str | None,
        body: BaseModel,
        request_id: UUID | None = None,
        own: bool = False,
        status: int = 201,
    ) -> Response:
        """Do an act once, and answer how the request stands then.

        Args:
            key: the caller's idempotency key. request_id: on which request; None: the act makes one.
        """
        keys = await self.keys()  # before the unit of work: it may need a connection of its own
        async with door.open(operation, *([request_id] if request_id else [])) as look:
            desk = self.desk(look, keys, own=own)

            async def make() -> BaseModel:
                row = await act(desk)
                look.touch(row.id)
                await desk.session.flush()
                return StateOut.of(await looking.standing(desk, row), today=desk.today, own=own)

            what = f"{operation} {request_id or ''}".strip()
            return await once(
                look.session, principal=look.principal, operation=what, key=key, request=body, make=make, status=status
            )


AtIndividuals = Annotated[Individuals, Depends()]
