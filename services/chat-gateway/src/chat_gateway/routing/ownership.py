"""Who has a conversation: a machine of states as data. At no moment is the person without an owner or a place in the queue.

An agent who is asked, whether from the queue or by a colleague, has nothing until they accept; until then the owner, or the
place in the queue, stays what it was. So a decline, a time-out, and a lost line all lead to somebody.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chat_gateway.errors import NotInThisStateError


class Stage(StrEnum):
    """Where a conversation stands."""

    WAITING = "waiting"
    OFFERED = "offered"
    ACTIVE = "active"
    TRANSFERRING = "transferring"
    HELD = "held"
    CLOSED = "closed"


class Act(StrEnum):
    """What can happen to it."""

    OFFER = "offer"
    ACCEPT = "accept"
    DECLINE = "decline"
    LAPSE = "lapse"
    TAKE = "take"
    PROPOSE = "propose"
    WITHDRAW = "withdraw"
    RETURN = "return"
    HOLD = "hold"
    RESUME = "resume"
    REROUTE = "reroute"
    CLOSE = "close"


TRANSITIONS: dict[tuple[Stage, Act], Stage] = {
    (Stage.WAITING, Act.OFFER): Stage.OFFERED,
    (Stage.WAITING, Act.TAKE): Stage.ACTIVE,
    (Stage.WAITING, Act.REROUTE): Stage.WAITING,
    (Stage.WAITING, Act.CLOSE): Stage.CLOSED,
    (Stage.OFFERED, Act.ACCEPT): Stage.ACTIVE,
    (Stage.OFFERED, Act.DECLINE): Stage.WAITING,
    (Stage.OFFERED, Act.LAPSE): Stage.WAITING,
    (Stage.OFFERED, Act.CLOSE): Stage.CLOSED,
    (Stage.ACTIVE, Act.PROPOSE): Stage.TRANSFERRING,
    (Stage.ACTIVE, Act.RETURN): Stage.WAITING,
    (Stage.ACTIVE, Act.HOLD): Stage.HELD,
    (Stage.ACTIVE, Act.CLOSE): Stage.CLOSED,
    (Stage.TRANSFERRING, Act.ACCEPT): Stage.ACTIVE,
    (Stage.TRANSFERRING, Act.DECLINE): Stage.ACTIVE,
    (Stage.TRANSFERRING, Act.LAPSE): Stage.ACTIVE,
    (Stage.TRANSFERRING, Act.WITHDRAW): Stage.ACTIVE,
    (Stage.TRANSFERRING, Act.RETURN): Stage.WAITING,
    (Stage.TRANSFERRING, Act.CLOSE): Stage.CLOSED,
    (Stage.HELD, Act.RESUME): Stage.ACTIVE,
    (Stage.HELD, Act.RETURN): Stage.WAITING,
    (Stage.HELD, Act.CLOSE): Stage.CLOSED,
}

OWNED = frozenset({Stage.ACTIVE, Stage.TRANSFERRING, Stage.HELD})
ASKING = frozenset({Stage.OFFERED, Stage.TRANSFERRING})


@dataclass(frozen=True, slots=True)
class Ownership:
    """Attributes:
    since: the place in the queue, which the person keeps until the end.
    owner: the agent who has it, in the stages of `OWNED` and no other.
    asked: the agent who was asked to take it, in the stages of `ASKING` and no other.
    until: when the question lapses, or a hold ends.
    """

    stage: Stage
    since: datetime
    owner: str | None = None
    asked: str | None = None
    until: datetime | None = None

    def offer(self, agent: str, until: datetime) -> "Ownership":
        """Ask an agent to take a waiting conversation."""
        return replace(self, stage=self._after(Act.OFFER), asked=agent, until=until)

    def accept(self, agent: str) -> "Ownership":
        """The agent who was asked takes it.

        Raises:
            NotInThisStateError: nobody was asked, or somebody else.
        """
        stage = self._after(Act.ACCEPT)
        self._require_asked(agent)
        return replace(self, stage=stage, owner=agent, asked=None, until=None)

    def decline(self, agent: str) -> "Ownership":
        """The agent who was asked does not take it: it stays with its owner, or where it was in the queue.

        Raises:
            NotInThisStateError: nobody was asked, or somebody else.
        """
        stage = self._after(Act.DECLINE)
        self._require_asked(agent)
        return replace(self, stage=stage, asked=None, until=None)

    def lapse(self, now: datetime) -> "Ownership":
        """The agent who was asked did not answer in time.

        Raises:
            NotInThisStateError: nobody was asked, or there is time left.
        """
        stage = self._after(Act.LAPSE)
        if self.until is not None and now < self.until:
            raise NotInThisStateError("the agent who was asked has time left")
        return replace(self, stage=stage, asked=None, until=None)

    def take(self, agent: str) -> "Ownership":
        """An agent picks it from the queue unasked."""
        return replace(self, stage=self._after(Act.TAKE), owner=agent)

    def propose(self, owner: str, agent: str, until: datetime) -> "Ownership":
        """Its owner asks a colleague to take it over.

        Raises:
            NotInThisStateError: the caller does not have it, or asks themselves.
        """
        stage = self._after(Act.PROPOSE)
        self._require_owner(owner)
        if agent == owner:
            raise NotInThisStateError("it is yours already")
        return replace(self, stage=stage, asked=agent, until=until)

    def withdraw(self, owner: str) -> "Ownership":
        """Its owner no longer asks the colleague."""
        stage = self._after(Act.WITHDRAW)
        self._require_owner(owner)
        return replace(self, stage=stage, asked=None, until=None)

    def give_back(self) -> "Ownership":
        """Its owner gives it back, or is gone: it waits again at the place it had."""
        return replace(self, stage=self._after(Act.RETURN), owner=None, asked=None, until=None)

    def reroute(self) -> "Ownership":
        """It has waited too long: others may take it as well. It waits on, at the place it has."""
        return replace(self, stage=self._after(Act.REROUTE))

    def hold(self, owner: str, until: datetime) -> "Ownership":
        stage = self._after(Act.HOLD)
        self._require_owner(owner)
        return replace(self, stage=stage, until=until)

    def resume(self) -> "Ownership":
        return replace(self, stage=self._after(Act.RESUME), until=None)

    def close(self) -> "Ownership":
        """Closed is closed: nothing leads out of it."""
        return replace(self, stage=self._after(Act.CLOSE), owner=None, asked=None, until=None)

    def _after(self, act: Act) -> Stage:
        following = TRANSITIONS.get((self.stage, act))
        if following is None:
            raise NotInThisStateError(f"a conversation that is {self.stage.value} cannot: {act.value}")
        return following

    def _require_asked(self, agent: str) -> None:
        if self.asked != agent:
            raise NotInThisStateError("nobody asked you to take this conversation, or no longer")

    def _require_owner(self, agent: str) -> None:
        if self.owner != agent:
            raise NotInThisStateError("somebody else has this conversation")


def diagram() -> str:
    """The machine as a Mermaid state diagram; the README carries it, and a test holds both together."""
    lines = ["stateDiagram-v2", "    [*] --> waiting"]
    lines += [f"    {before.value} --> {after.value}: {act.value}" for (before, act), after in TRANSITIONS.items()]
    return "\n".join([*lines, f"    {Stage.CLOSED.value} --> [*]"])
