"""The fold of a session's entries, with drafts that commit and drafts that do not: one owner, or a place, at every moment."""

from datetime import datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chat_gateway.drafts import Draft, SessionState
from chat_gateway.errors import NotInThisStateError, SessionClosedError, UnknownSessionError
from chat_gateway.model import Close, Contribution, Join, Open, Opening, Participant, Post, Status
from chat_gateway.routing.ownership import Stage
from chat_gateway.routing.quiet import Patience
from chat_gateway.turns import Extend, Hold, Resume, Return, Transfer, Warn, system
from common.clock import rfc3339
from common.ids import new_id, new_id_text
from common.testing.clock import NOON
from common.testing.keyring import MemoryKeyring

PATIENCE = Patience(timedelta(minutes=5), timedelta(minutes=2))
REFUSALS = (NotInThisStateError, UnknownSessionError, SessionClosedError)
AGENTS = st.integers(0, 2)


class Session(RuleBasedStateMachine):
    """Everybody tries everything at random. What counts is kept apart, from the contributions that were not refused."""

    @initialize()
    def opens(self) -> None:
        self.now = NOON
        self.state = SessionState(new_id(), MemoryKeyring().issue())
        self.customer = Participant(new_id_text(), "c-1", "customer", "A. Customer", rfc3339(NOON))
        self.agents = [
            Participant(new_id_text(), f"a-{n}", "agent", f"Agent {n}", rfc3339(NOON), "1", "S01", "R1")
            for n in range(3)
        ]
        self.owner: str | None = None
        self.closed = False
        self.warned_at: datetime | None = None
        opening = Opening("retirement", "2026.1", "a" * 64, "en", rfc3339(NOON), 2, 2, rfc3339(NOON))
        assert self.add(Open(self.customer, new_id_text(), opening))

    def add(self, contribution: Contribution, *, commit: bool = True) -> bool:
        """Try it; what is placed and not committed leaves nothing behind."""
        draft = Draft(self.state)
        try:
            draft.place(contribution, rfc3339(self.now))
        except REFUSALS:
            return False
        if commit:
            for entry in draft.entries:
                assert self.state.apply(entry)
            self.state.participants |= draft.participants
            assert self.state.situation == draft.situation.with_quiet(self.state.situation.quiet)
        return commit

    def mine(self, agent: int) -> bool:
        return self.agents[agent].id == self.owner

    @rule(seconds=st.integers(0, 400))
    def time_passes(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    @rule(agent=AGENTS, commit=st.booleans())
    def joins(self, agent: int, commit: bool) -> None:
        free = self.owner is None and not self.closed
        if self.add(Join(self.agents[agent], new_id_text()), commit=commit):
            assert free
            self.owner = self.agents[agent].id

    @rule(giver=AGENTS, taker=AGENTS)
    def hands_on(self, giver: int, taker: int) -> None:
        fit = self.mine(giver) and giver != taker and self.state.situation.stage is Stage.ACTIVE
        if self.add(Transfer(self.agents[taker], new_id_text(), self.agents[giver].id, "language")):
            self.owner = self.agents[taker].id
            assert fit
        else:
            assert not fit or self.closed

    @rule(agent=AGENTS, lost=st.booleans())
    def gives_back(self, agent: int, lost: bool) -> None:
        who = system(self.state.key) if lost else self.agents[agent]
        if self.add(Return(who, new_id_text(), "technical", "medicare", self.agents[agent].id)):
            assert self.mine(agent)
            self.owner = None
            assert self.state.situation.topic == "medicare"

    @rule(agent=AGENTS)
    def holds(self, agent: int) -> None:
        if self.add(Hold(self.agents[agent], new_id_text(), self.now + timedelta(minutes=1))):
            assert self.mine(agent)

    @rule(agent=AGENTS, by_time=st.booleans())
    def goes_on(self, agent: int, by_time: bool) -> None:
        until = self.state.situation.held_until
        if self.add(Resume(system(self.state.key) if by_time else self.agents[agent], new_id_text())):
            assert until is not None
            assert self.now >= until if by_time else self.mine(agent)

    @rule(agent=AGENTS)
    def agent_speaks(self, agent: int) -> None:
        assert self.add(Post(self.agents[agent], new_id_text(), "hello")) == (self.mine(agent) and not self.closed)

    @rule()
    def customer_speaks(self) -> None:
        assert self.add(Post(self.customer, new_id_text(), "hello")) == (not self.closed)
        self.warned_at = None

    @rule()
    def warns(self) -> None:
        left = self.state.quiet.left(PATIENCE)
        if self.add(Warn(system(self.state.key), new_id_text(), self.now + PATIENCE.warning, left, PATIENCE)):
            self.warned_at = self.now

    @rule()
    def customer_asks_for_time(self) -> None:
        if self.add(Extend(self.customer, new_id_text(), PATIENCE)):
            assert self.warned_at is not None
            self.warned_at = None

    @rule()
    def silence_ends_it(self) -> None:
        if self.add(Close(system(self.state.key), new_id_text(), "inactive", PATIENCE)):
            assert self.warned_at is not None
            assert self.now - self.warned_at >= PATIENCE.warning
            self.closed = True

    @rule(odds=st.integers(0, 19), agent=AGENTS)
    def somebody_closes(self, odds: int, agent: int) -> None:
        if odds:
            return
        if self.add(Close(self.agents[agent], new_id_text(), "agent_closed")):
            assert self.mine(agent)
            self.closed = True

    @invariant()
    def an_owner_or_a_place_until_the_end(self) -> None:
        if not hasattr(self, "state"):
            return
        situation = self.state.situation
        assert self.closed == (situation.status is Status.CLOSED)
        if not self.closed:
            assert (situation.status is Status.WAITING) == (self.owner is None)
            assert situation.owner == self.owner
            found = self.state.owner
            assert (found.id if found else None) == self.owner

    @invariant()
    def who_reads_it_from_the_beginning_sees_the_same(self) -> None:
        if hasattr(self, "state") and self.state.situation.status is Status.WAITING:
            assert self.state.quiet.next(PATIENCE) is None


TestSession = Session.TestCase
TestSession.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)


def test_whoever_handed_it_on_was_done_with_it_then() -> None:
    machine = Session()
    machine.opens()
    machine.joins(0, commit=True)
    machine.now += timedelta(minutes=3)
    machine.hands_on(0, 1)
    assert machine.state.departed == {machine.agents[0].id: rfc3339(machine.now)}
    machine.hands_on(1, 0)
    assert set(machine.state.departed) == {machine.agents[1].id}, "who has it again has not left"


def test_the_end_for_a_place_that_was_kept_does_not_take_it_from_an_agent() -> None:
    machine = Session()
    machine.opens()
    machine.joins(0, commit=True)
    with pytest.raises(UnknownSessionError):
        Draft(machine.state).place(
            Close(machine.customer, new_id_text(), "place_kept", only_waiting=True), rfc3339(machine.now)
        )
