"""Reads `permissions.yaml` into the table, and refuses what does not hold together."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, TypeAdapter, model_validator

from common.access.purposes import PURPOSES
from common.access.table import Assurance, Grant, Personal, Row, Scope, Table
from common.auth import EMPLOYEES, ROLES

_GROUPS = {"everyone": ROLES, "employees": EMPLOYEES}
_STRICT = ConfigDict(extra="forbid", frozen=True)
Place = Annotated[str, StringConstraints(pattern=r"^((GET|POST|PUT|PATCH|DELETE) /\S*|frame [a-z]+)$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]


def _as_list(value: object) -> object:
    return [value] if isinstance(value, str) else value


class _Role(BaseModel):
    model_config = _STRICT

    scope: Scope
    purposes: tuple[str, ...] = ()
    implied: str = ""
    alone: bool = False

    @model_validator(mode="after")
    def _registered(self) -> Self:
        unknown = {*self.purposes, *([self.implied] if self.implied else [])} - set(PURPOSES)
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: not in the register of purposes")
        return self

    def grant(self) -> Grant:
        return Grant(self.scope, frozenset(self.purposes), self.implied, self.alone)


class _Assurance(BaseModel):
    model_config = _STRICT

    ial: int = Field(default=0, ge=0, le=3)
    aal: int = Field(default=0, ge=0, le=3)
    max_age: int | None = Field(default=None, gt=0)


class _Row(BaseModel):
    model_config = _STRICT

    service: Literal["every", "chat_gateway", "transcripts", "production", "disclosure", "retention"]
    at: Annotated[tuple[Place, ...], BeforeValidator(_as_list), Field(min_length=1)]
    does: Reason
    personal: Personal | None = None
    private: bool = False
    public: Reason | None = None
    no_purpose: Reason | None = None
    apart: Reason | None = None
    assurance: _Assurance = _Assurance()
    roles: dict[str, _Role] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.public and (self.roles or self.personal or self.no_purpose or self.apart):
            raise ValueError("what is open to everybody has no roles, no purpose and touches no person's record")
        if not self.public and (not self.roles or self.personal is None):
            raise ValueError("who may do this, and whether it touches a person's record, has to be said")
        unknown = self.roles.keys() - ROLES - _GROUPS.keys()
        if unknown:
            raise ValueError(f"{', '.join(sorted(unknown))}: no such role")
        named = [bool(role.purposes or role.implied) for role in self.roles.values()]
        if self.roles and (any(named) if self.no_purpose else not all(named)):
            raise ValueError("each role needs its purposes, or the operation a reason why it takes none")
        return self

    def grants(self) -> dict[str, Grant]:
        """Groups first, so that a role that is named as well counts as it is named."""
        grants: dict[str, Grant] = {}
        for name in sorted(self.roles, key=lambda name: name not in _GROUPS):
            grants |= dict.fromkeys(_GROUPS.get(name, {name}), self.roles[name].grant())
        return grants


_ROWS: TypeAdapter[dict[str, _Row]] = TypeAdapter(
    dict[Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]*\.[a-z][a-z0-9-]*$", max_length=60)], _Row]
)


def table_from(document: Mapping[str, Any]) -> Table:
    """The table in this document.

    Raises:
        ValueError: a row is not as it must be; the text says which and why.
    """
    rows = []
    for operation, row in _ROWS.validate_python(document["operations"]).items():
        places = [tuple(place.split(" ", 1)) for place in row.at]
        rows.append(
            Row(
                operation=operation,
                service=row.service,
                places=tuple((method, path) for method, path in places),
                does=row.does,
                personal=row.personal or "none",
                private=row.private,
                public=row.public or "",
                no_purpose=row.no_purpose or "",
                apart=row.apart or "",
                assurance=Assurance(row.assurance.ial, row.assurance.aal, row.assurance.max_age),
                grants=row.grants(),
            )
        )
    return Table(rows)


PERMISSIONS = table_from(yaml.safe_load((Path(__file__).parent / "permissions.yaml").read_text(encoding="utf-8")))
