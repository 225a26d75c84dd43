"""The state machine of individuals' requests: exhaustively, by random walks, and against the table of permissions."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from common.access import PERMISSIONS
from disclosure.individuals.states import KINDS, NOTHING_YET, Kind, Machine, diagram, machine

DRAWN = machine()
ACTS = sorted({move.act for move in DRAWN.moves})


def reached(kind: Kind) -> set[str]:
    """Every state that a request of this kind can come to."""
    found, waiting = set[str](), [NOTHING_YET]
    while waiting:
        state = waiting.pop()
        after = {m.to for m in DRAWN.moves if state in m.from_ and kind in m.kinds} - found
        found |= after
        waiting += after
    return found


def test_every_state_is_reached_and_every_open_one_can_be_left() -> None:
    assert set().union(*map(reached, KINDS)) == set(DRAWN.states)
    for kind in KINDS:
        for state in reached(kind) - {name for name, s in DRAWN.states.items() if s.final}:
            leaves = {m.to for m in DRAWN.moves if state in m.from_ and kind in m.kinds} - {state}
            # A correction or a notification that is granted is done; nothing more is to be said.
            done = state in {"granted", "granted-on-review"} and kind != "access"
            final_for_kind = state == "final-refusal" and kind != "amendment"
            assert leaves or done or final_for_kind, (kind, state)


@pytest.mark.req("S1-112", "S1-118")
def test_no_way_to_a_decision_goes_round_the_identity_gate() -> None:
    """From the beginning, with identity never proved, nothing is reached but pending, sent on, withdrawn."""
    for kind in KINDS:
        found, waiting = set[str](), [NOTHING_YET]
        while waiting:
            state = waiting.pop()
            moves = [
                m for m in DRAWN.moves if state in m.from_ and kind in m.kinds and m.when.get("verified") is not True
            ]
            after = {m.to for m in moves} - found
            found |= after
            waiting += after
        assert found == {"identity-pending", "rerouted", "withdrawn"}


@pytest.mark.req("S1-117")
def test_an_amendment_is_decided_after_it_was_acknowledged_and_never_before() -> None:
    for outcome in ("granted", "granted-in-part", "refused"):
        facts: dict[str, bool | str] = {"outcome": outcome}
        assert DRAWN.after("decide", "received", "amendment", facts) is None
        assert DRAWN.after("decide", "acknowledged", "amendment", facts) is not None


def test_a_review_is_extended_once() -> None:
    assert DRAWN.after("extend-review", "review-requested", "amendment", {}) == "review-extended"
    assert DRAWN.after("extend-review", "review-extended", "amendment", {}) is None


def test_a_notification_is_answered_and_never_refused() -> None:
    assert "refused" not in reached("notification")


def test_a_final_state_is_not_left() -> None:
    for act, state, kind, facts in DRAWN.combinations():
        if state and DRAWN.states[state].final:
            assert DRAWN.after(act, state, kind, facts) in {None, state}


def test_every_operation_that_moves_a_request_stands_in_the_table_of_permissions() -> None:
    known = {name for name in PERMISSIONS.rows if name.startswith("individual.")}
    reading = {"individual.list-own", "individual.read-own", "individual.read-identity-table", "individual.list",
               "individual.read", "individual.search-others", "individual.settle-redactions",
               "individual.read-disputes"}  # fmt: skip
    assert DRAWN.operations() | reading == known


def test_who_may_decide_is_no_customer_and_who_extends_is_the_heads_office() -> None:
    assert set(PERMISSIONS.rows["individual.decide"].grants) == {"privacy_officer"}
    assert set(PERMISSIONS.rows["individual.extend-review"].grants) == {"hq_admin"}


def test_a_table_in_which_an_act_leads_to_two_places_does_not_load() -> None:
    document = DRAWN.model_dump(by_alias=True)
    document["moves"] = [*document["moves"], {**document["moves"][0], "to": "received"}]
    with pytest.raises(ValueError, match="two places"):
        Machine.model_validate(document)


def test_the_diagram_shows_every_move() -> None:
    drawn = diagram(DRAWN)
    assert drawn.count("-->") == sum(len(m.from_) for m in DRAWN.moves) + sum(s.final for s in DRAWN.states.values())


class Walk(RuleBasedStateMachine):
    """Any acts in any order, on any facts: what the law forbids never comes about."""

    def __init__(self) -> None:
        super().__init__()
        self.state, self.kind, self.proved, self.acknowledged = NOTHING_YET, KINDS[0], False, False
        self.past: list[str] = []

    @rule(kind=st.sampled_from(KINDS))
    def another_kind(self, kind: Kind) -> None:
        if self.state == NOTHING_YET:
            self.kind = kind

    @rule(
        act=st.sampled_from(ACTS),
        verified=st.booleans(),
        clear=st.booleans(),
        right_door=st.booleans(),
        outcome=st.sampled_from(["granted", "granted-in-part", "refused"]),
    )
    def act(self, act: str, *, verified: bool, clear: bool, right_door: bool, outcome: str) -> None:
        facts: dict[str, bool | str] = {
            "verified": verified,
            "clear": clear,
            "right_door": right_door,
            "acknowledged": self.acknowledged,
            "outcome": outcome,
        }
        to = DRAWN.after(act, self.state, self.kind, facts)
        if to is None:
            return
        if act in {"take-in", "prove-identity"}:
            self.proved = self.proved or verified
        self.acknowledged = self.acknowledged or act == "acknowledge"
        self.state = to
        self.past.append(act)

    @invariant()
    def nothing_is_decided_about_somebody_unproved(self) -> None:
        assert self.proved or not {"decide", "deliver", "ask-back"} & set(self.past)

    @invariant()
    def a_statement_follows_a_review_that_follows_a_decision(self) -> None:
        for act, before in (("disagree", "decide-review"), ("decide-review", "ask-review"), ("ask-review", "decide")):
            if act in self.past:
                assert before in self.past[: self.past.index(act)]

    @invariant()
    def an_amendment_is_acknowledged_once_and_before_its_decision(self) -> None:
        assert self.past.count("acknowledge") <= 1
        if self.kind == "amendment" and "decide" in self.past:
            assert "acknowledge" in self.past[: self.past.index("decide")]

    @invariant()
    def it_is_decided_once_and_reviewed_once(self) -> None:
        for act in ("decide", "decide-review", "extend-review", "disagree", "take-in"):
            assert self.past.count(act) <= 1


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
