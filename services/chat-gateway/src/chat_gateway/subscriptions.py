"""A connection's ear for one session."""

from typing import Protocol

from chat_gateway import frames, views
from chat_gateway.journal import Journal
from chat_gateway.lines import Line
from chat_gateway.model import Entry, Kind
from chat_gateway.schemas import Left
from chat_gateway.use_cases import Part

PAGE = 100
HANDING_ON = frozenset({Kind.TRANSFERRED, Kind.RETURNED})


class Listener(Protocol):
    """The connection that hears."""

    line: Line

    def leave(self, subscription: "Subscription", /) -> None: ...


class Subscription:
    """Attributes:
    cursor: the last entry that went out to it.
    for_customer: whether it is the customer's.
    live: whether new entries go out at once; before that the backlog does.
    """

    __slots__ = ("connection", "cursor", "for_customer", "live", "part", "view")

    def __init__(self, connection: Listener, part: Part, cursor: int) -> None:
        self.connection = connection
        self.part = part
        self.cursor = cursor
        self.live = False
        self.for_customer = part.participant.role == "customer"
        self.view = part.view

    def deliver(self, entry: Entry, origin: object) -> None:
        seq = entry.receipt.seq
        if not self.live or seq <= self.cursor:
            return
        self.cursor = seq
        if origin is not self.connection:
            self.connection.line.push(views.frame_of(entry, self.view))
        if entry.kind is Kind.CLOSED:
            self.ended()
        elif entry.kind in HANDING_ON and not self.for_customer and not self.part.is_owner:
            self.tell(frames.write(Left(session_id=self.part.live.state.key)))
            self.connection.leave(self)

    def ended(self) -> None:
        """The closing entry went out: say so, and hear no more of this session."""
        self.tell(frames.write(frames.closed(self.part.live.state)))
        self.connection.leave(self)

    async def send_backlog(self, journal: Journal) -> None:
        """Send the next of the entries that this reader lacks, as it takes them."""
        state = self.part.live.state
        for stored in await journal.entries_after(state.id, self.cursor, PAGE):
            await self.connection.line.until_half_empty()
            self.connection.line.push(views.frame_of(stored.follow("", state), self.view))
            self.cursor = stored.seq

    def tell(self, text: str) -> None:
        """Send a frame that is no entry."""
        self.connection.line.push(text)
