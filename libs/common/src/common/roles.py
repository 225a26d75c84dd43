"""The roles of the platform, and which of those that a token names are its holder's: position and kind of client decide."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

EMPLOYEES = frozenset(
    {
        "agent", "supervisor", "quality_reviewer", "analyst", "office_admin", "regional_admin", "hq_admin",
        "privacy_officer", "records_officer", "auditor",
    }
)  # fmt: skip
"""Roles of the agency's own people."""

PROGRAMS = frozenset({"portal", "case_system"})
"""Roles of service clients, which come by client credentials: they have no PIN, no training and no card."""

ROLES = frozenset({"customer"}) | EMPLOYEES | PROGRAMS


def positions_from(document: Mapping[str, Any]) -> Mapping[str, frozenset[str]]:
    """Position → the roles it gives.

    Raises:
        ValueError: a role is none of an employee's, or no position gives it.
    """
    positions = {str(name): frozenset(map(str, roles)) for name, roles in document["positions"].items()}
    given = frozenset[str]().union(*positions.values())
    if given != EMPLOYEES:
        raise ValueError(f"positions.yaml: {', '.join(sorted(given ^ EMPLOYEES))}: no such role, or nobody has it")
    return positions


POSITIONS = positions_from(yaml.safe_load((Path(__file__).parent / "positions.yaml").read_text(encoding="utf-8")))


def roles_of(claims: Mapping[str, Any]) -> frozenset[str]:
    """The roles that count, of those a token names.

    An employee's are those that their position gives (S3-111). A service client's count only in a token that the client got
    for itself (RFC 9068: its subject is the client), in which nobody logged in.
    """
    given = claims.get("roles", [])
    named = ROLES.intersection(role for role in given if isinstance(role, str))
    position = claims.get("position")
    roles = named - EMPLOYEES - PROGRAMS
    roles |= named & POSITIONS.get(position if isinstance(position, str) else "", frozenset())
    if not roles and _is_client(claims):
        roles |= named & PROGRAMS
    return roles


def _is_client(claims: Mapping[str, Any]) -> bool:
    client = claims.get("client_id", claims.get("azp"))
    return client == claims.get("sub") and not claims.keys() & {"auth_time", "pin"}


def position_with(roles: frozenset[str]) -> str | None:
    """The narrowest position that gives all these roles of an employee; None where no position does."""
    fitting = [name for name, given in POSITIONS.items() if roles & EMPLOYEES <= given]
    return min(fitting, key=lambda name: len(POSITIONS[name]), default=None)
