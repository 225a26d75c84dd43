"""A connection's ear for one session."""

from typing import Protocol

from chat_gateway import frames, policy
from chat_gateway.lines import Line
from chat_gateway.model import Entry, Kind
from chat_gateway.use_cases import Part


class Listener(Protocol):
    """The connection that hears."""

    line: Line

    def session_ended(self, subscription: "Subscription", /) -> None: ...


class Subscription:
    """Attributes:
    cursor: the last entry that went out to it.
    live: whether new entries go out at once; before that the backlog does.
    """

    __slots__ = ("connection", "cursor", "live", "part", "withhold")

    def __init__(self, connection: Listener, part: Part, cursor: int) -> None:
        self.connection = connection
        self.part = part
        self.cursor = cursor
        self.live = False
        self.withhold = policy.withheld_from(part.participant)

    def deliver(self, entry: Entry, origin: object) -> None:
        seq = entry.receipt.seq
        if not self.live or seq <= self.cursor:
            return
        self.cursor = seq
        if origin is not self.connection:
            self.connection.line.push(frames.entry(entry, withhold=self.withhold))
        if entry.kind is Kind.CLOSED:
            self.connection.session_ended(self)
