"""One look of an auditor: what the application gives for it, and what the audit trail keeps of it."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

from fastapi import Depends, Request

from common.access import Look
from common.audit import term
from common.database import Database
from common.federal_calendar import FederalCalendar
from common.protection.service_keys import ColumnKeys, ServiceKeys
from disclosure.auditing import store
from disclosure.auditing.asked import PERSONAL, Asked, Register, check


class Auditing:
    """Keys of the sealed columns, the secret of personal terms, and the database for what is read after the look."""

    def __init__(self, request: Request) -> None:
        self._keys: ServiceKeys = request.app.state.column_keys
        self._term_key: bytes = request.app.state.term_key
        self.database: Database = request.app.state.database
        self.calendar: FederalCalendar = request.app.state.calendar

    async def keys(self) -> ColumnKeys:
        """Raises KeyServiceUnavailableError: they cannot be had for now."""
        return await self._keys.ready()

    def terms(self, asked: Asked) -> dict[str, str]:
        """The person's values among the keys, each as the trail keeps it."""
        return {
            name: term(self._term_key, name, str(value)) for name, value in asked.given().items() if name in PERSONAL
        }

    def told(self, asked: Asked) -> dict[str, str]:
        """What was asked, without a person's value."""
        return {name: str(value) for name, value in asked.given().items()} | self.terms(asked)

    async def find(
        self, look: Look, keys: ColumnKeys, register: Register, asked: Asked, *, after: UUID | None, limit: int
    ) -> Sequence[UUID]:
        """Ids of the rows that were asked for; the entry of the look says by what, and which they are.

        Raises:
            InvalidError: the register is not kept by one of the keys.
        """
        named = [f"key.{name}" for name in sorted(asked.given())]
        look.touch(fields=[f"register.{register}", *named], terms=self.terms(asked).values())
        check(register, asked)
        found = await store.ids(look.session, keys, register, asked, after=after, limit=limit)
        look.touch(*found)
        return found


AtAuditing = Annotated[Auditing, Depends()]
