"""The register of purposes and the table of permissions, and what each answers."""

from typing import Any

import pytest

from common.access import PERMISSIONS, PURPOSES, Permit, Reach
from common.access.loading import table_from
from common.access.purposes import purposes_from
from common.access.table import Facts, Refusal, Row, decide

CARD = frozenset({"sc", "pin"})
GOOD = {"means": "Look", "kind": "notice", "authorities": ["42 U.S.C. 405(a)"], "source": "S1 purposes"}
NEEDS = {
    "service": "transcripts",
    "at": "GET /v1/things/{id}",
    "does": "Read a thing",
    "personal": "others",
    "roles": {
        "agent": {"scope": "own", "purposes": ["training"]},
        "customer": {"scope": "own", "implied": "own-record"},
    },
}


def table(**changes: Any) -> Row:
    row = {key: value for key, value in (NEEDS | changes).items() if value is not None}
    return table_from({"operations": {"thing.read": row}}).rows["thing.read"]


def ask(row: Row, *roles: str, **facts: Any) -> Permit | Refusal:
    return decide(row, Facts(frozenset(roles), **({"factors": CARD} | facts)))


def why(answer: Permit | Refusal) -> str:
    return answer.why if isinstance(answer, Refusal) else "let in"


class TestRegister:
    @pytest.mark.req("S1-013")
    @pytest.mark.parametrize("authorities", [None, [], [""], [" "]])
    def test_a_purpose_without_authority_does_not_load(self, authorities: list[str] | None) -> None:
        assert purposes_from({"purposes": {"look": GOOD}})["look"].authorities == ("42 U.S.C. 405(a)",)
        bad = {k: v for k, v in (GOOD | {"authorities": authorities}).items() if v is not None}
        with pytest.raises(ValueError, match=r"look\.authorities"):
            purposes_from({"purposes": {"look": bad}})

    @pytest.mark.req("S1-013")
    def test_what_the_notice_publishes_stands_on_its_two_sections(self) -> None:
        published = [p for p in PURPOSES.values() if p.kind == "notice" and p.source.startswith("S1")]
        assert len(published) == 6
        assert {p.authorities for p in published} == {("42 U.S.C. 405(a)", "42 U.S.C. 902(a)(5)")}

    @pytest.mark.parametrize("code", ["own_record", "Own-record", "", "x" * 41, "123-45-6789"])
    def test_codes_are_hyphenated_words(self, code: str) -> None:
        with pytest.raises(ValueError, match=r"purposes|pattern|at most"):
            purposes_from({"purposes": {code: GOOD}})


class TestLoading:
    @pytest.mark.parametrize(
        ("changes", "said"),
        [
            ({"roles": None}, "has to be said"),
            ({"personal": None}, "has to be said"),
            ({"roles": {"king": {"scope": "any", "implied": "audit"}}}, "no such role"),
            ({"roles": {"agent": {"scope": "world", "implied": "audit"}}}, "scope"),
            ({"roles": {"agent": {"scope": "any", "purposes": ["curiosity"]}}}, "not in the register"),
            ({"roles": {"agent": {"scope": "any"}}}, "needs its purposes"),
            ({"no_purpose": "why not"}, "needs its purposes"),
            ({"public": "for all"}, "open to everybody"),
            ({"public": "", "roles": None, "personal": None}, "public"),
            ({"at": "GET"}, "at"),
            ({"service": "mail"}, "service"),
            ({"remark": "x"}, "remark"),
        ],
    )
    def test_a_row_that_does_not_hold_together_does_not_load(self, changes: dict[str, Any], said: str) -> None:
        with pytest.raises(ValueError, match=said):
            table(**changes)

    def test_two_operations_cannot_stand_at_one_place(self) -> None:
        with pytest.raises(ValueError, match="same place"):
            table_from({"operations": {"a.b": NEEDS, "a.c": NEEDS}})

    def test_a_role_that_is_named_counts_before_its_group(self) -> None:
        row = table(roles={"agent": NEEDS["roles"]["agent"], "everyone": {"scope": "any", "implied": "audit"}})  # type: ignore[index]
        assert row.grants["agent"].scope == "own"
        assert row.grants["auditor"].scope == row.grants["portal"].scope == "any"


class TestAnswers:
    def test_a_role_gets_in_for_its_purpose_and_as_far_as_it_reaches(self) -> None:
        answer = ask(table(), "agent", stated="training")
        assert isinstance(answer, Permit)
        assert (answer.purpose, set(answer.roles), answer.unlimited) == ("training", {"agent"}, False)
        assert answer.covers(Reach(own=True))
        assert not answer.covers(Reach(office=True, region=True, subordinate=True, controlled_office=True))

    @pytest.mark.req("S1-093")
    def test_a_role_without_the_duty_is_refused(self) -> None:
        assert why(ask(table(), "auditor", stated="audit")) == "role"

    @pytest.mark.req("S1-094")
    def test_an_account_without_a_profile_is_not_logged_in(self) -> None:
        assert why(ask(table(), stated="training")) == "profile"
        incomplete = ask(table(), "agent", stated="training", gaps=("pin", "office"))
        assert isinstance(incomplete, Refusal)
        assert (incomplete.why, incomplete.missing) == ("profile", ("token.pin", "token.office"))

    @pytest.mark.req("S1-095", "S1-096")
    @pytest.mark.parametrize("factors", [set(), {"pin"}, {"pwd"}, {"sc"}, {"hwk", "pin"}, {"pwd", "otp", "mfa"}])
    def test_an_employee_without_card_and_pin_is_not_logged_in(self, factors: set[str]) -> None:
        assert why(ask(table(), "agent", stated="training", factors=frozenset(factors))) == "factors"
        assert why(ask(table(), "agent", "customer", factors=frozenset(factors))) == "factors"
        assert why(ask(table(), "customer", factors=frozenset(factors))) == "let in"

    @pytest.mark.req("S1-014")
    @pytest.mark.parametrize("stated", ["", "curiosity", "audit", "own-record", "Training"])
    def test_a_purpose_outside_the_roles_list_is_refused_with_what_is_possible(self, stated: str) -> None:
        answer = ask(table(), "agent", stated=stated)
        assert isinstance(answer, Refusal)
        assert (answer.why, answer.possible) == ("purpose", ("training",))
        assert not stated or stated not in answer.detail

    def test_a_purpose_is_implied_only_where_every_role_of_the_caller_implies_it(self) -> None:
        alone = ask(table(), "customer")
        assert isinstance(alone, Permit)
        assert alone.purpose == "own-record"
        assert why(ask(table(), "customer", "agent")) == "purpose"

    def test_where_no_purpose_is_taken_one_of_the_register_decides_nothing(self) -> None:
        row = table(no_purpose="a machine reports", roles={"case_system": {"scope": "any"}})
        assert why(ask(row, "case_system")) == "let in"
        answer = ask(row, "case_system", stated="audit")
        assert isinstance(answer, Permit)
        assert answer.purpose == ""
        assert why(ask(row, "case_system", stated="curiosity")) == "purpose"

    @pytest.mark.req("S1-099", "S1-101")
    def test_standing_is_asked_where_others_records_are_touched_and_of_employees_only(self) -> None:
        lapsed = {"lapsed": ("training_date",)}
        answer = ask(table(), "agent", stated="training", **lapsed)
        assert isinstance(answer, Refusal)
        assert (answer.why, answer.missing) == ("standing", ("token.training_date",))
        assert why(ask(table(personal="own"), "agent", stated="training", **lapsed)) == "let in"
        assert why(ask(table(), "customer", **lapsed)) == "let in"

    @pytest.mark.parametrize(
        ("facts", "missing"),
        [
            ({"ial": 1, "aal": 2, "age": 10}, ("token.ial",)),
            ({"ial": 2, "aal": 1, "age": 10}, ("token.aal",)),
            ({"ial": 2, "aal": 2, "age": 601}, ("token.auth_time",)),
            ({"ial": 2, "aal": 2}, ("token.auth_time",)),
            ({}, ("token.ial", "token.aal", "token.auth_time")),
        ],
    )
    def test_a_weak_or_stale_proof_has_to_be_renewed(self, facts: dict[str, Any], missing: tuple[str, ...]) -> None:
        row = table(assurance={"ial": 2, "aal": 2, "max_age": 600})
        assert why(ask(row, "customer", ial=2, aal=2, age=600)) == "let in"
        answer = ask(row, "customer", **facts)
        assert isinstance(answer, Refusal)
        assert (answer.why, answer.missing) == ("assurance", missing)


def test_every_operation_of_the_platform_says_what_it_does_and_whom_it_lets_in() -> None:
    for row in PERMISSIONS.rows.values():
        assert row.does
        assert bool(row.public) != bool(row.grants), row.operation
