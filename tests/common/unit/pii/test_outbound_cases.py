"""Every row of `outbound-cases.yaml`."""

import pytest

from common.pii.outbound import judge
from common.pii.outbound_rules import rules
from common.pii.sanitising import sanitised
from tests.common.unit.pii.outbound_kit import AGENCY, CASES, Case

ROWS = [pytest.param(c, id=c.name, marks=[pytest.mark.req(*c.shows)] if c.shows else []) for c in CASES]


@pytest.mark.parametrize("case", ROWS)
def test_case_of_the_table(case: Case) -> None:
    answer = judge(case.message, AGENCY)
    assert [violation.rule for violation in answer.violations] == case.expected["breaks"]
    assert answer.judgement == ("block" if case.expected["breaks"] else "allow")
    if "places" in case.expected:
        assert {finding.place for finding in answer.offending} == set(case.expected["places"])
    if "instead" in case.expected:
        assert all(list(violation.instead) == case.expected["instead"] for violation in answer.violations)
    if "warns" in case.expected:
        assert [warning.rule for warning in answer.warnings] == case.expected["warns"]


@pytest.mark.req("S2-050")
@pytest.mark.parametrize("case", [c for c in CASES if c.expected["breaks"]], ids=lambda case: case.name)
def test_what_is_blocked_says_why_what_to_change_and_where_else_it_may_go(case: Case) -> None:
    for violation in judge(case.message, AGENCY).violations:
        assert violation.cites
        assert violation.says
        assert violation.change
        assert violation.instead or {finding.place for finding in violation.findings} == {"subject"}


def test_every_rule_breaks_in_a_case_and_every_warning_is_given() -> None:
    broken = {rule for case in CASES for rule in case.expected["breaks"]}
    assert broken == {rule.id for rule in rules().rules} | {rules().media.id}
    assert {w for case in CASES for w in case.expected.get("warns", [])} == {w.id for w in rules().warnings}


@pytest.mark.req("S2-049")
@pytest.mark.parametrize("case", [c for c in CASES if c.message.channel == "email"], ids=lambda case: case.name)
def test_every_mail_of_the_table_can_go_when_sanitised(case: Case) -> None:
    clean = sanitised(case.message, AGENCY)
    assert clean.answer.judgement == "allow"
    assert clean.answer.violations == ()
    if case.expected["breaks"]:
        assert clean.removed
        assert clean.instead
    else:
        assert clean.message == case.message
        assert (clean.removed, clean.left_out, clean.instead) == ((), (), ())
