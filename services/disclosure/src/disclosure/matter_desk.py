"""What the routes of packages and incidents share: the desk of one act, and acts that are done once."""

from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Query, Request, Response
from pydantic import BaseModel

from common.access import Look
from common.pii.detection import IDENTIFIERS
from common.pii.taxonomy import Taxonomy
from common.protection.service_keys import ColumnKeys, ServiceKeys
from common.web.door import AtDoor
from common.web.idempotency import once
from disclosure.matters import Desk

Act = Callable[[Desk, Look], Awaitable[BaseModel]]
Cursor = Annotated[UUID | None, Query(description="`next_cursor` of the page before")]
Limit = Annotated[int, Query(ge=1, le=200)]


class Matters:
    """Keys of the sealed columns and the taxonomy, as the application holds them, and who is at the door."""

    def __init__(self, request: Request, door: AtDoor) -> None:
        self._keys: ServiceKeys = request.app.state.column_keys
        self.taxonomy: Taxonomy = request.app.state.taxonomy
        self.door = door

    @property
    def kinds(self) -> frozenset[str]:
        """Kinds of particulars by which a person can be known."""
        return frozenset(self.taxonomy.types) | IDENTIFIERS

    async def keys(self) -> ColumnKeys:
        """Raises KeyServiceUnavailableError: they cannot be had for now."""
        return await self._keys.ready()

    def desk(self, look: Look, keys: ColumnKeys) -> Desk:
        claims = look.principal.claims
        office, region = str(claims.get("office", "")), str(claims.get("region", ""))
        return Desk(look.session, keys, look.now, look.principal.id, office, region, look.covers)

    async def act(
        self,
        operation: str,
        act: Act,
        *,
        key: str | None,
        body: BaseModel,
        matter_id: UUID | None = None,
        part: UUID | None = None,
    ) -> Response:
        """Do an act once, and answer what it answers.

        Args:
            key: the caller's idempotency key. matter_id: on what; None: the act makes something. part: on which part of it.
        """
        keys = await self.keys()  # before the unit of work: it may need a connection of its own
        async with self.door.open(operation, *([matter_id] if matter_id else [])) as look:
            desk = self.desk(look, keys)

            async def make() -> BaseModel:
                return await act(desk, look)

            what = " ".join(str(one) for one in (operation, matter_id, part) if one)
            return await once(look.session, principal=look.principal, operation=what, key=key, request=body, make=make)


AtMatters = Annotated[Matters, Depends()]
