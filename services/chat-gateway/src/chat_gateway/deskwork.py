"""The frames of routing on a connection: an employee's desk, what a waiting or silent customer may do, and the end."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol
from uuid import UUID

from chat_gateway import frames
from chat_gateway.desk_schemas import (
    Accept,
    Available,
    Away,
    Decline,
    DeskFrame,
    Extend,
    Hold,
    KeepPlace,
    PlaceFrame,
    Prioritise,
    ReleaseHold,
    Transfer,
    TransferFrame,
    WithdrawTransfer,
)
from chat_gateway.desks import Desks
from chat_gateway.schemas import CloseSession, Join
from chat_gateway.use_cases import Chat, LetIn, Part


class Host(Protocol):
    """Where the frames come from: a connection, or one request."""

    def passage(self, operation: str, *session_ids: UUID) -> AbstractAsyncContextManager[LetIn]:
        """Through the gate, for one frame of this connection's caller."""

    def part_in(self, session_key: str) -> Part | None:
        """The part in a session that this connection hears."""

    def tell(self, text: str, /) -> None:
        """Send a frame."""

    async def attend(self, part: Part, how: Literal["joined"], after_seq: int, /) -> None:
        """Hear this session from now on."""


class DeskWork:
    """One connection's way to `Desks`."""

    def __init__(self, host: Host, desks: Desks, chat: Chat) -> None:
        self._host = host
        self._desks = desks
        self._chat = chat
        self.handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            Join: self._join,
            Available: self._available,
            Away: self._away,
            Accept: self._accept,
            Decline: self._decline,
            Transfer: self._transfer,
            WithdrawTransfer: self._withdraw,
            Hold: self._hold,
            ReleaseHold: self._unhold,
            Extend: self._extend,
            Prioritise: self._prioritise,
            KeepPlace: self._keep_place,
            CloseSession: self._close_session,
        }

    async def _available(self, frame: Available) -> None:
        async with self._host.passage("desk.available") as passage:
            capacity = await self._desks.available(passage, frame.capacity)
        self._host.tell(frames.write(DeskFrame(available=True, capacity=capacity)))

    async def _away(self, _frame: Away) -> None:
        async with self._host.passage("desk.away") as passage:
            await self._desks.away(passage)
        self._host.tell(frames.write(DeskFrame(available=False)))

    async def _join(self, frame: Join) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.join", session_id) as passage:
            part = await self._chat.join_session(passage, session_id=session_id)
            await self._desks.sit_down(passage.principal)
        await self._host.attend(part, "joined", 0)

    async def _accept(self, frame: Accept) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.accept", session_id) as passage:
            part = await self._desks.accept(passage, session_id=session_id)
        await self._host.attend(part, "joined", 0)

    async def _decline(self, frame: Decline) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.decline", session_id) as passage:
            await self._desks.decline(passage, session_id=session_id, reason=frame.reason)

    async def _transfer(self, frame: Transfer) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.transfer", session_id) as passage:
            if frame.agent is None:
                await self._desks.give_back(passage, session_id=session_id, topic=frame.topic, reason=frame.reason)
                answer = TransferFrame(session_id=frame.session_id, state="returned")
            else:
                until = await self._desks.propose(
                    passage, session_id=session_id, agent=frame.agent, reason=frame.reason
                )
                answer = TransferFrame(session_id=frame.session_id, state="asked", until=until)
        self._host.tell(frames.write(answer))

    async def _withdraw(self, frame: WithdrawTransfer) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.withdraw", session_id) as passage:
            await self._desks.withdraw(passage, session_id=session_id)
        self._host.tell(frames.write(TransferFrame(session_id=frame.session_id, state="withdrawn")))

    async def _hold(self, frame: Hold) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.hold", session_id) as passage:
            await self._desks.hold(passage, session_id=session_id, seconds=frame.seconds)

    async def _unhold(self, frame: ReleaseHold) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.unhold", session_id) as passage:
            await self._desks.unhold(passage, session_id=session_id)

    async def _extend(self, frame: Extend) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.extend", session_id) as passage:
            await self._desks.extend(await self._chat.take_part(passage, session_id=session_id))

    async def _prioritise(self, frame: Prioritise) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.prioritise", session_id) as passage:
            await self._desks.prioritise(passage, session_id=session_id, reason=frame.reason)

    async def _keep_place(self, frame: KeepPlace) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.keep-place", session_id) as passage:
            part = await self._chat.take_part(passage, session_id=session_id)
            if frame.message:
                await self._desks.leave_message(part)
                self._host.tell(frames.write(PlaceFrame(session_id=frame.session_id)))
                return
            kept = await self._desks.keep_place(part)
        answer = PlaceFrame(session_id=frame.session_id, token=kept.token, valid_until=kept.valid_until)
        self._host.tell(frames.write(answer))

    async def _close_session(self, frame: CloseSession) -> None:
        session_id = UUID(frame.session_id)
        attended = self._host.part_in(frame.session_id) is not None
        async with self._host.passage("session.close", session_id) as passage:
            part = await self._chat.take_part(passage, session_id=session_id)
            await self._chat.close_session(part)
        if not attended:  # who attends hears it as everybody does, by the closing entry
            self._host.tell(frames.write(frames.closed(part.live.state)))
