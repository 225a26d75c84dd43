"""The service and a second reading of the sources (tests/disclosure/oracle) agree, on every combination that can be gone through."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from common.contracts.disclosure import FactValue
from disclosure.policy import agency_day
from disclosure.question import Question
from tests.disclosure.cases import (
    BASES,
    CONDITIONS,
    NOON,
    REQUEST,
    USES,
    base,
    decide,
    rows,
    rules_for,
    signature,
    signed_facts,
    without,
)  # fmt: skip
from tests.disclosure.oracle.judge import FEDERAL, KNOWN, NO, OPEN, SHEETS, judge

FULL = 6_000
"""Up to so many combinations of a basis are all gone through; beyond that each pair of facts in every state, and a sample."""
SAMPLE = 1_500

OTHER = "0195a7c2-0000-7000-8000-00000000000f"
State = dict[str, FactValue]


def states(basis: str) -> list[list[State]]:
    """For each fact of the tables' cases: every way in which it is said anywhere there, wrongly, or not at all."""
    cases = [case.question.facts for case in rows(basis)]
    findings = signed_facts(basis) & {name for facts in cases for name in facts}
    ways: list[list[State]] = []
    for fact in sorted({name for facts in cases for name in facts}):
        if any(fact.startswith(f"{finding}.") for finding in findings):
            continue
        if fact in findings:
            whole: State = {fact: True, **signature(fact)}
            ways.append(
                [whole, {}, {**whole, fact: False}, {**whole, f"{fact}.request": OTHER}, {**whole, f"{fact}.by": ""}]
            )
            continue
        values = dict.fromkeys(facts[fact] for facts in cases if fact in facts)
        wrong: list[FactValue] = [False] if any(isinstance(v, bool) for v in values) else ["something-else"]
        ways.append([{}, *({fact: value} for value in dict.fromkeys([*values, *wrong]))])
    return ways


def combinations(basis: str) -> Iterator[State]:
    ways = states(basis)
    total = 1
    for options in ways:
        total *= len(options)
    if total <= FULL:
        for chosen in itertools.product(*ways):
            yield {name: value for state in chosen for name, value in state.items()}
        return
    for case in {str(case.question.facts): case for case in rows(basis) if case.outcome == "allow"}.values():
        facts = case.question.facts
        for one, two in itertools.combinations(ways, 2):
            touched = [name for state in (*one, *two) for name in state]
            for first, second in itertools.product(one, two):
                yield {**without(facts, *touched), **first, **second}
    dice = random.Random(552)  # noqa: S311 - which are drawn is no secret
    for _ in range(SAMPLE):
        yield {name: value for options in ways for name, value in dice.choice(options).items()}


def agrees(question: Question) -> None:
    decision = decide(question)
    own = ("published", "comment-period-over", "reported-to-omb", "reported-to-congress", "in-force")
    steps = {
        s.fact: s.answer for s in decision.steps if not s.fact.startswith("transcript.") and not s.fact.endswith(own)
    }
    said = judge(
        question.basis, to=question.recipient_kind, purpose=question.purpose, facts=dict(question.facts),
        request=str(REQUEST), today=agency_day(NOON),
    )  # fmt: skip
    assert {fact for fact, answer in steps.items() if answer == "no"} == {f for f, mark in said.items() if mark == NO}
    assert {fact for fact, answer in steps.items() if answer == "not-shown"} == {
        f for f, mark in said.items() if mark == OPEN
    }
    least = min(said.values())
    assert decision.outcome == ("deny" if least == NO else "undecided" if least == OPEN else "allow")


@pytest.mark.req("S1-042")
def test_both_know_the_same_bases() -> None:
    assert set(SHEETS) == set(BASES) == {*USES, *CONDITIONS, "all-019.performance-appeal"}


@pytest.mark.parametrize("basis", BASES)
def test_both_agree_on_every_combination_of_facts(basis: str) -> None:
    question = base(basis)
    for facts in combinations(basis):
        agrees(replace(question, facts=facts))


@pytest.mark.parametrize("basis", BASES)
def test_both_agree_on_every_recipient_and_purpose(basis: str) -> None:
    notice = rules_for(basis).notice
    for kind, purpose in itertools.product(notice.recipients, sorted(notice.purposes())):
        for question in (base(basis), replace(base(basis), facts={})):
            agrees(replace(question, recipient_kind=kind, purpose=purpose))


@pytest.mark.parametrize("basis", ["routine-use-1", "all-019.performance-appeal"])
def test_both_hold_the_same_bodies_for_agencies_and_know_the_same_elements(basis: str) -> None:
    notice = rules_for(basis).notice
    assert {kind for kind, one in notice.recipients.items() if one.standing == "agency"} == FEDERAL
    assert set(KNOWN[notice.system]) == set(notice.record_elements)
