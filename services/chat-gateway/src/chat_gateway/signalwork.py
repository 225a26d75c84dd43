"""The frames of receipts and of typing on a connection. Who was let into a session gives them without an audit entry."""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

from chat_gateway.errors import UnknownSessionError
from chat_gateway.signals.schemas import Mark, Typing
from chat_gateway.subscriptions import Subscription
from chat_gateway.use_cases import Chat, LetIn


class Host(Protocol):
    """The connection on which the frames come."""

    def passage(self, operation: str, *session_ids: UUID) -> AbstractAsyncContextManager[LetIn]:
        """Through the gate, for one frame of this connection's caller."""


class SignalWork:
    """Args:
    heard: what the connection hears, by session.
    """

    def __init__(self, host: Host, chat: Chat, heard: Mapping[str, Subscription]) -> None:
        self._host = host
        self._chat = chat
        self._heard = heard
        self.handlers: dict[type, Callable[[Any], Awaitable[None]]] = {Mark: self._mark, Typing: self._typing}

    async def _mark(self, frame: Mark) -> None:
        subscription = self._heard.get(frame.session_id)
        if subscription is not None:
            part = subscription.part
        else:  # it is over, and its last words are read now
            session_id = UUID(frame.session_id)
            async with self._host.passage("message.receipt", session_id) as passage:
                part = await self._chat.take_part(passage, session_id=session_id)
        self._chat.signals.mark(part.live, part.participant.id, frame.kind, frame.up_to)

    async def _typing(self, frame: Typing) -> None:
        subscription = self._heard.get(frame.session_id)
        if subscription is None:
            raise UnknownSessionError
        self._chat.signals.typing(subscription.part.live, subscription.participant_id, on=frame.on)
