"""Every row of every table of cases comes out as it says."""

import pytest

from common.contracts.disclosure import FactValue
from disclosure import rulebook, vocabulary
from tests.disclosure.cases import TABLES, USES, Case, base, decide, rows, stands_against

ROWS = [
    pytest.param(case, id=f"{basis}: {case.name}", marks=[pytest.mark.req(*case.shows)] if case.shows else [])
    for basis in USES
    for case in rows(basis)
]


@pytest.mark.parametrize("case", ROWS)
def test_a_case_comes_out_as_its_row_says(case: Case) -> None:
    decision = decide(case.question)
    assert decision.outcome == case.outcome
    assert decision.missing == case.missing
    assert stands_against(decision) == set(case.because)


def test_every_routine_use_has_a_table_with_each_outcome() -> None:
    assert set(TABLES) == set(USES)
    for basis in USES:
        assert {case.outcome for case in rows(basis)} == {"allow", "deny", "undecided"}


def test_every_element_can_be_answered_in_some_row() -> None:
    """No element lies dead behind conditions that no case meets."""
    for use in rulebook.current().notice.routine_uses:
        reached = {step.fact for case in rows(use.id) for step in decide(case.question).steps}
        assert {element.fact for element in use.elements} <= reached


@pytest.mark.parametrize("basis", USES)
def test_the_words_of_the_cases_are_words_that_a_request_may_use(basis: str) -> None:
    facts: dict[str, FactValue] = {}
    for case in rows(basis):
        facts |= case.question.facts
    question = base(basis)
    assert not vocabulary.wrong_with(
        rulebook.current().notice,
        basis=basis,
        recipient_kind=question.recipient_kind,
        purpose=question.purpose,
        facts=facts,
    )
