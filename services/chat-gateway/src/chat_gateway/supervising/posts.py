"""The frames of supervisors as requests: what listens is no connection here but a watch in the database."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol
from uuid import UUID

from chat_gateway import frames
from chat_gateway.answering.work import frame_of
from chat_gateway.answering_schemas import Monitor, StepIn, StopMonitoring, WriteWhisper
from chat_gateway.gate import Caller
from chat_gateway.schemas import Left
from chat_gateway.supervising.watching import Watch, Watches
from chat_gateway.use_cases import LetIn, Part


class Host(Protocol):
    """One request."""

    def passage(self, operation: str, *record_ids: UUID) -> AbstractAsyncContextManager[LetIn]:
        """Through the door."""

    def touch(self, record_id: UUID, /) -> None:
        """Say in the audit entry that this was touched too."""

    def tell(self, text: str, /) -> None:
        """Answer with this frame."""

    async def attend(self, part: Part, how: Literal["joined", "monitoring"], after_seq: int, /) -> None:
        """Answer with how the session stands."""


class SupervisorPosts:
    """Args:
    who: the caller.
    purpose: as the request states it; the watch that is meant was begun for it.
    """

    def __init__(self, host: Host, watches: Watches, who: Callable[[], Caller], purpose: Callable[[], str]) -> None:
        self._host = host
        self._watches = watches
        self._who = who
        self._purpose = purpose
        self.handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            Monitor: self._monitor,
            StopMonitoring: self._stop,
            WriteWhisper: self._whisper,
            StepIn: self._step_in,
        }

    async def _monitor(self, frame: Monitor) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.monitor", session_id) as letting:
            watch = await self._watches.begin(letting, self._who(), session_id, frame.purpose)
            self._host.touch(watch.id)
        await self._host.attend(watch.part, "monitoring", 0)

    async def _stop(self, frame: StopMonitoring) -> None:
        session_id = UUID(frame.session_id)
        watch = await self._ended(session_id)
        self._host.tell(frames.write(Left(session_id=watch.part.live.state.key)))

    async def _ended(self, session_id: UUID) -> Watch:
        async with self._host.passage("session.unmonitor", session_id) as letting:
            watch = await self._watches.find(letting, self._who(), session_id, self._purpose())
            self._host.touch(watch.id)
            await self._watches.end_recorded(watch)
        return watch

    async def _whisper(self, frame: WriteWhisper) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.whisper", session_id) as letting:
            watch = await self._watches.find(letting, self._who(), session_id, self._purpose())
            self._host.touch(watch.id)
            said = await self._watches.notes.say(
                watch.part, to=watch.agent, sort="whisper", client_id=frame.client_id, text=frame.text
            )
        self._host.tell(frames.write(frame_of(said)))
        await self._watches.notes.announce(said)

    async def _step_in(self, frame: StepIn) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.step-in", session_id) as letting:
            watch = await self._watches.find(letting, self._who(), session_id, self._purpose())
            part = await self._watches.step_in(watch)
        await self._host.attend(part, "joined", 0)
