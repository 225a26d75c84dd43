"""What a stream or a poll asks to hear, from its address and the header `Last-Event-ID`. Pure."""

import re
from dataclasses import dataclass
from uuid import UUID

from common.errors import FieldError, InvalidError

DESK = "desk"
MOST = 50
"""Sessions in one stream; nobody has more at once."""

PATTERN = r"^(desk|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}(:[0-9]{1,10})?)$"
_HIGHEST = 2_147_483_647
_LAST = re.compile(r"[0-9a-f-]{36}:[0-9]{1,10}(,[0-9a-f-]{36}:[0-9]{1,10})*")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Attributes:
    cursors: session → number of the last entry that the reader has.
    desk: whether offers and the desk's state are wanted.
    """

    cursors: dict[UUID, int]
    desk: bool


def wanted(hear: list[str], last_event_id: str | None) -> Wanted:
    """Read it. The header counts before the address, which a client that reconnects by itself sends as it was at first.

    Args:
        hear: each `desk`, a session's id, or a session's id, a colon and a number.
        last_event_id: a number where one session is asked for; else as many ids with numbers as there are.

    Raises:
        InvalidError: names what is not as it must be.
    """
    cursors: dict[UUID, int] = {}
    for one in hear:
        if one != DESK:
            key, _, number = one.partition(":")
            cursors[UUID(key)] = _number(number or "0", "query.hear")
    if last_event_id:
        for session_id, seq in _last(last_event_id, list(cursors)).items():
            if session_id in cursors:
                cursors[session_id] = seq
    return Wanted(cursors, DESK in hear)


def _last(text: str, sessions: list[UUID]) -> dict[UUID, int]:
    field = "header.Last-Event-ID"
    if text.isascii() and text.isdigit() and len(sessions) == 1:
        return {sessions[0]: _number(text, field)}
    if not _LAST.fullmatch(text):
        raise _wrong(field)
    try:
        pairs = [pair.split(":") for pair in text.split(",")]
        return {UUID(key): _number(number, field) for key, number in pairs}
    except ValueError:
        raise _wrong(field) from None


def _number(text: str, field: str) -> int:
    number = int(text)
    if number > _HIGHEST:
        raise _wrong(field)
    return number


def _wrong(field: str) -> InvalidError:
    return InvalidError(f"{field} names no entry of a session", errors=[FieldError(field, "not a cursor")])


def cursor_text(cursors: dict[str, int]) -> str:
    """The cursor as an event's id: a number where there is one session, so that `Last-Event-ID` is its `seq`."""
    if len(cursors) == 1:
        return str(next(iter(cursors.values())))
    return ",".join(f"{key}:{seq}" for key, seq in cursors.items())
