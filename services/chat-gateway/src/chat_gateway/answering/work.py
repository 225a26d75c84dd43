"""The frames of those who answer, on one connection."""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, Protocol
from uuid import UUID

from chat_gateway import frames
from chat_gateway.answering import alarms, notes
from chat_gateway.answering.alarms import Alarm
from chat_gateway.answering.reveals import ACTION, Wish
from chat_gateway.answering.tools import Tools
from chat_gateway.answering_schemas import (
    AccompanyPerson,
    AlarmFrame,
    AlarmOut,
    AnswerAlarm,
    BrokenRule,
    CheckDraft,
    Checked,
    Duress,
    Monitored,
    NoteBody,
    NoteFrame,
    RegardPerson,
    Reveal,
    Revealed,
    UseAnswer,
    Whisper,
    WriteNote,
)
from chat_gateway.errors import NotInThisStateError, UnknownSessionError
from chat_gateway.gate import Caller, Gate, Passage
from chat_gateway.saying import check
from chat_gateway.speaking import told_of
from chat_gateway.use_cases import Chat, LetIn, Part
from common.audit import AuditEvent
from common.auth import Principal
from common.errors import MunimentError


class Host(Protocol):
    """The connection on which the frames come."""

    def passage(self, operation: str, *session_ids: UUID) -> AbstractAsyncContextManager[LetIn]:
        """Through the gate, for one frame of this connection's caller."""

    async def attend(self, part: Part, how: Literal["joined"], after_seq: int, /) -> None:
        """Hear this session from now on."""

    def part_in(self, session_key: str) -> Part | None:
        """The part in a session that this connection hears."""

    def tell(self, text: str, /) -> None:
        """Send a frame."""


class AnswerWork:
    """One connection's way to what those who answer need."""

    def __init__(self, host: Host, tools: Tools, chat: Chat, gate: Gate, who: Callable[[], Caller]) -> None:
        self._host = host
        self._tools = tools
        self._chat = chat
        self._gate = gate
        self._who = who
        self._ears: dict[str, notes.Ear] = {}
        self.handlers: dict[type, Callable[[Any], Awaitable[None]]] = {
            WriteNote: self._note,
            Duress: self._duress,
            AnswerAlarm: self._answer_alarm,
            CheckDraft: self._check,
            Reveal: self._reveal,
            UseAnswer: self._answer,
            RegardPerson: self._regard,
            AccompanyPerson: self._accompany,
        }

    def greet(self, principal: Principal) -> None:
        """An employee's connection hears alarms as far as they concern them; a customer's hears none."""
        if principal.roles & (alarms.HELPERS | {"agent"}):
            self._tools.alarms.watch(self, principal)
        else:
            self._tools.alarms.forget(self)

    async def attend(self, part: Part) -> None:
        """The connection hears this session from now on: its notes, if it is an employee's."""
        if part.participant.role not in notes.EMPLOYEES:
            return
        state = part.live.state
        ear = self._ears[state.key] = notes.Ear(part.participant, state.id, state.data_key, self._tell_note)
        await self._tools.notes.listen(ear)

    def leave(self, session_key: str) -> None:
        """The connection hears this session no more."""
        ear = self._ears.pop(session_key, None)
        if ear is not None:
            self._tools.notes.forget(ear)

    def gone(self) -> None:
        """The connection ended."""
        self._tools.alarms.forget(self)
        for session_key in list(self._ears):
            self.leave(session_key)

    def alarmed(self, alarm: Alarm, state: Any, /, *, recorded: bool) -> None:
        frame = AlarmFrame(**out(alarm).model_dump(), state=state, recorded=recorded)
        self._host.tell(frames.write(frame))

    def _tell_note(self, note: notes.Note) -> None:
        self._host.tell(frames.write(frame_of(note)))

    async def _note(self, frame: WriteNote) -> None:
        session_id, ear = UUID(frame.session_id), self._ears.get(frame.session_id)
        heard = ear.number if ear is not None else None
        async with self._host.passage("note.write", session_id) as passage:
            part = await self._chat.take_part(passage, session_id=session_id)
            async with self._tools.database.unit_of_work() as session:
                note = await self._tools.notes.write(session, part, client_id=frame.client_id, text=frame.text)
        if heard is None or note.number <= heard:  # a new one comes by the ear, perhaps before this
            self._tell_note(note)
        await self._tools.notes.announce(note)

    async def _check(self, frame: CheckDraft) -> None:
        await self._gate.ask_of("draft.check", self._who())
        part = self._host.part_in(frame.session_id)
        if part is None:
            raise UnknownSessionError
        checked = self._chat.speech.check(part.live.state, frame.text)
        answer = checked_of(frame.session_id, checked, frame.client_id)
        self._host.tell(frames.write(answer))

    async def _reveal(self, frame: Reveal) -> None:
        caller, session_id = self._who(), UUID(frame.session_id)
        try:
            permit = self._gate.ask(ACTION, caller.principal)
            letting = Passage(caller.principal, permit)
            part = await self._chat.take_part(letting, session_id=session_id)
            look = AuditEvent(caller.principal, caller.terminal, ACTION, "done", purpose=permit.purpose)
            found = await self._tools.reveals.reveal(part, Wish(frame.seq, frame.span, frame.reason), look)
        except MunimentError as refusal:
            await self._gate.refused(ACTION, caller, refusal, [frame.session_id])
            raise
        shown = Revealed(
            session_id=frame.session_id, seq=frame.seq, span=frame.span, kind=found.place.kind, text=found.text
        )  # fmt: skip
        self._host.tell(frames.write(shown))

    async def _answer(self, frame: UseAnswer) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("answer.use", session_id) as passage:
            part = await self._chat.take_part(passage, session_id=session_id)
            known = await self._tools.conversations.answer(
                part, client_id=frame.client_id, answer=frame.answer, version=frame.version, seen=frame.seen_seq
            )
        if known is not None:
            self._host.tell(frames.ack(frame.session_id, frame.client_id, known))

    async def _regard(self, frame: RegardPerson) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.regard", session_id) as passage:
            part = await self._chat.take_part(passage, session_id=session_id)
            await self._tools.conversations.regard(part, standing=frame.standing, basis=frame.basis)

    async def _accompany(self, frame: AccompanyPerson) -> None:
        session_id = UUID(frame.session_id)
        async with self._host.passage("session.accompany", session_id) as passage:
            part = await self._tools.conversations.accompany(
                passage, session_id=session_id, authority_id=UUID(frame.authority_id)
            )
        await self._host.attend(part, "joined", 0)

    async def _duress(self, frame: Duress) -> None:
        caller = self._who()
        purpose = await self._gate.ask_of("duress.raise", caller)
        here = frame.session_id is not None and frame.session_id in self._ears
        await self._tools.alarms.ring(
            caller.principal,
            terminal=caller.terminal,
            purpose=purpose,
            session_id=UUID(frame.session_id) if here else None,
            cause=frame.cause,
        )

    async def _answer_alarm(self, frame: AnswerAlarm) -> None:
        alarm_id = UUID(frame.alarm_id)
        await self._tools.alarms.store()  # it is heard before it is stored
        unit_of_work = self._tools.database.unit_of_work
        async with self._host.passage("duress.answer", alarm_id) as passage, unit_of_work() as session:
            if await alarms.agent_of(session, alarm_id) == passage.principal.id:
                raise NotInThisStateError("somebody else has to see to a call for help of one's own")
            await self._tools.alarms.answer(session, alarm_id, passage.principal)
        await self._tools.alarms.look()


def checked_of(session_key: str, checked: check.Checked, client_id: str | None = None) -> Checked:
    """What the rules say, as it is told."""
    rules = [BrokenRule.model_validate(told_of(broken)) for broken in checked.broken]
    return Checked(session_id=session_key, client_id=client_id, verdict=checked.verdict, rules=rules)


def frame_of(note: notes.Note) -> NoteFrame | Whisper | Monitored:
    """What an employee's connection is told of it."""
    if note.sort == "monitored":
        return Monitored.model_validate({"session_id": str(note.session_id), "state": note.text})
    return (Whisper if note.sort == "whisper" else NoteFrame)(**body(note).model_dump())


def body(note: notes.Note) -> NoteBody:
    return NoteBody(
        session_id=str(note.session_id),
        number=note.number,
        note_id=note.note_id,
        at=note.at,
        participant_id=note.participant_id,
        display_name=note.display_name,
        text=note.text,
    )


def out(alarm: Alarm) -> AlarmOut:
    return AlarmOut(
        alarm_id=str(alarm.id),
        at=alarm.at,
        cause=alarm.cause,
        agent=alarm.agent,
        office=alarm.office,
        session_id=str(alarm.session_id) if alarm.session_id else None,
        answered_by=alarm.answered_by,
        answered_at=alarm.answered_at,
    )
