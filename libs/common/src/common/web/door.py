"""The one door of every service: nobody passes without a row of the table of permissions, and without an audit entry.

A route of the class `Guarded` belongs to the operation whose id it carries. Before anything of the request is read, the
caller's token is checked and the table is asked. The route then opens the door for a unit of work; when that ends well the
entry is written in the same transaction, and a refusal of any kind leaves an entry of its own (S3 8.1; invariant 7).
"""

from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from common import audit
from common.access import PURPOSES, Look, Permit, Row, admit
from common.auth import EMPLOYEES, Principal
from common.bulk import BulkLimitError, BulkLimits, alert, is_export
from common.clock import Clock
from common.database import Database, WriteSession
from common.errors import FieldError, ForbiddenError, InvalidError, MunimentError, NotFoundError
from common.web import callers

HEADER, QUERY = "Purpose-Of-Use", "purpose"
DESTINATION = "Export-Destination"
_SERVER_ERROR = 500
_PLACE = "muniment.door"
"""Where a request keeps its door: in its own scope, since a server may share `request.state`."""


class Door:
    """One request at the door. Made by its route; a route's function asks for it as `AtDoor`."""

    def __init__(self, request: Request, row: Row, principal: Principal) -> None:
        self.principal = principal
        self.terminal = callers.terminal(request)
        self._request = request
        self._row = row
        self._database: Database = request.app.state.database
        self._clock: Clock = request.app.state.clock
        self._bulk: BulkLimits = request.app.state.bulk
        self._permit: Permit | None = None
        self._tried: list[str] = _ids_in_path(request)
        self._terms: list[str] = []
        self.entries = 0

    @property
    def purpose(self) -> str:
        """For what the caller was let in; empty where the operation takes none."""
        return self._permit.purpose if self._permit else ""

    @property
    def now(self) -> datetime:
        return self._clock.now()

    def ask(self) -> None:
        """Put the question to the table.

        Raises:
            ForbiddenError, StepUpError: the table says no.
            InvalidError: two different purposes are stated.
        """
        header, query = self._stated()
        if header and query and header != query:
            raise InvalidError(
                "header and query parameter name different purposes", errors=[FieldError("purpose", "is stated twice")]
            )
        self._permit = admit(self._row, self.principal, stated=header or query, now=self.now)
        if is_export(self._row.operation) and not EMPLOYEES.isdisjoint(self.principal.roles):
            self._check_destination()

    def _check_destination(self) -> None:
        """A file leaves only for where the agency lets files go; removable media are off by default (S2-015).

        This server sees the caller's word for it and nothing else: the word is what an employee can be held to.
        """
        allowed: frozenset[str] = self._request.app.state.export_destinations
        if self._request.headers.get(DESTINATION, "managed") not in allowed:
            raise ForbiddenError(
                f"files may be taken to {', '.join(sorted(allowed)) or 'nowhere'} only: see the header {DESTINATION}",
                missing=[f"header.{DESTINATION}"],
            )

    @asynccontextmanager
    async def open(self, operation: str, *record_ids: UUID | str, fields: Iterable[str] = ()) -> AsyncIterator[Look]:
        """A unit of work for this operation, with its audit entry.

        Args:
            record_ids, fields: what is to be touched, as far as it is known before; `Look.touch` adds to it.

        Raises:
            RuntimeError: the route belongs to another operation, or did not look how far the caller reaches.
        """
        if operation != self._row.operation or self._permit is None:
            raise RuntimeError(f"this route is {self._row.operation}'s and not {operation}'s")
        self._tried = list(dict.fromkeys([*self._tried, *map(str, record_ids)]))
        async with self._database.unit_of_work() as session:
            look = Look(session, self.principal, self._permit, self.terminal, self.now, terms=self._terms)
            look.touch(*record_ids, fields=fields)
            yield look
            if not (look.scope_asked or self._permit.unlimited):
                raise RuntimeError(f"{operation} did not ask how far the caller reaches")
            done = self._event("done", look.record_ids, look.fields)
            await self._bulk.check(session, done, await self._record(session, done), now=self.now)

    def let_in(self) -> Permit:
        """The caller's permit, for an operation whose row says that no entry is written here.

        Raises:
            RuntimeError: the row says nothing of the kind.
        """
        if self._permit is None or not self._row.apart:
            raise RuntimeError(f"{self._row.operation} is recorded at the door: open it")
        return self._permit

    async def refused(self, refusal: Exception) -> None:
        """Record that this request was refused, in a unit of work of its own. An engine out of reach refuses nobody."""
        if isinstance(refusal, MunimentError) and refusal.status >= _SERVER_ERROR:
            return
        outcome: audit.Outcome = "not_found" if isinstance(refusal, NotFoundError) else "refused"
        event = self._event(outcome, self._tried, [])
        async with self._database.unit_of_work() as session:
            await self._record(session, event)
            if isinstance(refusal, BulkLimitError):
                await alert(session, event, refusal.bounds.name, "hard", now=self.now)

    async def _record(self, session: WriteSession, event: audit.AuditEvent) -> UUID:
        self.entries += 1
        return await audit.record(session, event, now=self.now)

    def _event(self, outcome: audit.Outcome, record_ids: Iterable[str], fields: Iterable[str]) -> audit.AuditEvent:
        return audit.AuditEvent(
            self.principal,
            self.terminal,
            self._row.operation,
            outcome,
            record_ids=list(dict.fromkeys(record_ids)),
            fields=list(dict.fromkeys(fields)),
            purpose=self._permit.purpose if self._permit else self._registered(),
            terms=list(dict.fromkeys(self._terms)),  # also of a search that was refused
        )

    def _stated(self) -> tuple[str, str]:
        return self._request.headers.get(HEADER, ""), self._request.query_params.get(QUERY, "")

    def _registered(self) -> str:
        """The purpose as it was stated, if the register knows it: what else was written there may be anything."""
        return next((one for one in self._stated() if one in PURPOSES), "")


class Guarded(APIRoute):
    """A route that belongs to an operation of the table; its `operation_id` says which."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            row = request.app.state.permissions.rows[self.operation_id]
            principal = await callers.caller(request)
            door = Door(request, row, principal)
            try:
                door.ask()
                request.scope[_PLACE] = door
                answer = await inner(request)
            except (MunimentError, RequestValidationError, HTTPException) as refusal:
                await door.refused(refusal)
                raise
            if door.entries != (0 if row.apart else 1):
                raise RuntimeError(f"{row.operation} left {door.entries} audit entries where it must leave one")
            return answer

        return guarded


async def at_door(request: Request) -> Door:  # a plain function would be called in a thread of its own
    return cast("Door", request.scope[_PLACE])


AtDoor = Annotated[Door, Depends(at_door)]


def _ids_in_path(request: Request) -> list[str]:
    """The ids of records that the address names. What is no UUID may be a person's number and is left out."""
    found = []
    for value in request.path_params.values():
        try:
            found.append(str(UUID(str(value))))
        except ValueError:
            continue
    return found
