"""When silence ends a conversation: only while the agency waits for the person, never before a warning, and the person may
ask for more time at least ten times (WCAG 2.2, success criterion 2.2.1).
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

FEWEST_EXTENSIONS = 10
SHORTEST_WARNING = timedelta(seconds=20)
"""What the criterion asks for at least."""


class Due(StrEnum):
    """What silence leads to next."""

    WARN = "warn"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class Patience:
    """How long the agency waits for a person.

    Attributes:
        silence: how long before the warning.
        warning: how long after it before the end.
        extensions: how often the person may ask for more time, in a row.

    Raises:
        ValueError: less than the success criterion asks for.
    """

    silence: timedelta
    warning: timedelta
    extensions: int = FEWEST_EXTENSIONS

    def __post_init__(self) -> None:
        if self.warning < SHORTEST_WARNING or self.extensions < FEWEST_EXTENSIONS or self.silence <= timedelta(0):
            raise ValueError("a warning leaves 20 seconds at least and can be answered ten times at least (WCAG 2.2.1)")


@dataclass(frozen=True, slots=True)
class Quiet:
    """How things stand between the agency and the person.

    Attributes:
        waiting_since: since when the agency waits for the person; None while it is the agency's turn.
        warned: whether the warning was given for this silence.
        closes_at: when the warned silence ends the conversation.
        extended: how often the person asked for more time since they last said something.
    """

    waiting_since: datetime | None = None
    closes_at: datetime | None = None
    extended: int = 0

    @property
    def warned(self) -> bool:
        return self.closes_at is not None

    def person_spoke(self) -> "Quiet":
        """It is the agency's turn: no silence of the agency's can end the conversation."""
        return Quiet()

    def agency_spoke(self, at: datetime) -> "Quiet":
        """The agency waits from now on. Whoever was warned is not warned off by a further word of the agency's."""
        return replace(self, waiting_since=at, closes_at=None)

    def paused(self) -> "Quiet":
        """On hold, or back in the queue: nobody waits for the person."""
        return Quiet()

    def warn(self, closes_at: datetime) -> "Quiet":
        return replace(self, closes_at=closes_at)

    def extend(self, at: datetime) -> "Quiet":
        """The person asked for more time: the silence counts anew."""
        return Quiet(at, None, self.extended + 1)

    def left(self, patience: Patience) -> int:
        """How often the person may still ask for more time."""
        return max(patience.extensions - self.extended, 0)

    def next(self, patience: Patience) -> tuple[Due, datetime] | None:
        """What comes next if nobody says anything, and when; None when nothing does."""
        if self.closes_at is not None:
            return Due.CLOSE, self.closes_at
        if self.waiting_since is not None:
            return Due.WARN, self.waiting_since + patience.silence
        return None
