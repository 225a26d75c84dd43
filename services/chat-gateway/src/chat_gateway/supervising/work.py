"""The frames of supervisors, on one connection."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

from chat_gateway import frames
from chat_gateway.answering import notes
from chat_gateway.answering.work import frame_of
from chat_gateway.answering_schemas import Monitor, StepIn, StopMonitoring, WriteWhisper
from chat_gateway.errors import UnknownSessionError
from chat_gateway.gate import Caller, Passage
from chat_gateway.hearing import Hearing
from chat_gateway.schemas import Left
from chat_gateway.snapshots import How
from chat_gateway.supervising.watching import Watch, Watches
from chat_gateway.use_cases import Part
from common.auth import Principal


class Host(Protocol):
    """The connection on which the frames come."""

    def passage(self, operation: str, *session_ids: UUID, purpose: str = "") -> AbstractAsyncContextManager[Passage]:
        """Through the gate, for one frame of this connection's caller."""

    def tell(self, text: str, /) -> None:
        """Send a frame."""

    async def attend(self, part: Part, how: How, after_seq: int, /) -> None:
        """Hear this session from now on, as somebody who takes part."""

    def quit(self, session_key: str, /) -> None:
        """Hear it no more."""


class _Inside:
    """Hears what the connection takes part in: a supervisor's watch ends with their part."""

    def __init__(self, watches: Watches) -> None:
        self.watches: dict[str, Watch] = {}
        self._all = watches

    async def attend(self, part: Part) -> None: ...

    def leave(self, session_key: str) -> None:
        if (watch := self.watches.pop(session_key, None)) is not None:
            self._all.end(watch)


class SupervisorWork:
    """Args:
    hearing: hears what is listened to, apart from what the connection takes part in: nothing can be said through it, no
        receipt and no typing goes out of it.
    """

    def __init__(self, host: Host, watches: Watches, hearing: Hearing, who: Callable[[], Caller]) -> None:
        self._host = host
        self._watches = watches
        self._hearing = hearing
        self._who = who
        self._mine: dict[str, Watch] = {}
        self._ears: dict[str, notes.Ear] = {}
        self.inside = _Inside(watches)
        hearing.beside(self)
        self.handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            Monitor: self._monitor,
            StopMonitoring: self._stop,
            WriteWhisper: self._whisper,
            StepIn: self._step_in,
        }

    async def attend(self, part: Part) -> None:
        """Notes and whispers are heard with the entries."""
        state = part.live.state
        ear = self._ears[state.key] = notes.Ear(part.participant, state.id, state.data_key, self._tell_note)
        await self._watches.notes.listen(ear)

    def leave(self, session_key: str) -> None:
        """Whatever ends the listening ends here: the closing, another employee, the line, the supervisor."""
        if (ear := self._ears.pop(session_key, None)) is not None:
            self._watches.notes.forget(ear)
        if (watch := self._mine.pop(session_key, None)) is not None:
            self._watches.end(watch)

    def shut_out(self, watch: Watch) -> None:
        key = watch.part.live.state.key
        self._host.tell(frames.write(Left(session_id=key)))
        self._silence(key)

    def gone(self) -> None:
        """The connection ended, or its caller may listen no more."""
        for key in [*self._mine, *self.inside.watches]:
            self._silence(key)

    def greet(self, principal: Principal) -> None:
        """Whoever may listen no more, their position or standing having changed, hears no more (S3-111)."""
        for watch in [*self._mine.values(), *self.inside.watches.values()]:
            watch.caller = self._who()
            if not self._watches.may_listen(principal, watch.purpose):
                self.shut_out(watch)

    def _silence(self, key: str) -> None:
        if (subscription := self._hearing.parts.get(key)) is not None:
            self._hearing.leave(subscription)
        self.leave(key)
        if key in self.inside.watches:
            self._host.quit(key)

    def _tell_note(self, note: notes.Note) -> None:
        if note.sort != "monitored":  # that is for the employee
            self._host.tell(frames.write(frame_of(note)))

    async def _monitor(self, frame: Monitor) -> None:
        session_id = UUID(frame.session_id)
        self._silence(frame.session_id)
        async with self._host.passage("session.monitor", session_id, purpose=frame.purpose) as passage:
            watch = await self._watches.begin(passage, self._who(), session_id, frame.purpose)
            passage.record_ids.append(watch.part.participant.id)
        self._mine[frame.session_id] = watch
        self._watches.hear(watch, self)
        part = Part(watch.part.live, watch.part.participant, watch.part.entitled, supervises=watch.agent.id)
        try:
            await self._hearing.attend(part, "monitoring", 0)
        except BaseException:
            self._silence(frame.session_id)
            raise

    async def _stop(self, frame: StopMonitoring) -> None:
        self._watch_of(frame.session_id)
        self._silence(frame.session_id)
        await self._watches.record_ends()
        self._host.tell(frames.write(Left(session_id=frame.session_id)))

    async def _whisper(self, frame: WriteWhisper) -> None:
        watch = self._watch_of(frame.session_id)
        async with self._host.passage("session.whisper", watch.session_id, purpose=watch.purpose) as passage:
            passage.record_ids.append(watch.part.participant.id)
            said = await self._watches.notes.say(
                watch.part, to=watch.agent, sort="whisper", client_id=frame.client_id, text=frame.text
            )
        ear = self._ears.get(frame.session_id)
        if ear is None or ear.number >= said.number:
            self._tell_note(said)
        await self._watches.notes.announce(said)

    async def _step_in(self, frame: StepIn) -> None:
        watch = self._watch_of(frame.session_id)
        async with self._host.passage("session.step-in", watch.session_id, purpose=watch.purpose):
            part = await self._watches.step_in(watch)
        key = frame.session_id
        for kept in (self._mine, self.inside.watches):  # it goes on, but as part of the conversation
            kept.pop(key, None)
        self._silence(key)
        try:
            await self._host.attend(part, "joined", 0)
        except BaseException:
            self._watches.end(watch)
            raise
        self.inside.watches[key] = watch

    def _watch_of(self, session_key: str) -> Watch:
        """Raises UnknownSessionError: this connection does not listen to it."""
        if (watch := self._mine.get(session_key) or self.inside.watches.get(session_key)) is None:
            raise UnknownSessionError
        return watch
