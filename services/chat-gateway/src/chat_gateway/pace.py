"""How fast one connection may send, and until when. The time comes from outside."""

import asyncio
from collections.abc import Callable

from chat_gateway.errors import TooManyFramesError

SLACK = 1e-9
"""Seconds by which sums of fractions may be off."""


class Pace:
    """So many frames a second, and so many at once after a silence."""

    __slots__ = ("_at_once", "_full", "_per_second", "_refused")

    def __init__(self, per_second: float, at_once: int) -> None:
        self._per_second = per_second
        self._at_once = at_once
        self._full = 0.0
        self._refused = 0

    def check(self, now: float) -> None:
        """Count one frame at this time (seconds, never going back).

        Raises:
            TooManyFramesError: it must not be read.
        """
        full = max(self._full, now) + 1 / self._per_second
        if full - now > self._at_once / self._per_second + SLACK:
            self._refused += 1
            raise TooManyFramesError(self._per_second)
        self._full, self._refused = full, 0

    @property
    def hopeless(self) -> bool:
        """Whether as many were refused in a row as may come at once: whoever sends them does not listen."""
        return self._refused > self._at_once


class Deadline:
    """Something that happens when the time is over, unless it is set anew or given up before."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float, call: Callable[[], None]) -> None:
        self.cancel()
        self._timer = self._loop.call_later(seconds, call)

    def cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
