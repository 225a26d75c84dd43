"""Incidents by their rules alone: machines by random walks, who is affected, the three factors, the clocks, the letter."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from common.access import PERMISSIONS
from common.pii.taxonomy import load
from disclosure.incidents import affected, clocks, harm, letters
from disclosure.incidents.affected import Held
from disclosure.incidents.law_files import Risk, Trigger, limits, machines_of_incidents, risk, triggers
from disclosure.incidents.looking import quarter
from disclosure.machines import NOTHING_YET, diagram

DRAWN = machines_of_incidents()
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SSN, NAME = "social-security-number", "name"


@pytest.mark.parametrize("kind", DRAWN)
def test_every_state_is_reached_and_every_open_one_can_be_left(kind: str) -> None:
    machine = DRAWN[kind]
    found, waiting = set[str](), [NOTHING_YET]
    while waiting:
        state = waiting.pop()
        after = {m.to for m in machine.moves if state in m.from_} - found
        found |= after
        waiting += after
    assert found == set(machine.states)
    for name, one in machine.states.items():
        assert one.final == (not {m.to for m in machine.moves if name in m.from_} - {name}), name
    assert diagram(machine).count("-->") == sum(len(m.from_) for m in machine.moves) + sum(
        s.final for s in machine.states.values()
    )


def test_every_operation_that_moves_something_stands_in_the_table_of_permissions() -> None:
    known = {n for n in PERMISSIONS.rows if n.partition(".")[0] in {"incident", "recapture"}}
    beside = {"incident.list", "incident.read", "incident.log", "recapture.list", "incident.assess", "incident.notify",
              "incident.draft-disclosure"}  # fmt: skip
    assert set().union(*(m.operations() for m in DRAWN.values())) | beside == known
    assert set(PERMISSIONS.rows["incident.tell-region"].grants) == {"office_admin"}
    assert set(PERMISSIONS.rows["incident.report"].grants) == {"regional_admin"}
    assert set(PERMISSIONS.rows["recapture.sign-off"].grants) == {"regional_admin"}
    assert set(PERMISSIONS.rows["recapture.advise"].grants) == {"hq_admin"}


class Walk(RuleBasedStateMachine):
    """Any acts on an incident and a recapture in any order: what the bulletin forbids never comes about."""

    def __init__(self) -> None:
        super().__init__()
        self.states = dict.fromkeys(DRAWN, NOTHING_YET)
        self.past: dict[str, list[str]] = {kind: [] for kind in DRAWN}

    @rule(
        kind=st.sampled_from(sorted(DRAWN)),
        act=st.sampled_from(sorted({m.act for machine in DRAWN.values() for m in machine.moves})),
        outstanding=st.sampled_from(["none", "some", "given-up"]),
        back=st.sampled_from(["all", "some"]),
    )
    def act(self, kind: str, act: str, outstanding: str, back: str) -> None:
        before = self.states[kind]
        to = DRAWN[kind].after(act, before, {"outstanding": outstanding, "back": back})
        if to is None:
            return
        if act == "close":
            assert outstanding != "some"
        if before == "refused":
            assert act == "sign-off"
        if before == "escalated":
            assert act == "advise"
        self.states[kind] = to
        self.past[kind].append(act)

    @invariant()
    def each_is_told_before_the_next(self) -> None:
        self._in_order("incident", ["open", "tell-district", "tell-region", "report", "close"])

    @invariant()
    def a_refusal_goes_through_the_region_and_waits_for_advice(self) -> None:
        self._in_order("recapture", ["ask", "refuse", "sign-off", "escalate", "advise", "give-up"])

    def _in_order(self, kind: str, acts: list[str]) -> None:
        past = self.past[kind]
        for earlier, later in pairwise(acts):
            if later in past:
                assert earlier in past[: past.index(later)]


TestWalk = Walk.TestCase
TestWalk.settings = settings(max_examples=80, stateful_step_count=40, deadline=None)


@pytest.mark.req("S2-079", "S2-080")
def test_whatever_is_out_with_somebody_is_told_of_and_asked_back() -> None:
    for code in ("wrong-mail", "misfiled-release", "unredacted-release", "missed-pii"):
        assert triggers()[code].tasks == ("tell-district", "recapture")
    assert all("tell-district" in trigger.tasks for trigger in triggers().values())
    with pytest.raises(ValueError, match="of every incident"):
        Trigger(title="x", rests_on="records", holds="records", tasks=("recapture",), citation="x")


ITEMS, PEOPLE = [uuid4() for _ in range(3)], [uuid4() for _ in range(3)]
HELD = st.builds(
    Held, st.sampled_from(ITEMS), st.sampled_from(PEOPLE), st.sampled_from([SSN, NAME, "business-telephone", "case-number"]), st.booleans()
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(contents=st.lists(HELD, max_size=12), failed=st.sets(st.sampled_from(ITEMS)), missed=st.lists(HELD, max_size=3))
def test_who_is_affected_is_exactly_who_stood_in_what_left(
    contents: list[Held], failed: set[UUID], missed: list[Held]
) -> None:
    everything = affected.got_out("everything", contents, missed=missed)
    assert everything == [h for h in contents if h.stayed] + missed
    assert affected.got_out("failed-items", contents, failed=failed) == [h for h in contents if h.item in failed]
    assert affected.got_out("missed", contents, missed=missed) == missed
    found = {a.person: a for a in affected.affected(everything, load(), entitled=[PEOPLE[0]], dead=[PEOPLE[1]])}
    assert set(found) == {h.person for h in everything} - {PEOPLE[0], PEOPLE[1]}
    for person, one in found.items():
        assert set(one.kinds) == {h.kind for h in everything if h.person == person}
        assert set(one.protected) <= set(one.kinds)
        assert (SSN in one.kinds) <= (SSN in one.protected)


def test_a_name_is_protected_beside_what_is_and_harmless_alone() -> None:
    alone = affected.affected([Held(ITEMS[0], PEOPLE[0], NAME, stayed=True)], load())
    assert alone[0].protected == ()
    other_item = [Held(ITEMS[0], PEOPLE[0], NAME, stayed=True), Held(ITEMS[1], PEOPLE[1], SSN, stayed=True)]
    assert [a.protected for a in affected.affected(other_item, load()) if a.person == PEOPLE[0]] == [()]
    same_item = [Held(ITEMS[0], PEOPLE[0], NAME, stayed=True), Held(ITEMS[0], PEOPLE[1], SSN, stayed=True)]
    assert [a.protected for a in affected.affected(same_item, load()) if a.person == PEOPLE[0]] == [(NAME,)]


def answers(points: dict[str, str]) -> dict[str, str]:
    asked = {f"{f}.{q}": min(question.answers, key=lambda a: question.answers[a])
             for f, factor in risk().factors.items() for q, question in factor.questions.items() if q != harm.KINDS}  # fmt: skip
    return asked | points


def test_every_answer_counts_and_a_graver_one_never_makes_it_less_grave() -> None:
    for kinds in ((), (NAME,), ("date-of-birth",), (SSN,)):
        base = harm.weigh(answers({}), kinds, load())
        assert (base.missing, base.wrong) == ((), ())
        for f, factor in risk().factors.items():
            for q, question in factor.questions.items():
                if q == harm.KINDS:
                    continue
                for answer in question.answers:
                    graver = harm.weigh(answers({f"{f}.{q}": answer}), kinds, load())
                    assert harm.at_least(graver.level, base.level)
                    assert graver.points[f] == max(base.points[f], question.answers[answer])
    levels = {harm.weigh(answers({"type.intent": i, "likelihood.misuse": m}), k, load()).level
              for i, m, k in product(("unintentional", "intentional"), ("none", "shown"), ((), (SSN,)))}  # fmt: skip
    assert levels == {"low", "moderate", "high"}


def test_unknown_intent_counts_as_on_purpose_and_the_kinds_are_nobodys_to_state() -> None:
    intent = risk().factors["type"].questions["intent"].answers
    assert intent["unknown"] > intent["unintentional"]
    assert harm.weigh(answers({"sensitivity.kinds": "none-known"}), (SSN,), load()).wrong == ("sensitivity.kinds",)
    assert harm.weigh(answers({"type.intent": "maybe"}), (), load()).wrong == ("type.intent",)
    assert harm.weigh({}, (), load()).missing
    assert [harm.gravity(k, load()) for k in ((), (NAME,), ("home-address",), ("case-number",), (SSN,))] == [
        "none-known", "ordinary", "protected", "protected", "gravest"]  # fmt: skip
    document = risk().model_dump()
    with pytest.raises(ValueError, match="three factors"):
        Risk.model_validate(document | {"levels": document["levels"][:1]})
    assert set(risk().gravest) <= set(load().types)


@pytest.mark.req("S2-084")
def test_the_first_notice_runs_as_the_operator_set_it_and_lateness_is_told() -> None:
    def district(minutes_later: int, told_after: int | None = None) -> clocks.Clock:
        acts = {} if told_after is None else {"tell-district": NOON + timedelta(minutes=told_after)}
        now = NOON + timedelta(minutes=minutes_later)
        return clocks.clocks(NOON, acts, district_minutes=30, major=False, now=now)[0]

    assert district(0).due_at == NOON + timedelta(minutes=30)
    assert [district(30).late, district(31).late] == [False, True]
    assert [district(500, told_after=30).late, district(500, told_after=31).late] == [False, True]


def test_a_major_incident_is_told_to_the_congress_within_seven_days() -> None:
    names = {
        m: {c.name for c in clocks.clocks(NOON, {}, district_minutes=60, major=m, now=NOON)} for m in (False, True)
    }
    assert names[True] - names[False] == {"congress"}
    assert limits()["congress"].minutes == 7 * 24 * 60
    assert clocks.MAJOR_PEOPLE == 100_000


def test_the_quarters_of_a_year_follow_each_other_at_the_agencys_seat() -> None:
    bounds = [quarter(2026, n) for n in (1, 2, 3, 4)]
    assert bounds[0][0] == datetime(2026, 1, 1, 5, tzinfo=UTC)
    assert bounds[1][0] == datetime(2026, 4, 1, 4, tzinfo=UTC)
    assert [end for _, end in bounds] == [begin for begin, _ in bounds[1:]] + [datetime(2027, 1, 1, 5, tzinfo=UTC)]


def test_a_letter_says_what_happened_when_what_it_was_and_whom_to_ask() -> None:
    parts = {name: f"<{name}>" for name in letters.PARTS}
    text = letters.notice(parts, [SSN, "date-of-birth"], happened_at=NOON, detected_at=NOON + timedelta(days=2),
                          encrypted=False, suspected=True)  # fmt: skip
    for said in (
        *parts.values(),
        "2026-03-02",
        "2026-03-04",
        "your Social Security number",
        "your date of birth",
        "not encrypted",
        "may have",
    ):
        assert said in text
    unknown = letters.notice(parts, [], happened_at=None, detected_at=NOON, encrypted=True, suspected=False)
    assert "We do not know when it happened" in unknown
    for name in letters.PARTS:
        assert letters.missing(parts | {name: " "}) == [name]
