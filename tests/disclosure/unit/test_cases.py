"""Every row of every table of cases comes out as it says."""

import pytest

from common.contracts.disclosure import FactValue
from disclosure import vocabulary
from tests.disclosure.cases import BASES, TABLES, Case, base, decide, rows, rules_for, stands_against

ROWS = [
    pytest.param(case, id=f"{basis}: {case.name}", marks=[pytest.mark.req(*case.shows)] if case.shows else [])
    for basis in BASES
    for case in rows(basis)
]


@pytest.mark.parametrize("case", ROWS)
def test_a_case_comes_out_as_its_row_says(case: Case) -> None:
    decision = decide(case.question)
    assert decision.outcome == case.outcome
    assert decision.missing == case.missing
    assert stands_against(decision) == set(case.because)
    assert len(decision.withheld) == case.withheld


def test_every_basis_has_a_table_with_each_outcome() -> None:
    assert set(TABLES) == set(BASES)
    for basis in BASES:
        assert {case.outcome for case in rows(basis)} == {"allow", "deny", "undecided"}


def test_every_element_can_be_answered_in_some_row() -> None:
    """No element lies dead behind conditions that no case meets."""
    for basis in BASES:
        reached = {step.fact for case in rows(basis) for step in decide(case.question).steps}
        assert {element.fact for element in rules_for(basis).bases[basis].elements} <= reached


@pytest.mark.parametrize("basis", BASES)
def test_the_words_of_the_cases_are_words_that_a_request_may_use(basis: str) -> None:
    """What people say in the cases may be said; signed findings and what registers say are refused at that door."""
    notice = rules_for(basis).notice
    facts: dict[str, FactValue] = {}
    for case in rows(basis):
        facts |= case.question.facts
    sayable = notice.said_by_people
    question = base(basis)
    said = {name: value for name, value in facts.items() if name in sayable}
    assert said
    assert not vocabulary.wrong_with(
        notice, basis=basis, recipient_kind=question.recipient_kind, purpose=question.purpose, facts=said
    )
    for name in set(facts) - set(said):
        wrong = vocabulary.wrong_with_facts(notice, {name: facts[name]})
        assert len(wrong) == 1
