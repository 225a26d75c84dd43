"""One ear for one session."""

from collections.abc import Callable
from datetime import date
from typing import Protocol

from chat_gateway import frames, views
from chat_gateway.journal import Journal
from chat_gateway.model import Entry, Kind, Status
from chat_gateway.schemas import Left
from chat_gateway.use_cases import Part
from common.auth import Principal

PAGE = 100
HANDING_ON = frozenset({Kind.TRANSFERRED, Kind.RETURNED})


class Outlet(Protocol):
    """Where frames go: a line, or the basket of a poll."""

    @property
    def closing(self) -> tuple[int, str] | None: ...

    def push(self, text: str) -> None: ...

    async def until_half_empty(self) -> None: ...


class Listener(Protocol):
    """Who hears.

    Attributes:
        origin: what this listener says itself bears this as its origin, and comes back as an acknowledgement.
    principal: who it is, by the token that was shown last; None where nobody asks.
    """

    outlet: Outlet
    origin: object
    principal: Principal | None

    def shower(self, subscription: "Subscription", /) -> Callable[[str], None]:
        """What shows entries of this subscription."""

    def leave(self, subscription: "Subscription", /) -> None: ...


class Subscription:
    """Attributes:
    cursor: the last entry that went out to it.
    for_customer: whether it is the customer's.
    participant_id: as whom it hears.
    live: whether new entries go out at once; before that the backlog does.
    asked_on: the day on which it was asked last whether an employee's standing holds.
    """

    __slots__ = (
        "_early",
        "_origin",
        "_show",
        "asked_on",
        "cursor",
        "for_customer",
        "listener",
        "live",
        "part",
        "participant_id",
        "view",
    )

    def __init__(self, listener: Listener, part: Part, cursor: int) -> None:
        self.listener = listener
        self.part = part
        self.cursor = cursor
        self.live = False
        self.asked_on: date | None = None
        self.participant_id = part.participant.id
        self.for_customer = part.participant.public
        self.view = part.view
        self._early: list[str] | None = []
        self._origin = listener.origin
        self._show = listener.shower(self)

    def deliver(self, entry: Entry, origin: object) -> None:
        seq = entry.receipt.seq
        if not self.live or seq <= self.cursor:
            return
        self.cursor = seq
        if origin is not self._origin or origin is None:
            self._show(views.frame_of(entry, self.view))
        if entry.kind is Kind.CLOSED:
            self.ended()
        elif entry.kind in HANDING_ON:
            self.leave_if_handed_on()

    def go_live(self) -> None:
        """The backlog is out: from now on new entries go out at once."""
        self.live = True
        if self.part.live.state.status is Status.CLOSED:
            self.ended()
        else:
            self.leave_if_handed_on()

    def leave_if_handed_on(self) -> None:
        """An employee who does not have the session any more hears no more of it."""
        if not self.for_customer and not self.part.may_stay:
            self.tell(frames.write(Left(session_id=self.part.live.state.key)))
            self.listener.leave(self)

    def ended(self) -> None:
        """The closing entry went out: say so, and hear no more of this session."""
        self.tell(frames.write(frames.closed(self.part.live.state)))
        self.listener.leave(self)

    async def send_backlog(self, journal: Journal) -> None:
        """Send the next of the entries that this reader lacks, as it takes them."""
        state = self.part.live.state
        for stored in await journal.entries_after(state.id, self.cursor, PAGE):
            await self.listener.outlet.until_half_empty()
            self.cursor = stored.seq
            self._show(views.frame_of(stored.follow("", state), self.view))

    def greet(self, snapshot: str) -> None:
        """Say how the session stands; what was to be told before comes after it."""
        early, self._early = self._early or [], None
        self._show(snapshot)
        for text in early:
            self.listener.outlet.push(text)

    def tell(self, text: str) -> None:
        """Send a frame that is no entry."""
        if self._early is None:
            self.listener.outlet.push(text)
        else:
            self._early.append(text)
