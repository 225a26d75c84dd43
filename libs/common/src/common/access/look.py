"""A caller who was let in, as use cases see them."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from common.access.table import Permit, Reach, Scope
from common.auth import Principal
from common.database import WriteSession


@dataclass(slots=True)
class Look:
    """One caller let in for one operation, in one unit of work.

    Attributes:
        purpose: for what; empty where the operation takes none.
        record_ids, fields: what the audit entry will say was touched; never a person's values.
        terms: personal terms of a search, as `common.audit.term` makes them.
    """

    session: WriteSession
    principal: Principal
    permit: Permit
    terminal: str
    now: datetime
    record_ids: list[str] = field(default_factory=list)
    fields: list[str] = field(default_factory=list)
    terms: list[str] = field(default_factory=list)
    scope_asked: bool = False

    @property
    def purpose(self) -> str:
        return self.permit.purpose

    @property
    def scopes(self) -> frozenset[Scope]:
        """How far the caller reaches; who asks for it sees to it that nothing beyond is shown or changed."""
        self.scope_asked = True
        return self.permit.scopes

    def covers(self, reach: Reach) -> bool:
        """Whether a record to which the caller stands so is within their reach."""
        self.scope_asked = True
        return self.permit.covers(reach)

    def touch(self, *record_ids: UUID | str, fields: Iterable[str] = (), terms: Iterable[str] = ()) -> None:
        """These records and fields were shown or changed, and these terms sought."""
        self.terms += terms
        self.record_ids += [str(one) for one in record_ids]
        self.fields += fields
