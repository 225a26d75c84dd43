"""A request uses the notice's words; what is wrong is said by field and rule, never with the value."""

import pytest

from common.contracts.disclosure import FactValue
from disclosure import rulebook, vocabulary

NOTICE = rulebook.current().notice


def wrong(
    *, basis: str = "routine-use-1", recipient: str = "congressional-office", purpose: str = "answer-inquiry",
    facts: dict[str, FactValue] | None = None,
) -> dict[str, str]:  # fmt: skip
    found = vocabulary.wrong_with(NOTICE, basis=basis, recipient_kind=recipient, purpose=purpose, facts=facts or {})
    return {error.field: error.message for error in found}


def test_the_notice_s_own_words_are_taken() -> None:
    assert (
        wrong(
            facts={
                "inquiry.reference": "INQ-1",
                "inquiry.from-recipient": True,
                "work.assignment-ends-on": "2026-01-31",
            }
        )
        == {}
    )


@pytest.mark.req("S1-042")
@pytest.mark.parametrize("basis", ["routine-use-13", "routine-use-0", "b13", "", "Routine-Use-1"])
def test_there_is_no_other_basis(basis: str) -> None:
    assert set(wrong(basis=basis)) == {"basis"}


def test_each_unknown_word_is_said_by_its_field_with_a_hint() -> None:
    found = wrong(recipient="congresional-office", purpose="anser-inquiry", facts={"inquiry.refrence": "X"})
    assert set(found) == {"recipient_kind", "purpose", "facts"}
    assert "Did you mean congressional-office?" in found["recipient_kind"]
    assert "Did you mean inquiry.reference?" in found["facts"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("inquiry.from-recipient", "yes"),
        ("inquiry.from-recipient", 1),
        ("inquiry.reference", True),
        ("inquiry.reference", ""),
        ("inquiry.reference", "a letter from Mrs. Jane Roe"),
        ("inquiry.reference", "x" * 101),
        ("inquiry.asked-by", "Jane Roe"),
        ("work.assignment-ends-on", "yesterday"),
        ("work.assignment-ends-on", "20260131"),
        ("elements", "everything of Jane Roe"),
        ("accuracy.reviewed", True),
        ("compatibility", True),
        ("agreement.approval", "APPROVAL-1"),
        ("consent.form", "written"),
        ("dispute.standing", "none"),
        ("tax.spans", "listed"),
    ],
)
def test_a_value_of_another_form_is_refused_by_name(name: str, value: FactValue) -> None:
    found = wrong(facts={name: value})
    assert set(found) == {f"facts.{name}"}
    assert "Roe" not in found[f"facts.{name}"]


def test_facts_that_only_the_service_knows_cannot_be_claimed() -> None:
    for name in (
        "recipient.kind",
        "recipient.standing",
        "purpose",
        "transcript.x",
        "routine-use-1.in-force",
        "relevance.by",
        "request",
    ):
        assert set(wrong(facts={name: "court"})) == {"facts"}


@pytest.mark.parametrize("value", ["123-45-6789", "ref/123456789", "SSN:123-45-6789"])
def test_what_looks_like_a_social_security_number_is_refused(value: str) -> None:
    assert "person's number" in wrong(facts={"inquiry.reference": value})["facts.inquiry.reference"]
    assert vocabulary.looks_personal({"inquiry.reference": value})
    assert vocabulary.looks_personal({value: True})


def test_an_id_is_not_taken_for_a_person_s_number() -> None:
    one = "0195a7c2-5e3c-7d40-a123-456789abcdef"
    assert not vocabulary.looks_personal({"inquiry.reference": one})
    assert "facts.inquiry.reference" not in wrong(facts={"inquiry.reference": one})


def test_nobody_needs_more_than_sixty_facts() -> None:
    assert wrong(facts={f"fact-{n}": True for n in range(61)}) == {"facts": "there are more than 60 facts"}
