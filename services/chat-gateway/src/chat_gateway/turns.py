"""Contributions that change who has a session, or for whom it waits, and when each of them may be made. Pure."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from chat_gateway.errors import NotInThisStateError, UnknownSessionError
from chat_gateway.model import Contribution, Kind, Participant, Status
from chat_gateway.routing.ownership import TRANSITIONS, Act, Stage
from chat_gateway.routing.quiet import Due, Patience, Quiet
from chat_gateway.situation import Situation
from common.clock import rfc3339
from common.contracts.chat import Authority, TransferReason


def system(session_key: str) -> Participant:
    """The gateway itself, where time and no person acts. It bears the session's own id."""
    return Participant(session_key, "system", "system", "", "")


def require(situation: Situation, act: Act) -> None:
    """Refuse what does not go with where the session stands.

    Raises:
        NotInThisStateError: the machine of ownership has no such step from here.
    """
    if (situation.stage, act) not in TRANSITIONS:
        raise NotInThisStateError(f"a conversation that is {situation.stage.value} cannot: {act.value}")


@dataclass(slots=True)
class Turn(Contribution):
    """What is neither a message nor the beginning or the end."""

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:
        """Refuse it where it comes at the wrong time.

        Raises:
            NotInThisStateError, UnknownSessionError: it does.
        """
        raise NotImplementedError


@dataclass(slots=True)
class Transfer(Turn):
    """The colleague who was asked takes it over; `participant` is that colleague."""

    kind = Kind.TRANSFERRED

    giver: str
    reason: TransferReason

    def content(self) -> dict[str, Any]:
        who = self.participant
        return {"from_participant_id": self.giver, "reason": self.reason, "office": who.office, "region": who.region}

    def personal(self) -> dict[str, str]:
        return {"pin": self.participant.pin, "display_name": self.participant.display_name}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        require(situation, Act.PROPOSE)
        if situation.owner != self.giver or self.giver == self.participant.id:
            raise NotInThisStateError("whoever offered this conversation does not have it any more")


@dataclass(slots=True)
class StepIn(Turn):
    """A supervisor joins beside the employee who has it; nothing about who has it changes."""

    kind = Kind.JOINED

    def content(self) -> dict[str, Any]:
        return {"office": self.participant.office, "region": self.participant.region}

    def personal(self) -> dict[str, str]:
        return {"pin": self.participant.pin, "display_name": self.participant.display_name}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        if situation.status is not Status.ACTIVE:
            raise NotInThisStateError("nobody has this conversation now")


@dataclass(slots=True)
class Return(Turn):
    """The owner gives it back to the queue, or the gateway does because the owner is gone."""

    kind = Kind.RETURNED

    reason: TransferReason
    topic: str
    owner: str
    """The participant from whom it is taken back."""

    def content(self) -> dict[str, Any]:
        return {"chat_topic": self.topic, "reason": self.reason}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        require(situation, Act.RETURN)
        if situation.owner != self.owner:
            raise UnknownSessionError


@dataclass(slots=True)
class Hold(Turn):
    kind = Kind.HELD

    until: datetime

    def content(self) -> dict[str, Any]:
        return {"until": rfc3339(self.until)}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        require(situation, Act.HOLD)
        if situation.owner != self.participant.id:
            raise UnknownSessionError


@dataclass(slots=True)
class Resume(Turn):
    """The owner goes on, or the time of the hold is over."""

    kind = Kind.RESUMED

    def content(self) -> dict[str, Any]:
        return {"cause": "time" if self.participant.role == "system" else "agent"}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        require(situation, Act.RESUME)
        if self.participant.role == "system":
            if situation.held_until is not None and now < situation.held_until:
                raise NotInThisStateError("the hold has time left")
        elif situation.owner != self.participant.id:
            raise UnknownSessionError


@dataclass(slots=True)
class Warn(Turn):
    """The person was silent for long: say when that ends the conversation, and how to have more time."""

    kind = Kind.WARNED

    closes_at: datetime
    left: int
    patience: Patience

    def content(self) -> dict[str, Any]:
        return {"closes_at": rfc3339(self.closes_at), "extensions_left": self.left}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:
        require(situation, Act.HOLD)  # nobody is warned on hold, in the queue or after the end
        due = quiet.next(self.patience)
        if due is None or due[0] is not Due.WARN or now < due[1]:
            raise NotInThisStateError("there is nothing to warn of")


@dataclass(slots=True)
class Extend(Turn):
    """The person asks for more time (WCAG 2.2, 2.2.1)."""

    kind = Kind.EXTENDED

    patience: Patience

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        require(situation, Act.HOLD)
        if not quiet.warned:
            raise NotInThisStateError("there is time: no end was announced")
        if not quiet.left(self.patience):
            raise NotInThisStateError("more time was given as often as can be; say something to go on")


@dataclass(slots=True)
class Accompany(Turn):
    """Somebody with a proven authority comes in; `participant` is the representative."""

    kind = Kind.ACCOMPANIED

    authority_id: str
    authority: Authority

    def content(self) -> dict[str, Any]:
        return {"authority_id": self.authority_id, "authority": self.authority}

    def personal(self) -> dict[str, str]:
        return {"account_id": self.participant.principal_id, "display_name": self.participant.display_name}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:
        """Whoever may be in the session may come at any time before its end."""


@dataclass(slots=True)
class Regard(Turn):
    """The owner found how the person stands to what they ask about.

    Attributes:
        proven: the person's identity is proven well enough to be a party.
    """

    kind = Kind.REGARDED

    standing: Literal["party", "stranger"]
    basis: Literal["asks-about-another", "identity-in-doubt", "authority-shown", "mistake"]
    proven: bool

    def content(self) -> dict[str, Any]:
        return {"standing": self.standing, "basis": self.basis}

    def check(self, situation: Situation, quiet: Quiet, now: datetime) -> None:  # noqa: ARG002 - the same for all
        if situation.owner != self.participant.id:
            raise UnknownSessionError
        if self.standing == "stranger":
            return
        if self.basis == "authority-shown" and not situation.accompanied:
            raise NotInThisStateError("nobody with a proven authority takes part in this conversation")
        if self.basis != "authority-shown" and not self.proven:
            raise NotInThisStateError("who is not proven to be a party stays a stranger")


def check_silence(situation: Situation, quiet: Quiet, now: datetime, patience: Patience) -> None:
    """Refuse to end a session for silence before its time.

    Raises:
        NotInThisStateError: the person said something, asked for more time, or has time left.
    """
    due = quiet.next(patience)
    if situation.stage is not Stage.ACTIVE or due is None or due[0] is not Due.CLOSE or now < due[1]:
        raise NotInThisStateError("the person has time left")
