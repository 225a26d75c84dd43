"""Who may look, and for what: every role against every purpose."""

import pytest

from common.auth import ROLES
from common.errors import ForbiddenError, InvalidError
from transcripts.policy import EVERY_OFFICE, OWN_RECORD, PURPOSES, STAFF, Reader, Scope, purpose_of, scope_of

ALLOWED = {
    "agent": {"program_administration"},
    "supervisor": {"program_administration", "quality_review", "training", "performance_assessment"},
    "quality_reviewer": {"quality_review", "training"},
    "privacy_officer": {"disclosure_processing", "audit"},
    "records_officer": {"records_management"},
    "auditor": {"audit"},
    "customer": {OWN_RECORD},
}
READER = {"account": b"account", "pin": b"pin", "office": "S01"}


@pytest.mark.req("S1-014", "S1-093")
@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("purpose", [*sorted(PURPOSES), OWN_RECORD])
def test_each_role_has_its_purposes_and_no_others(role: str, purpose: str) -> None:
    reader = Reader(frozenset({role}))
    if purpose in ALLOWED.get(role, set()):
        assert purpose_of(reader, header=purpose, query="") == purpose
        assert purpose_of(reader, header="", query=purpose) == purpose
    else:
        with pytest.raises((ForbiddenError, InvalidError)):
            purpose_of(reader, header=purpose, query="")


def test_every_purpose_names_its_basis_and_somebody_whose_work_it_is() -> None:
    for purpose in PURPOSES.values():
        assert purpose.basis
        assert purpose.roles <= STAFF <= ROLES


@pytest.mark.parametrize("role", sorted(STAFF))
def test_staff_must_state_a_purpose(role: str) -> None:
    with pytest.raises(InvalidError) as refused:
        purpose_of(Reader(frozenset({role})), header="", query="")
    assert refused.value.missing == ("purpose",)


def test_an_employee_who_is_also_a_customer_must_say_which_they_are_now() -> None:
    both = Reader(frozenset({"agent", "customer"}), **READER)  # type: ignore[arg-type]
    with pytest.raises(InvalidError):
        purpose_of(both, header="", query="")
    assert scope_of(both, purpose_of(both, header=OWN_RECORD, query="")) == Scope(numbers=frozenset({b"account"}))
    assert scope_of(both, "program_administration") == Scope(numbers=frozenset({b"pin"}))


@pytest.mark.parametrize(
    ("role", "purpose", "scope"),
    [
        ("agent", "program_administration", Scope(numbers=frozenset({b"pin"}))),
        ("supervisor", "quality_review", Scope(offices=frozenset({"S01"}))),
        *((role, min(ALLOWED[role]), Scope(everything=True)) for role in sorted(EVERY_OFFICE)),
        ("customer", OWN_RECORD, Scope(numbers=frozenset({b"account"}))),
    ],
)
def test_how_far_each_role_reaches(role: str, purpose: str, scope: Scope) -> None:
    assert scope_of(Reader(frozenset({role}), **READER), purpose) == scope  # type: ignore[arg-type]


def test_a_second_role_does_not_widen_a_purpose_that_is_not_its_own() -> None:
    reader = Reader(frozenset({"supervisor", "auditor"}), office="S01")
    assert scope_of(reader, "performance_assessment") == Scope(offices=frozenset({"S01"}))
    assert scope_of(reader, "audit") == Scope(everything=True)


def test_a_reader_without_number_or_office_reaches_nothing() -> None:
    for role, purpose in (("agent", "program_administration"), ("supervisor", "training"), ("customer", OWN_RECORD)):
        assert not scope_of(Reader(frozenset({role})), purpose).covers(offices={""}, numbers={b""})


def test_a_scope_covers_by_office_or_by_number() -> None:
    assert Scope(offices=frozenset({"S01"})).covers(offices={"S02", "S01"}, numbers=set())
    assert not Scope(offices=frozenset({"S01"})).covers(offices={"S02"}, numbers={b"S01"})
    assert Scope(numbers=frozenset({b"a"})).covers(offices=set(), numbers={b"a", b"b"})
    assert Scope(everything=True).covers(offices=set(), numbers=set())
    assert not Scope().covers(offices={"S01"}, numbers={b"a"})
