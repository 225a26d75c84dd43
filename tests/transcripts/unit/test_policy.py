"""How far a look reaches, by the words of the table of permissions, and which purposes each role has here."""

import pytest

from common.access import OWN_RECORD, PERMISSIONS, PURPOSES, Permit
from common.access.table import Facts, Refusal, decide
from common.auth import EMPLOYEES, ROLES
from transcripts.policy import Reader, Scope, scope_of

ALLOWED = {
    "agent": {"program-administration"},
    "supervisor": {"program-administration", "quality-review", "training", "performance-assessment"},
    "quality_reviewer": {"quality-review", "training"},
    "privacy_officer": {"disclosure-processing", "audit"},
    "records_officer": {"records-management"},
    "auditor": {"audit"},
    "customer": {OWN_RECORD},
}
EVERY_OFFICE = {"quality_reviewer", "privacy_officer", "records_officer", "auditor"}
READER = Reader(account=frozenset({b"account"}), pin=frozenset({b"pin"}), office="S01")
CARD = frozenset({"sc", "pin"})


def ask(*roles: str, purpose: str = "", operation: str = "transcript.read") -> Permit | Refusal:
    return decide(PERMISSIONS.rows[operation], Facts(frozenset(roles), stated=purpose, factors=CARD))


def reach(permit: Permit | Refusal, reader: Reader = READER) -> Scope:
    assert isinstance(permit, Permit)
    return scope_of(reader, permit.scopes, permit.purpose)


@pytest.mark.req("S1-014", "S1-093")
@pytest.mark.parametrize("operation", ["transcript.read", "transcript.search", "transcript.copy"])
@pytest.mark.parametrize("role", sorted(ROLES))
def test_each_role_has_its_purposes_and_no_others(role: str, operation: str) -> None:
    for purpose in PURPOSES:
        answer = ask(role, purpose=purpose, operation=operation)
        assert isinstance(answer, Permit) == (purpose in ALLOWED.get(role, set())), purpose


@pytest.mark.parametrize("role", sorted(EMPLOYEES & ALLOWED.keys()))
def test_staff_must_state_a_purpose(role: str) -> None:
    refused = ask(role)
    assert isinstance(refused, Refusal)
    assert (refused.missing, set(refused.possible)) == (("purpose",), ALLOWED[role])


def test_an_employee_who_is_also_a_customer_must_say_which_they_are_now() -> None:
    assert isinstance(ask("agent", "customer"), Refusal)
    assert reach(ask("agent", "customer", purpose=OWN_RECORD)) == Scope(numbers=frozenset({b"account"}))
    assert reach(ask("agent", "customer", purpose="program-administration")) == Scope(numbers=frozenset({b"pin"}))


@pytest.mark.parametrize(
    ("role", "purpose", "scope"),
    [
        ("agent", "program-administration", Scope(numbers=frozenset({b"pin"}))),
        ("supervisor", "quality-review", Scope(offices=frozenset({"S01"}))),
        *((role, min(ALLOWED[role]), Scope(everything=True)) for role in sorted(EVERY_OFFICE)),
        ("customer", OWN_RECORD, Scope(numbers=frozenset({b"account"}))),
    ],
)
def test_how_far_each_role_reaches(role: str, purpose: str, scope: Scope) -> None:
    assert reach(ask(role, purpose=purpose)) == scope


def test_a_second_role_does_not_widen_a_purpose_that_is_not_its_own() -> None:
    both = "supervisor", "auditor"
    assert reach(ask(*both, purpose="performance-assessment")) == Scope(offices=frozenset({"S01"}))
    assert reach(ask(*both, purpose="audit")) == Scope(everything=True)


def test_a_reader_without_number_or_office_reaches_nothing() -> None:
    for role, purpose in (("agent", "program-administration"), ("supervisor", "training"), ("customer", OWN_RECORD)):
        assert not reach(ask(role, purpose=purpose), Reader()).covers(offices={""}, numbers={b""})


def test_a_scope_covers_by_office_or_by_number() -> None:
    assert Scope(offices=frozenset({"S01"})).covers(offices={"S02", "S01"}, numbers=set())
    assert not Scope(offices=frozenset({"S01"})).covers(offices={"S02"}, numbers={b"pin"})
    assert Scope(numbers=frozenset({b"pin"})).covers(offices=set(), numbers={b"pin", b"account"})
