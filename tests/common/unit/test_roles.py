"""Which of the roles that a token names count: an employee's by their position, a program's by how its token was got."""

from typing import Any

import pytest

from common.roles import EMPLOYEES, POSITIONS, PROGRAMS, ROLES, position_with, positions_from, roles_of


def claims(*roles: str, **more: Any) -> dict[str, Any]:
    return {"sub": "x", "roles": list(roles), **more}


@pytest.mark.req("S3-111")
@pytest.mark.parametrize("position", sorted(POSITIONS))
def test_a_position_gives_its_roles_and_takes_the_others(position: str) -> None:
    assert roles_of(claims(*ROLES, position=position)) == POSITIONS[position] | {"customer"}


@pytest.mark.req("S3-111")
@pytest.mark.parametrize("position", [None, "", "agent", "king", 7, ["auditor"], {}])
def test_without_a_known_position_nobody_is_an_employee(position: object) -> None:
    assert roles_of(claims(*EMPLOYEES, position=position)) == frozenset()


@pytest.mark.req("S3-111")
def test_who_changes_position_loses_what_the_old_one_gave_though_a_group_still_says_it() -> None:
    before = claims("supervisor", "agent", position="operations-supervisor")
    assert roles_of(before) == {"supervisor", "agent"}
    assert roles_of(before | {"position": "contact-representative"}) == {"agent"}


@pytest.mark.parametrize("role", sorted(PROGRAMS))
def test_a_program_is_one_only_by_its_own_credentials(role: str) -> None:
    assert roles_of(claims(role, client_id="x")) == roles_of(claims(role, azp="x")) == {role}
    for wrong in ({}, {"client_id": "portal"}, {"client_id": "x", "auth_time": 1}, {"client_id": "x", "pin": "1"}):
        assert roles_of(claims(role, **wrong)) == frozenset()
    assert roles_of(claims(role, "customer", client_id="x")) == {"customer"}


def test_what_is_no_role_counts_for_nothing() -> None:
    assert roles_of({"sub": "x"}) == roles_of(claims("king", "")) == frozenset()
    assert roles_of({"sub": "x", "roles": ["customer", 7, None, {}]}) == {"customer"}


def test_every_role_of_an_employee_belongs_to_a_position_and_no_other_role_does() -> None:
    for wrong in ({"a": ["agent"]}, {"a": [*EMPLOYEES, "customer"]}):
        with pytest.raises(ValueError, match="no such role, or nobody has it"):
            positions_from({"positions": wrong})
    assert all(position_with(frozenset({role})) for role in EMPLOYEES)
    assert position_with(frozenset({"agent"})) == "contact-representative"
    assert position_with(frozenset({"agent", "auditor"})) is None
