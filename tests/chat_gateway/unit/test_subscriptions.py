"""An ear for one session: first how it stands, then all of it, and nothing for an employee who handed it on meanwhile."""

import json
from collections.abc import Callable

from chat_gateway.model import Join, Post
from chat_gateway.sessions import LiveSession
from chat_gateway.subscriptions import Outlet, Subscription
from chat_gateway.turns import Return
from chat_gateway.use_cases import Part
from common.auth import Principal
from common.ids import new_id_text
from tests.chat_gateway.unit.test_model import opened, somebody, stored


class Paper:
    """An outlet and a listener that keep what they are told."""

    def __init__(self) -> None:
        self.closing: tuple[int, str] | None = None
        self.outlet: Outlet = self
        self.origin: object = None
        self.principal: Principal | None = None
        self.told: list[str] = []
        self.left = False

    def push(self, text: str) -> None:
        self.told.append(text)

    async def until_half_empty(self) -> None: ...

    def shower(self, _subscription: Subscription) -> Callable[[str], None]:
        return self.push

    def leave(self, _subscription: Subscription) -> None:
        self.left = True


def test_what_happens_before_the_snapshot_is_told_after_it() -> None:
    state, customer = opened()
    paper = Paper()
    ear = Subscription(paper, Part(LiveSession(state), customer), 0)
    ear.tell("early")
    assert paper.told == []
    ear.greet("snapshot")
    ear.tell("late")
    assert paper.told == ["snapshot", "early", "late"]


def test_who_handed_it_on_while_the_backlog_went_out_hears_no_more() -> None:
    state, _ = opened()
    agent = somebody("agent")
    stored(state, Join(agent, new_id_text()))
    paper, live = Paper(), LiveSession(state)
    ear = Subscription(paper, Part(live, agent), 2)
    ear.greet("snapshot")
    stored(state, Return(agent, new_id_text(), "shift-ends", "retirement", agent.id))
    ear.go_live()
    assert paper.left
    assert json.loads(paper.told[-1])["type"] == "left"


def test_an_entry_comes_once_and_ones_own_not_at_all() -> None:
    state, customer = opened()
    paper, live = Paper(), LiveSession(state)
    paper.origin = mine = object()
    ear = Subscription(paper, Part(live, customer), 1)
    ear.greet("snapshot")
    ear.go_live()
    live.subscribers.append(ear)
    entries = [stored(state, Post(customer, new_id_text(), text))[0] for text in ("from here", "from elsewhere")]
    for entry, origin in zip(entries, (mine, None), strict=True):
        ear.deliver(entry, origin)
        ear.deliver(entry, origin)
    assert [json.loads(text)["entry"]["seq"] for text in paper.told[1:]] == [3]
    assert ear.cursor == 3
