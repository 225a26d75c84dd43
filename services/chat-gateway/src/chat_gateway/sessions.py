"""The sessions that this process has in hand: what is durable of each, and who here wants to hear of it."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from typing import Protocol
from uuid import UUID
from weakref import WeakValueDictionary

from chat_gateway.drafts import SessionState
from chat_gateway.errors import CursorAheadError
from chat_gateway.journal import Journal, StoredEntry
from chat_gateway.model import Contribution, Entry, Kind, Receipt
from common.errors import MunimentError
from common.protection.data_key import DataKey

PAGE = 500
BRINGING = frozenset({Kind.OPENED, Kind.JOINED, Kind.TRANSFERRED, Kind.ACCOMPANIED})
"""Entries with which somebody comes in."""

KEPT = 512
"""Sessions kept in hand though nobody here has to do with them now."""


class Subscriber(Protocol):
    """Someone here who hears every entry of a session.

    Attributes:
        for_customer: whether it is the customer who hears it.
        participant_id: as whom they take part.
    """

    for_customer: bool
    participant_id: str

    def tell(self, text: str) -> None:
        """Send a frame that is no entry."""

    def deliver(self, entry: Entry, origin: object) -> None:
        """Take the next entry. `origin` made it and gets an acknowledgement instead; None when nobody here did."""


class Reply(Protocol):
    """Where the outcome of a submission goes."""

    def accepted(self, submission: "Submission", receipt: Receipt) -> None: ...

    def refused(self, submission: "Submission", error: MunimentError) -> None: ...


class LiveSession:
    """One session in hand.

    Attributes:
        held: what waits until the session was read anew; None when nothing has to wait.
        in_flight: what the transaction under way adds to it here: who reads the session meanwhile may find it stored already.
    """

    __slots__ = ("__weakref__", "_marks", "_reading", "held", "in_flight", "state", "subscribers")

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.subscribers: list[Subscriber] = []
        self.held: list[Submission] | None = None
        self.in_flight: Sequence[tuple[Submission, Receipt, Entry | None]] = ()
        self._reading = asyncio.Lock()
        self._marks: dict[tuple[str, str], int] = {}

    def check_cursor(self, after_seq: int) -> None:
        """Refuse a cursor that names entries that are not there.

        Raises:
            CursorAheadError: it does.
        """
        if after_seq > self.state.last_seq:
            raise CursorAheadError

    def knows(self, participant_id: str, kind: str, up_to: int) -> bool:
        """Whether it is known that this participant received, or read, so far."""
        return self._marks.get((participant_id, kind), 0) >= up_to

    def note(self, participant_id: str, kind: str, up_to: int) -> bool:
        """Take in how far a participant is; False when that was known."""
        if self.knows(participant_id, kind, up_to):
            return False
        self._marks[participant_id, kind] = up_to
        return True

    def apply(self, entry: Entry, origin: object = None) -> None:
        """Take in a durable entry and tell the subscribers; one that is known already is passed over."""
        if self.state.apply(entry):
            # A copy: a subscriber that cannot keep up leaves while it is told.
            for subscriber in tuple(self.subscribers):
                subscriber.deliver(entry, origin)

    async def catch_up(self, journal: Journal) -> None:
        """Take in what the database has beyond what is known here."""
        async with self._reading:
            while stored := await journal.entries_after(self.state.id, self.state.last_seq, PAGE):
                if any(e.kind in BRINGING for e in stored):
                    self.state.participants.update(await journal.participants(self.state))
                self._take_in(stored)

    def _take_in(self, stored: Iterable[StoredEntry]) -> None:
        # Whoever said it here hears of it by its acknowledgement alone.
        origins = {submission.contribution.entry_id: submission.reply for submission, _, _ in self.in_flight}
        for row in stored:
            if row.seq > self.state.last_seq:
                self.apply(row.follow(self.state.digest, self.state), origins.get(row.entry_id))


class Submission:
    """A contribution on its way to becoming an entry."""

    __slots__ = ("contribution", "live", "reply")

    def __init__(self, live: LiveSession, contribution: Contribution, reply: Reply) -> None:
        self.live = live
        self.contribution = contribution
        self.reply = reply


class Sessions:
    """Finds sessions, in hand or in the database. While anything refers to a session here, it is one object."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._live: WeakValueDictionary[UUID, LiveSession] = WeakValueDictionary()
        self._recent: OrderedDict[UUID, LiveSession] = OrderedDict()
        self._watched: dict[UUID, LiveSession] = {}

    def begin(self, session_id: UUID, data_key: DataKey) -> LiveSession:
        """A session that is about to be opened, and what is said in it sealed under this key."""
        return self._keep(LiveSession(SessionState(session_id, data_key)))

    async def find(self, session_id: UUID) -> LiveSession | None:
        """The session with everything that is durable of it now, or None when there is no such session.

        Raises:
            KeyDestroyedError: what was said in it was destroyed.
        """
        live = self._live.get(session_id)
        if live is None:
            state = await self._journal.load(session_id)
            if state is None:
                return None
            # Another caller may have read it meanwhile: the first object stays the one.
            live = self._live.get(session_id) or LiveSession(state)
        self._keep(live)
        await live.catch_up(self._journal)
        return live if live.state.last_seq else None

    def at_hand(self, session_id: UUID) -> LiveSession | None:
        """The session if somebody here hears it."""
        return self._watched.get(session_id)

    def watched(self) -> list[LiveSession]:
        return list(self._watched.values())

    def subscribe(self, live: LiveSession, subscriber: Subscriber) -> None:
        live.subscribers.append(subscriber)
        self._watched[live.state.id] = live

    def unsubscribe(self, live: LiveSession, subscriber: Subscriber) -> None:
        if subscriber in live.subscribers:
            live.subscribers.remove(subscriber)
        if not live.subscribers:
            self._watched.pop(live.state.id, None)

    def _keep(self, live: LiveSession) -> LiveSession:
        self._live[live.state.id] = live
        self._recent[live.state.id] = live
        self._recent.move_to_end(live.state.id)
        while len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return live
