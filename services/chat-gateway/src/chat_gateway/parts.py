"""A participant's hold on a session, and who is asked whether it lasts."""

from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from chat_gateway.model import Participant, Status
from chat_gateway.sessions import LiveSession
from chat_gateway.views import View, view_of
from common.access import Reach
from common.auth import Principal


class LetIn(Protocol):
    """A caller whom the table let in, by a route or a frame."""

    @property
    def principal(self) -> Principal: ...

    def covers(self, reach: Reach, /) -> bool: ...


class Representatives(Protocol):
    """Knows whether an authority that was proven still holds."""

    async def require(self, authority_id: UUID, /) -> None:
        """Raises: NotYourSessionError: it holds no more."""


class Supervisors(Protocol):
    """Knows who stepped into a conversation and listens still."""

    async def entered(self, letting: LetIn, session_id: UUID, /) -> "Part":
        """Raises: UnknownSessionError: they do not."""


@dataclass(frozen=True, slots=True)
class Part:
    """A participant's hold on a session.

    Attributes:
        entitled: an employee whose position shows them what is protected.
        supervises: for a supervisor, whose conversation it is to them: a participant's id.
    """

    live: LiveSession
    participant: Participant
    entitled: bool = False
    supervises: str | None = None

    @property
    def view(self) -> View:
        """What of its entries is withheld from this participant."""
        return view_of(self.participant, entitled=self.entitled)

    @property
    def is_owner(self) -> bool:
        """Whether this is the employee who has the session."""
        return self.live.state.situation.owner == self.participant.id

    @property
    def may_stay(self) -> bool:
        """Whether this employee hears on: it is theirs, or still with the one whom they supervise."""
        situation = self.live.state.situation
        return self.is_owner or (situation.status is Status.ACTIVE and situation.owner == self.supervises is not None)
