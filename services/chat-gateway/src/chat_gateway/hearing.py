"""What one connection, stream or poll hears: its sessions, each from a cursor on, without a gap or a repetition."""

import asyncio
from collections.abc import Callable
from typing import Protocol

from chat_gateway import frames
from chat_gateway.snapshots import How, Snapshots, snapshot
from chat_gateway.subscriptions import Outlet, Subscription
from chat_gateway.use_cases import Chat, Part
from common.auth import Principal


class Companion(Protocol):
    """Hears beside the entries what only some may hear."""

    async def attend(self, part: Part, /) -> None: ...

    def leave(self, session_key: str, /) -> None: ...


class Hearing:
    """Args:
    outlet: where frames go.
    origin: what this one says itself bears this as its origin; None where it says nothing.
    principal: who hears, by the token that was shown last.
    numbered: writes the cursor beside each entry, where the transport has a place for it.

    Attributes:
        parts: by session.
    """

    def __init__(
        self,
        chat: Chat,
        snapshots: Snapshots,
        outlet: Outlet,
        *,
        origin: object = None,
        principal: Principal | None = None,
        numbered: Callable[["Hearing", Subscription], Callable[[str], None]] | None = None,
    ) -> None:
        self.outlet = outlet
        self.origin = origin
        self.principal = principal
        self.parts: dict[str, Subscription] = {}
        self._chat = chat
        self._snapshots = snapshots
        self._numbered = numbered
        self._over = asyncio.Event()
        self._companions: list[Companion] = []

    def beside(self, companion: Companion) -> None:
        """Have this one hear every session that is heard here."""
        self._companions.append(companion)

    def shower(self, subscription: Subscription) -> Callable[[str], None]:
        return self._numbered(self, subscription) if self._numbered is not None else self.outlet.push

    async def attend(self, part: Part, how: How, after_seq: int, *, client_id: str | None = None) -> None:
        """Send how the session stands and what the reader lacks, in order, and go over to live delivery."""
        state = part.live.state
        if (former := self.parts.get(state.key)) is not None:
            self.leave(former)
        subscription = self.parts[state.key] = Subscription(self, part, after_seq)
        self._chat.sessions.subscribe(part.live, subscription)
        try:
            if how == "resumed" and after_seq:
                # Who asks for what comes after an entry has it.
                self._chat.signals.mark(part.live, part.participant.id, "delivered", after_seq)
            kept = await self._snapshots.kept(part, how)
            subscription.greet(frames.write(snapshot(part, how, after_seq, kept, client_id=client_id)))
            for companion in self._companions:
                await companion.attend(part)
            # The last look at last_seq and going live happen without a pause in between: nothing can slip through.
            while self.outlet.closing is None and subscription.cursor < state.last_seq:
                await subscription.send_backlog(self._chat.journal)
        except BaseException:
            self.leave(subscription)
            raise
        if self.outlet.closing is None:
            subscription.go_live()

    def tell(self, text: str) -> None:
        """Send a frame that belongs to no session."""
        self.outlet.push(text)

    def leave(self, subscription: Subscription) -> None:
        if self.parts.get(subscription.part.live.state.key) is subscription:
            del self.parts[subscription.part.live.state.key]
            for companion in self._companions:
                companion.leave(subscription.part.live.state.key)
        self._chat.sessions.unsubscribe(subscription.part.live, subscription)
        if not self.parts:
            self._over.set()

    async def until_over(self) -> None:
        """Wait until no session is heard any more."""
        while self.parts:
            self._over.clear()
            await self._over.wait()

    def leave_all(self) -> None:
        for subscription in list(self.parts.values()):
            self.leave(subscription)
