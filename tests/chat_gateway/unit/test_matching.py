"""Who gets a conversation: the designated only, fairly, with a reason for everybody else, and nobody waits for ever."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_gateway.routing.matching import Agent, Choice, Need, Rule, Waiting, Why, choose, queue_order, why_not
from chat_gateway.routing.registers import load

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
REGISTERS = load()
NEED = Need(frozenset({"retirement"}))
WAITING = Waiting(UUID(int=1), "retirement", "en", NOW)
LIMIT = REGISTERS.longest_head_start

CODES = st.frozensets(st.sampled_from(["retirement", "disability"]))
TIMES = st.none() | st.integers(-600, 0).map(lambda s: NOW + timedelta(seconds=s))
AGENTS = st.lists(
    st.builds(
        Agent,
        id=st.sampled_from([f"agent-{n}" for n in range(8)]),
        designations=CODES,
        languages=st.frozensets(st.sampled_from(["en", "es"])),
        office=st.sampled_from(["S01", "S02"]),
        capacity=st.integers(1, 4),
        load=st.integers(0, 4),
        available=st.booleans(),
        last_assigned=TIMES,
    ),
    unique_by=lambda a: a.id,
    max_size=8,
)
NEEDS = st.builds(
    Need,
    designations=st.frozensets(st.sampled_from(["retirement", "disability"]), min_size=1),
    offices=st.none() | st.frozensets(st.sampled_from(["S01", "S02"]), min_size=1),
)
QUEUES = st.lists(
    st.builds(
        Waiting,
        session_id=st.uuids(),
        topic=st.just("retirement"),
        language=st.just("en"),
        since=st.integers(0, 7200).map(lambda s: NOW + timedelta(seconds=s)),
        priority=st.none() | st.sampled_from(sorted(REGISTERS.priorities)),
    ),
    max_size=12,
    unique_by=lambda w: w.session_id,
)


def expert(number: int, **facts: object) -> Agent:
    plain = Agent(f"agent-{number}", frozenset({"retirement"}), frozenset({"en"}), "S01", 3, 0, available=True)
    return replace(plain, **facts)  # type: ignore[arg-type]


@pytest.mark.req("S1-016")
@settings(max_examples=300)
@given(agents=AGENTS, need=NEEDS, language=st.sampled_from(["en", "es"]), rule=st.sampled_from(Rule))
def test_only_who_may_gets_it_and_everybody_else_has_a_reason(
    agents: list[Agent], need: Need, language: str, rule: Rule
) -> None:
    choice = choose(replace(WAITING, language=language), need, agents, rule)
    fit = {
        a.id
        for a in agents
        if a.available
        and need.designations <= a.designations
        and language in a.languages
        and a.load < a.capacity
        and (need.offices is None or a.office in need.offices)
    }
    assert (choice.chosen in fit) if fit else choice.chosen is None
    assert sorted(s.agent for s in choice.skipped) == sorted({a.id for a in agents} - {choice.chosen})
    passed_over = {Why.ASSIGNED_LATER, Why.BUSIER}
    for skip in choice.skipped:
        assert skip.reasons
        assert passed_over.isdisjoint(skip.reasons) == (skip.agent not in fit)
        assert bool(skip.lacking) == (Why.NOT_DESIGNATED in skip.reasons or Why.LANGUAGE_NOT_CERTIFIED in skip.reasons)


@given(agents=AGENTS, order=st.randoms(use_true_random=False), rule=st.sampled_from(Rule))
def test_the_same_facts_give_the_same_answer(agents: list[Agent], order: object, rule: Rule) -> None:
    shuffled = list(agents)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose(WAITING, NEED, agents, rule).chosen == choose(WAITING, NEED, shuffled, rule).chosen


@pytest.mark.parametrize("rule", Rule)
@given(number=st.integers(1, 7), count=st.integers(1, 40))
def test_who_is_alike_is_served_alike(rule: Rule, number: int, count: int) -> None:
    """Over any run of assignments two equal agents differ by one at most."""
    agents = {f"agent-{n}": expert(n, capacity=count) for n in range(number)}
    had: Counter[str] = Counter()
    for turn in range(count):
        chosen = choose(WAITING, NEED, list(agents.values()), rule).chosen
        assert chosen is not None
        had[chosen] += 1
        agents[chosen] = replace(
            agents[chosen], load=agents[chosen].load + 1, last_assigned=NOW + timedelta(seconds=turn)
        )
        assert max(had.values()) - min(had[a] for a in agents) <= 1


@given(loads=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=6))
def test_the_least_busy_has_the_smallest_part_of_the_capacity_in_use(loads: list[tuple[int, int]]) -> None:
    agents = [expert(n, capacity=capacity, load=load) for n, (capacity, load) in enumerate(loads)]
    chosen = choose(WAITING, NEED, agents, Rule.LEAST_BUSY).chosen
    free = {a.id: a.load / a.capacity for a in agents if a.load < a.capacity}
    assert (free[chosen] == min(free.values())) if chosen else not free


@given(queue=QUEUES)
def test_nobody_is_overtaken_for_ever(queue: list[Waiting]) -> None:
    """Who stands before somebody came before them, or has a recorded reason and came within its head start."""
    order = queue_order(queue, REGISTERS.head_start)
    assert sorted(w.session_id for w in order) == sorted(w.session_id for w in queue)
    for before, after in pairwise(order):
        assert before.since <= after.since + LIMIT
        if before.since > after.since:
            assert before.priority is not None
            assert before.since - after.since <= REGISTERS.head_start(before.priority)


def test_a_person_is_served_though_people_with_reasons_keep_coming() -> None:
    """Two people with the strongest reason come every minute, one is served in that time: the first is served too."""
    queue, now, served = [WAITING], NOW, []
    for minute in range(1, 400):
        now = NOW + timedelta(minutes=minute)
        queue += [
            replace(WAITING, session_id=UUID(int=2 * minute + n), since=now, priority="dire-need") for n in (0, 1)
        ]
        queue = queue_order(queue, REGISTERS.head_start)
        served.append(queue.pop(0))
        if served[-1] == WAITING:
            break
    assert served[-1] == WAITING
    assert now - NOW <= 2 * LIMIT + timedelta(minutes=2)


def test_nothing_of_a_person_can_enter() -> None:
    """Topic, language, place and a recorded reason: there is no place for a name, an age, an origin or an account."""
    assert {f.name for f in fields(Waiting)} == {"session_id", "topic", "language", "since", "priority", "refusals"}
    assert {f.name for f in fields(Agent)} == {
        "id", "designations", "languages", "office", "capacity", "load", "available", "last_assigned",
    }  # fmt: skip
    assert set(REGISTERS.priorities) == {"dire-need", "safety", "deadline", "cut-off"}


@given(seed=st.uuids())
def test_who_one_is_does_not_move_one_in_the_queue(seed: UUID) -> None:
    """The id settles ties of the same moment only."""
    earlier = replace(WAITING, session_id=seed)
    later = replace(WAITING, since=NOW + timedelta(microseconds=1))
    assert queue_order([later, earlier], REGISTERS.head_start)[0] is earlier


def test_an_explanation_tells_each_reason() -> None:
    es = replace(WAITING, language="es", refusals=(("agent-1", Why.DECLINED),))
    need = Need(frozenset({"retirement", "disability"}), frozenset({"S02"}))
    skip = why_not(expert(1, available=False, load=3), es, need)
    assert skip is not None
    assert skip.reasons == (
        Why.AWAY, Why.NOT_DESIGNATED, Why.LANGUAGE_NOT_CERTIFIED, Why.OFFICE_DOES_NOT_SERVE, Why.AT_CAPACITY, Why.DECLINED,
    )  # fmt: skip
    assert skip.lacking == ("disability", "es")


@pytest.mark.req("S1-017")
def test_experts_of_every_office_are_asked_unless_the_topic_names_some() -> None:
    agents: Sequence[Agent] = [expert(1, office="S01", last_assigned=NOW), expert(2, office="W99")]
    assert choose(WAITING, NEED, agents, Rule.ROUND_ROBIN) == Choice(
        Rule.ROUND_ROBIN, "agent-2", choose(WAITING, NEED, agents, Rule.ROUND_ROBIN).skipped
    )
    assert choose(WAITING, replace(NEED, offices=frozenset({"S01"})), agents, Rule.ROUND_ROBIN).chosen == "agent-1"
