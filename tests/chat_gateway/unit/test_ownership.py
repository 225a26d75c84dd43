"""The machine of ownership: whatever happens in whatever order, the person has an owner or a place, and one owner at most."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import chat_gateway
from chat_gateway.errors import NotInThisStateError
from chat_gateway.routing.ownership import ASKING, OWNED, TRANSITIONS, Act, Ownership, Stage, diagram

BEGAN = datetime(2026, 3, 2, 12, tzinfo=UTC)
AGENTS = st.sampled_from(["a", "b", "c"])
A_MINUTE = timedelta(minutes=1)


class Conversation(RuleBasedStateMachine):
    """Acts come at random, from anybody. A plain account of who has it is kept apart from the machine under test."""

    def __init__(self) -> None:
        super().__init__()
        self.now = BEGAN
        self.own = Ownership(Stage.WAITING, BEGAN)
        self.holder: str | None = None
        self.queued = True
        self.closed = False

    @rule(agent=AGENTS)
    def offer(self, agent: str) -> None:
        try:
            self.own = self.own.offer(agent, self.now + A_MINUTE)
        except NotInThisStateError:
            assert self.closed or self.holder is not None or self.own.asked is not None

    @rule(agent=AGENTS)
    def accept(self, agent: str) -> None:
        asked = self.own.asked
        try:
            self.own = self.own.accept(agent)
        except NotInThisStateError:
            assert asked != agent
            return
        assert asked == agent
        self.holder, self.queued = agent, False

    @rule(agent=AGENTS)
    def decline(self, agent: str) -> None:
        asked = self.own.asked
        try:
            self.own = self.own.decline(agent)
        except NotInThisStateError:
            assert asked != agent
        else:
            assert asked == agent

    @rule(minutes=st.integers(0, 2))
    def time_passes_and_what_is_due_lapses(self, minutes: int) -> None:
        self.now += minutes * A_MINUTE
        due = self.own.until is not None and self.own.until <= self.now
        try:
            self.own = self.own.resume() if self.own.stage is Stage.HELD and due else self.own.lapse(self.now)
        except NotInThisStateError:
            assert not (due and self.own.stage in ASKING)
        else:
            assert due

    @rule(agent=AGENTS)
    def take(self, agent: str) -> None:
        try:
            self.own = self.own.take(agent)
        except NotInThisStateError:
            return
        assert self.queued
        self.holder, self.queued = agent, False

    @rule(owner=AGENTS, agent=AGENTS)
    def propose(self, owner: str, agent: str) -> None:
        try:
            self.own = self.own.propose(owner, agent, self.now + A_MINUTE)
        except NotInThisStateError:
            return
        assert self.holder == owner != agent

    @rule(owner=AGENTS)
    def withdraw(self, owner: str) -> None:
        try:
            self.own = self.own.withdraw(owner)
        except NotInThisStateError:
            return
        assert self.holder == owner

    @rule()
    def give_back(self) -> None:
        try:
            self.own = self.own.give_back()
        except NotInThisStateError:
            return
        self.holder, self.queued = None, True

    @rule()
    def reroute(self) -> None:
        """Nobody took it for too long: it is neither taken from anybody nor moved in the queue."""
        asked = self.own.asked
        try:
            self.own = self.own.reroute()
        except NotInThisStateError:
            assert self.closed or self.holder is not None or asked is not None
            return
        assert self.queued
        assert asked is None

    @rule(owner=AGENTS)
    def hold(self, owner: str) -> None:
        try:
            self.own = self.own.hold(owner, self.now + A_MINUTE)
        except NotInThisStateError:
            return
        assert self.holder == owner

    @rule(odds=st.integers(0, 9))
    def close(self, odds: int) -> None:
        if odds:  # seldom: nothing happens after it
            return
        try:
            self.own = self.own.close()
        except NotInThisStateError:
            assert self.closed
        self.holder, self.queued, self.closed = None, False, True

    @invariant()
    def the_person_has_an_owner_or_a_place(self) -> None:
        assert self.closed == (self.own.stage is Stage.CLOSED)
        assert self.own.owner == self.holder
        assert (self.own.owner is not None) == (self.own.stage in OWNED)
        assert self.queued == (self.own.stage in {Stage.WAITING, Stage.OFFERED})
        assert self.closed or (self.own.owner is not None) != self.queued

    @invariant()
    def who_is_asked_is_not_the_owner_and_the_question_ends(self) -> None:
        assert (self.own.asked is not None) == (self.own.stage in ASKING)
        assert self.own.asked is None or self.own.asked != self.own.owner
        assert self.own.stage not in ASKING or self.own.until is not None

    @invariant()
    def the_place_is_never_lost(self) -> None:
        assert self.own.since == BEGAN


TestConversation = Conversation.TestCase
TestConversation.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


def test_from_every_stage_there_is_a_way_to_an_owner_and_to_the_end() -> None:
    reachable: dict[Stage, set[Stage]] = {stage: {stage} for stage in Stage}
    for _ in Stage:
        for before, after in ((before, after) for (before, _), after in TRANSITIONS.items()):
            reachable[before] |= reachable[after]
    for stage in set(Stage) - {Stage.CLOSED}:
        assert {Stage.ACTIVE, Stage.CLOSED, Stage.WAITING} <= reachable[stage]
    assert reachable[Stage.CLOSED] == {Stage.CLOSED}


def test_closed_is_closed() -> None:
    assert not [act for stage, act in TRANSITIONS if stage is Stage.CLOSED]
    assert {stage for stage, act in TRANSITIONS if act is Act.CLOSE} == set(Stage) - {Stage.CLOSED}


def test_a_question_that_was_not_answered_leaves_everything_as_it_was() -> None:
    mine = Ownership(Stage.ACTIVE, BEGAN, owner="a")
    asked = mine.propose("a", "b", BEGAN + A_MINUTE)
    assert asked.owner == "a", "the first owner stays it until the other accepts"
    with pytest.raises(NotInThisStateError, match="time left"):
        asked.lapse(BEGAN)
    assert asked.lapse(BEGAN + A_MINUTE) == asked.decline("b") == asked.withdraw("a") == mine
    waiting = Ownership(Stage.WAITING, BEGAN)
    assert waiting.offer("a", BEGAN + A_MINUTE).decline("a") == waiting


def test_the_readme_shows_the_machine_as_it_is() -> None:
    assert diagram() in (Path(chat_gateway.__file__).parents[2] / "README.md").read_text("utf-8")
