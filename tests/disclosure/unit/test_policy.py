"""Properties of deciding that hold for every routine use, whatever its elements are."""

import itertools
import random
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.contracts.disclosure import FactValue
from disclosure import policy, rulebook
from disclosure.model import Element
from disclosure.question import Question, TaxSpan
from tests.disclosure.cases import (
    BASES,
    NOON,
    TRANSCRIPT,
    USES,
    base,
    decide,
    rows,
    rules_for,
    stands_against,
    with_facts,
)

OTHER = UUID("0195a7c2-0000-7000-8000-00000000000f")
MOST_ROWS = 3**8

# Facts on which others hang: without them, or with another value, the others are not asked.
SELECTORS = {
    "letter", "tax.return-information", "inquiry.asked-by", "necessity.extent", "litigation.represented-by",
    "consent.signer", "law.signed-by", "court.process", "elements", "dispute.standing",
}  # fmt: skip
ALLOWED = [case.question for basis in BASES for case in rows(basis) if case.outcome == "allow"]

Shown = Literal["good", "bad", "absent"]


def by_fact(basis: str) -> dict[str, Element]:
    rules = rules_for(basis)
    return {e.fact: e for e in (*rules.notice.bar, *rules.notice.common, *rules.bases[basis].elements)}


def spoiled(element: Element) -> FactValue | None:
    """A value of the right type that answers the element with no; None where there is none (a mark is a mark)."""
    if isinstance(element.accepts, tuple):
        return "something-else"
    return {
        "finding": False, "signed-finding": False, "reference": None,
        "day-reached": "2031-01-01", "day-not-passed": "2020-01-01",
        "recipient-kind": "nobody", "elements-named": "whole-record", "elements-covered": "nothing",
    }[element.accepts]  # fmt: skip


def truth_table(question: Question) -> Iterator[tuple[Question, set[str], set[str]]]:
    """The allowed question with each fact good, bad or absent, in every combination; the facts bad, and those absent.

    Where there are more than 3^8 combinations: every one in which at most two facts are not good, and a fixed sample.
    """
    elements = by_fact(question.basis)
    asked = {step.fact for step in decide(question).steps}
    names = [name for name in question.facts if name in asked and name not in SELECTORS]
    states: list[list[Shown]] = [
        ["good", "absent"] if spoiled(elements[name]) is None else ["good", "bad", "absent"] for name in names
    ]
    for combination in _combinations(states):
        shown = dict(zip(names, combination, strict=True))
        facts = {n: v for n, v in question.facts.items() if shown.get(n) != "absent"}
        for name, state in shown.items():
            worse = spoiled(elements[name])
            if state == "bad" and worse is not None:
                facts[name] = worse
        yield (
            replace(question, facts=facts),
            {n for n, s in shown.items() if s == "bad"},
            {n for n, s in shown.items() if s == "absent"},
        )


def _combinations(states: list[list[Shown]]) -> Iterator[tuple[Shown, ...]]:
    total = 1
    for options in states:
        total *= len(options)
    if total <= MOST_ROWS:
        yield from itertools.product(*states)
        return
    good: list[Shown] = ["good"] * len(states)
    for one, two in itertools.combinations(range(len(states)), 2):
        for first, second in itertools.product(states[one], states[two]):
            row = good.copy()
            row[one], row[two] = first, second
            yield tuple(row)
    dice = random.Random(60_0383)  # noqa: S311 - which rows are drawn is no secret
    for _ in range(1000):
        yield tuple(dice.choice(options) for options in states)


@pytest.mark.parametrize("question", ALLOWED, ids=lambda q: f"{q.basis} to {q.recipient_kind}")
def test_one_no_denies_else_what_is_absent_is_named_else_it_is_allowed(question: Question) -> None:
    for changed, bad, absent in truth_table(question):
        decision = decide(changed)
        if bad:
            assert decision.outcome == "deny"
            assert stands_against(decision) == bad
            assert decision.missing == ()
        elif absent:
            assert decision.outcome == "undecided"
            assert set(decision.missing) == absent
        else:
            assert decision.outcome == "allow"


@pytest.mark.parametrize("question", ALLOWED, ids=lambda q: f"{q.basis} to {q.recipient_kind}")
def test_showing_what_is_missing_leads_to_allow_or_to_another_named_lack(question: Question) -> None:
    """Facts are shown one after the other, in any order: nothing but undecided comes before allow."""
    dice = random.Random(552)  # noqa: S311 - which orders are tried is no secret
    for _ in range(20):
        order = dice.sample(sorted(question.facts), len(question.facts))
        shown: dict[str, FactValue] = {}
        for name in order:
            before = decide(replace(question, facts=shown))
            assert before.outcome in {"undecided", "allow"}
            assert bool(before.missing) is (before.outcome == "undecided")
            shown = {**shown, name: question.facts[name]}
        assert decide(replace(question, facts=shown)).outcome == "allow"


@pytest.mark.req("S1-040", "S1-041")
@pytest.mark.parametrize("question", ALLOWED, ids=lambda q: f"{q.basis} to {q.recipient_kind}")
def test_the_bar_on_tax_information_yields_to_no_basis(question: Question) -> None:
    """Whatever is said of a line: without a statute, the IRS or its regulation, and the place where it says so, it stays."""
    for authority in ("statute", "irs", "irs-regulation", "agency-policy", "consent", "routine-use", "Statute", ""):
        for place in ("26-USC-6103-l-1", ""):
            span = TaxSpan(TRANSCRIPT, 4, 9, authority, place)
            decision = decide(replace(question, spans=(span,)))
            assert decision.outcome == "allow"
            lawful = authority in {"statute", "irs", "irs-regulation"} and bool(place)
            assert decision.withheld == (() if lawful else (span,))
            assert not decision.withheld or policy.layer_obstacle(question, decision, "original")


def test_the_bar_comes_first_and_holds_while_everything_else_is_open() -> None:
    for basis in BASES:
        span = TaxSpan(TRANSCRIPT, 1, 1)
        bare = decide(replace(base(basis), facts={}, spans=(span,)))
        assert bare.outcome == "undecided"
        assert [step.fact for step in bare.steps[:2]] == ["tax.return-information", "tax.spans"]
        unlisted = decide(with_facts(base(basis), {"tax.return-information": "included", "tax.spans": "listed"}))
        assert unlisted.missing == ("tax.spans",)


def test_whether_there_is_tax_information_has_to_be_said() -> None:
    for basis in BASES:
        decision = decide(with_facts(base(basis), {}, "tax.return-information"))
        assert decision.missing == ("tax.return-information",)


def test_where_tax_information_is_withheld_the_original_does_not_go() -> None:
    for said, layer, obstacle in (
        ("withheld", "original", "tax.return-information"), ("withheld", "redacted", None), ("absent", "original", None),
    ):  # fmt: skip
        question = with_facts(base("routine-use-7"), {"tax.return-information": said})
        assert policy.layer_obstacle(question, decide(question), layer) == obstacle


@pytest.mark.req("S1-004")
@pytest.mark.parametrize("basis", USES)
def test_a_routine_use_permits_nothing_before_its_own_day(basis: str) -> None:
    """The notice holds from 3 August 2017, its routine uses from 2 September: midnight at the agency's seat."""
    notice = rulebook.current().notice
    assert notice.effective_on.isoformat() == "2017-08-03"
    first_moment = datetime(2017, 9, 2, 4, 0, tzinfo=UTC)
    # What bears a day of its own is put aside: only the routine use's day is looked at here.
    question = with_facts(base(basis), {n: "2017-08-01" for n in base(basis).facts if n.endswith((".on", "begins-on"))})
    assert decide(question, at=first_moment).outcome == "allow"
    early = decide(question, at=first_moment - timedelta(seconds=1))
    assert early.outcome == "deny"
    assert stands_against(early) == {f"{basis}.in-force", f"{basis}.comment-period-over"}


@pytest.mark.req("S1-042")
@pytest.mark.parametrize("basis", USES)
def test_only_the_recipients_and_purposes_that_were_published_are_served(basis: str) -> None:
    notice = rulebook.current().notice
    use = next(u for u in notice.routine_uses if u.id == basis)
    for kind in set(notice.recipients) - set(use.recipients):
        decision = decide(replace(base(basis), recipient_kind=kind))
        assert decision.outcome == "deny"
        assert "recipient.kind" in stands_against(decision)
    for purpose in notice.purposes() - set(use.purposes):
        decision = decide(replace(base(basis), purpose=purpose))
        assert decision.outcome == "deny"
        assert "purpose" in stands_against(decision)


@pytest.mark.parametrize("basis", USES)
def test_the_agency_s_own_staff_get_no_release(basis: str) -> None:
    decision = decide(replace(base(basis), recipient_kind="agency-employee"))
    assert decision.outcome == "deny"
    assert any(step.citation == "5 U.S.C. 552a(b)(1)" for step in decision.reasons)


@pytest.mark.parametrize(("basis", "citation"), [("b1", "552a(b)(1)"), ("b12", "552a(b)(12)")])
def test_some_bases_never_open_the_way_out(basis: str, citation: str) -> None:
    decision = decide(replace(base("routine-use-7"), basis=basis))
    assert decision.outcome == "deny"
    assert citation in decision.reasons[0].citation


@pytest.mark.parametrize("basis", BASES)
def test_no_element_is_idle(basis: str) -> None:
    """Each element of each basis decides alone in some case: it is reached, and nothing else already says the same."""
    decisive = set()
    for case in rows(basis):
        if case.outcome != "allow":
            continue
        for name, element in by_fact(basis).items():
            worse = spoiled(element)
            for changed in (
                with_facts(case.question, {}, name),
                with_facts(
                    case.question, {name: worse} if worse is not None else {}, *([name] if worse is None else [])
                ),
            ):
                decision = decide(changed)
                if {step.fact for step in decision.steps if step.answer != "yes"} == {name}:
                    decisive.add(name)
    idle = {e.fact for e in rules_for(basis).bases[basis].elements} - decisive
    # Naming nothing, or everything, is also nothing that a paper could cover; what is medical is told by the elements.
    assert idle <= ({"consent": {"elements", "elements.medical"}, "routine-use-4": {"elements"}}.get(basis, set()))


@pytest.mark.parametrize("basis", BASES)
def test_no_basis_shadows_another(basis: str) -> None:
    """For each basis there is a question that it allows and every other basis denies or leaves undecided."""
    question = base(basis)
    for other in set(BASES) - {basis}:
        if rules_for(other).notice.system == rules_for(basis).notice.system:
            assert decide(replace(question, basis=other)).outcome != "allow"


@pytest.mark.parametrize("basis", USES)
def test_a_transcript_that_was_not_heard_of_is_named_as_missing(basis: str) -> None:
    question = replace(base(basis), transcript_ids=(TRANSCRIPT, OTHER))
    assert decide(question).missing == (f"transcript.{OTHER}",)
    assert decide(replace(question, sealed=frozenset({TRANSCRIPT, OTHER}))).outcome == "allow"


@pytest.mark.parametrize("basis", USES)
def test_every_step_cites_and_every_outcome_has_reasons(basis: str) -> None:
    for case in rows(basis):
        decision = decide(case.question)
        assert decision.reasons
        assert all(step.citation and step.asks for step in decision.steps)
        assert decision.rule_version == rulebook.current().version


@pytest.mark.parametrize("basis", USES)
def test_the_same_facts_give_the_same_decision(basis: str) -> None:
    for case in rows(basis):
        backwards = replace(case.question, facts=dict(reversed(list(case.question.facts.items()))))
        assert decide(case.question) == decide(backwards)


@given(
    facts=st.dictionaries(
        st.sampled_from(sorted({e.fact for e in rulebook.current().notice.elements()})),
        st.sampled_from([True, False, 0, 1, "", "x", "a", "irs", "statute", "included", "2026-01-01", "2031-01-01"]),
        max_size=20,
    ),
    basis=st.sampled_from(USES),
)
def test_whatever_is_said_allow_means_that_every_step_says_yes(facts: Mapping[str, FactValue], basis: str) -> None:
    decision = decide(with_facts(base(basis), facts))
    answers = {step.answer for step in decision.steps}
    assert (decision.outcome == "allow") is (answers == {"yes"})
    assert (decision.outcome == "deny") is ("no" in answers)
    assert bool(decision.missing) is (decision.outcome == "undecided")


@pytest.mark.parametrize("value", [1, "true", "yes"])
def test_a_value_of_another_type_shows_nothing(value: FactValue) -> None:
    decision = decide(with_facts(base("routine-use-1"), {"inquiry.from-recipient": value}))
    assert decision.missing == ("inquiry.from-recipient",)


@pytest.mark.parametrize(
    ("changes", "answer"),
    [
        ({}, "yes"), ({"relevance": False}, "no"), ({"relevance.request": str(OTHER)}, "no"),
        ({"relevance.request": "request"}, "no"), ({"relevance.on": "2031-01-01"}, "no"),
        ({"relevance.on": "soon"}, "not-shown"), ({"relevance.by": ""}, "not-shown"), ({"relevance.role": ""}, "not-shown"),
        ({"relevance.record": ""}, "not-shown"), ({"relevance": "true"}, "not-shown"), ({"relevance": 1}, "not-shown"),
    ],
)  # fmt: skip
@pytest.mark.req("S1-054")
def test_a_finding_counts_only_signed_in_every_part_and_for_this_request(
    changes: dict[str, FactValue], answer: str
) -> None:
    decision = decide(with_facts(base("routine-use-3"), changes))
    assert [step.answer for step in decision.steps if step.fact == "relevance"] == [answer]


@pytest.mark.req("S1-061")
def test_an_allowance_holds_until_the_first_fact_runs_out() -> None:
    assert decide(base("routine-use-5")).holds_until is not None
    assert str(decide(base("routine-use-5")).holds_until) == "2026-06-30"
    assert decide(base("routine-use-7")).holds_until is None
    last_moment = policy.end_of_day(decide(base("routine-use-5")).holds_until or NOON.date())
    assert last_moment == datetime(2026, 7, 1, 4, tzinfo=UTC)
    assert decide(base("routine-use-5"), at=last_moment - timedelta(seconds=1)).outcome == "allow"
    assert decide(base("routine-use-5"), at=last_moment).outcome == "deny"
