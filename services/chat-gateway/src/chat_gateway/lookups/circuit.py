"""Whether it is worth asking a system that failed: a machine of three states. Pure; the clock is given with each question."""

from datetime import datetime, timedelta
from enum import StrEnum

FAILURES = 3
REST = timedelta(seconds=30)


class State(StrEnum):
    """closed → open (failed in a row) → trying (rest is over, one asks) → closed, or open again."""

    CLOSED = "closed"
    OPEN = "open"
    TRYING = "trying"


class Circuit:
    """Args:
    failures: so many in a row open it.
    rest: so long nobody asks then.
    """

    def __init__(self, failures: int = FAILURES, rest: timedelta = REST) -> None:
        self._most = failures
        self._rest = rest
        self._failed = 0
        self._since: datetime | None = None
        self._trying = False

    @property
    def state(self) -> State:
        if self._since is None:
            return State.CLOSED
        return State.TRYING if self._trying else State.OPEN

    def admits(self, now: datetime) -> bool:
        """Whether to ask now. After the rest one asks, and everybody else waits for how that goes."""
        if self._since is None:
            return True
        if self._trying or now - self._since < self._rest:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        self._failed, self._since, self._trying = 0, None, False

    def failed(self, now: datetime) -> None:
        self._failed += 1
        if self._trying or self._failed >= self._most:
            self._since, self._trying = now, False

    def gave_up(self) -> None:
        """Whoever asked was stopped before there was an outcome: the next one may try."""
        self._trying = False
