"""Notes among employees about a session: a stream of their own that has no way to the public.

A note is no entry: it stands in another table, under other numbers, in no event and in no digest. Who hears notes has to
hold an `Ear`, and an ear for somebody who is not an employee cannot be made. What a note says and who wrote it is sealed
under the session's key and ends with it.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import orjson

from chat_gateway.errors import ClientIdReusedError, NotYourSessionError
from chat_gateway.model import Participant
from chat_gateway.use_cases import Part
from common.clock import Clock
from common.database import Database, ReadSession, WriteSession, fetch_all
from common.messaging.consumer import is_outage
from common.protection.data_key import DataKey
from common.telemetry import get_logger

PAGE = 100
Sort = Literal["note", "whisper", "monitored"]
EMPLOYEES = frozenset({"agent", "supervisor"})
"""Roles in a session that may hold an ear."""

# Notes of one session get their numbers one after the other.
_TURN = "SELECT 1 FROM chat_session WHERE id = $1 FOR NO KEY UPDATE"
_KNOWN = "SELECT number, note_id, at, participant_id, sealed, sort, addressee FROM session_note WHERE session_id = $1 AND note_id = $2"
_NEXT = "SELECT coalesce(max(number), 0) + 1 AS number FROM session_note WHERE session_id = $1"
_ADD = """
INSERT INTO session_note (session_id, number, note_id, at, participant_id, sealed, sort, addressee) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""
_AFTER = """
SELECT number, note_id, at, participant_id, sealed, sort, addressee FROM session_note
WHERE session_id = $1 AND number > $2 ORDER BY number LIMIT $3
"""
_GROWN = """
SELECT w.id FROM unnest($1::uuid[], $2::int[]) AS w (id, number)
WHERE EXISTS (SELECT FROM session_note n WHERE n.session_id = w.id AND n.number > w.number)
"""

log = get_logger("notes")


@dataclass(frozen=True, slots=True)
class Note:
    """Attributes:
    number: 1, 2, 3 … within the session, apart from its entries.
    note_id: the writer's own id for it.
    participant_id: who wrote it.
    addressee: the employee to whom a supervisor whispers; None: for all who have the session.
    """

    session_id: UUID
    number: int
    note_id: str
    at: datetime
    participant_id: str
    display_name: str = field(repr=False)
    text: str = field(repr=False)
    sort: Sort = "note"
    addressee: str | None = None


class Ear:
    """Hears the notes of one session, for one employee.

    Args:
        who: the employee.
        tell: takes each note once, in order.

    Raises:
        NotYourSessionError: it is no employee.
    """

    __slots__ = ("key", "number", "session_id", "tell", "who")

    def __init__(self, who: Participant, session_id: UUID, key: DataKey, tell: Callable[[Note], None]) -> None:
        if who.role not in EMPLOYEES:
            raise NotYourSessionError
        self.who = who
        self.session_id = session_id
        self.key = key
        self.tell = tell
        self.number = 0

    def hear(self, notes: Sequence[Note]) -> None:
        """Take notes in their order; those that were heard already are passed over."""
        for note in notes:
            if note.number == self.number + 1:
                self.number = note.number
                if may_hear(note, self.who):
                    self.tell(note)


def may_hear(note: Note, who: Participant) -> bool:
    """What is for one employee is heard by that one, and by supervisors."""
    return note.addressee in (None, who.id) or who.role == "supervisor"


class NoteBoard:
    """Keeps notes, and tells the ears of this process.

    Args:
        seconds: how often notes written through other processes are looked for.
    """

    def __init__(self, database: Database, clock: Clock, *, seconds: float) -> None:
        self._database = database
        self._clock = clock
        self._seconds = seconds
        self._ears: dict[UUID, list[Ear]] = {}

    async def listen(self, ear: Ear) -> None:
        """Tell this ear everything from before, then what comes."""
        self._ears.setdefault(ear.session_id, []).append(ear)
        await self._tell(ear.session_id)

    def forget(self, ear: Ear) -> None:
        ears = self._ears.get(ear.session_id, [])
        if ear in ears:
            ears.remove(ear)
        if not ears:
            self._ears.pop(ear.session_id, None)

    async def write(self, session: WriteSession, part: Part, *, client_id: str, text: str) -> Note:
        """Keep a note, in this unit of work; written again under the same id it is the same note.

        Raises:
            NotYourSessionError: no employee who has the session writes it.
            ClientIdReusedError: the id stands for another note.
        """
        if part.participant.role not in EMPLOYEES:
            raise NotYourSessionError
        state = part.live.state
        await fetch_all(session, _TURN, state.id)
        return await self._kept(
            session,
            part,
            Note(state.id, 0, client_id, self._clock.now(), part.participant.id, part.participant.display_name, text),
        )

    async def say(self, part: Part, *, to: Participant, sort: Sort, client_id: str, text: str) -> Note:
        """Keep what is for one employee alone, in a unit of work of its own; said again it is the same.

        Raises:
            ClientIdReusedError: the id stands for another note.
        """
        state, who = part.live.state, part.participant
        note = Note(state.id, 0, client_id, self._clock.now(), who.id, who.display_name, text, sort, to.id)
        async with self._database.unit_of_work() as session:
            await fetch_all(session, _TURN, state.id)
            return await self._kept(session, part, note)

    async def _kept(self, session: WriteSession, part: Part, note: Note) -> Note:
        state = part.live.state
        known = _notes(await fetch_all(session, _KNOWN, state.id, UUID(note.note_id)), state.id, state.data_key)
        if known:
            if (known[0].text, known[0].participant_id) != (note.text, note.participant_id):
                raise ClientIdReusedError
            return known[0]
        note = replace(note, number=(await fetch_all(session, _NEXT, state.id))[0]["number"])
        said = orjson.dumps({"display_name": note.display_name, "text": note.text})
        sealed = state.data_key.seal(said, _place(state.id, note.number))
        addressee = UUID(note.addressee) if note.addressee else None
        await fetch_all(
            session, _ADD, state.id, note.number, UUID(note.note_id), note.at, UUID(note.participant_id), sealed, note.sort, addressee
        )  # fmt: skip
        return note

    async def announce(self, note: Note) -> None:
        """A note was kept: tell those here who hear its session."""
        await self._tell(note.session_id)

    async def run(self) -> None:
        """Look for notes that were written through other processes, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds)
            if not self._ears:
                continue
            try:
                for session_id in await self._grown():
                    await self._tell(session_id)
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("notes.database_out_of_reach", error=type(error).__name__)

    async def _grown(self) -> list[UUID]:
        heard = {session_id: min(ear.number for ear in ears) for session_id, ears in self._ears.items()}
        async with self._database.reading() as session:
            rows = await fetch_all(session, _GROWN, list(heard), list(heard.values()))
        return [row["id"] for row in rows]

    async def _tell(self, session_id: UUID) -> None:
        ears = self._ears.get(session_id, [])
        while ears:
            least = min(ear.number for ear in ears)
            async with self._database.reading() as session:
                notes = await after(session, session_id, ears[0].key, least, PAGE)
            for ear in tuple(ears):
                ear.hear(notes)
            if len(notes) < PAGE:
                return


async def after(session: ReadSession, session_id: UUID, key: DataKey, number: int, limit: int) -> list[Note]:
    """Notes of a session beyond this number, in their order.

    Raises:
        KeyDestroyedError: what was said in the session was destroyed.
    """
    return _notes(await fetch_all(session, _AFTER, session_id, number, limit), session_id, key)


def _notes(rows: Sequence[Any], session_id: UUID, key: DataKey) -> list[Note]:
    return [
        Note(
            session_id,
            row["number"],
            str(row["note_id"]),
            row["at"],
            str(row["participant_id"]),
            sort=row["sort"],
            addressee=str(row["addressee"]) if row["addressee"] else None,
            **orjson.loads(key.open(row["sealed"], _place(session_id, row["number"]))),
        )
        for row in rows
    ]


def _place(session_id: UUID, number: int) -> bytes:
    return f"session_note|{session_id}|{number}".encode()
