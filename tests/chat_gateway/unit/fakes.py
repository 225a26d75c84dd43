"""A journal in memory. It obeys the same tests as the real one (integration/test_journal.py)."""

from collections.abc import Iterator, Sequence
from uuid import UUID

from chat_gateway.drafts import Draft, SessionState
from chat_gateway.journal import OutOfReachError, RefusedError, StoredEntry
from chat_gateway.model import EVENTS, Participant
from common.testing import MemoryKeyring

KEYRING = MemoryKeyring()
"""Where the keys of these tests' sessions come from."""


class MemoryJournal:
    """Attributes:
    faults: what happens to the next appends, one after the other: `lost` (stored, but the answer is lost), `cut` (not
        stored, and the answer is lost), `deadlock`; anything else, or nothing, is a normal append.
    poison: texts that the database would refuse.
    """

    def __init__(self) -> None:
        self.entries: dict[UUID, list[StoredEntry]] = {}
        self.people: dict[UUID, dict[str, Participant]] = {}
        self.openings: dict[tuple[str, str], SessionState] = {}
        self.faults: Iterator[str] = iter(())
        self.poison: set[bytes] = set()
        self.appends = 0

    async def append(self, drafts: Sequence[Draft]) -> set[UUID]:
        self.appends += 1
        fault = next(self.faults, "")
        if fault == "cut":
            raise OutOfReachError
        if fault == "deadlock":
            raise RefusedError("deadlock", passing=True)
        if any(mark in entry.pii for mark in self.poison for draft in drafts for entry in draft.entries):
            raise RefusedError("poison", passing=False)
        lost = {draft.state.id for draft in drafts if not self._store(draft)}
        if fault == "lost":
            raise OutOfReachError
        return lost

    def _store(self, draft: Draft) -> bool:
        there = self.entries.setdefault(draft.state.id, [])
        if len(there) != draft.entries[0].seq - 1:
            return False
        if draft.opened is not None:
            place = (draft.opened.participant.principal_id, draft.opened.entry_id)
            if self.openings.setdefault(place, draft.state).id != draft.state.id:
                return False
        for entry in draft.entries:
            EVENTS[entry.kind].model_validate_json(entry.value)
            there.append(StoredEntry(entry.seq, entry.kind, entry.entry_id, entry.value))
        self.people.setdefault(draft.state.id, {}).update(draft.participants)
        return True

    async def entries_after(self, session_id: UUID, seq: int, limit: int) -> list[StoredEntry]:
        return self.entries.get(session_id, [])[seq : seq + limit]

    async def participants(self, state: SessionState) -> dict[str, Participant]:
        return dict(self.people.get(state.id, {}))

    async def last_seqs(self, session_ids: Sequence[UUID]) -> dict[UUID, int]:
        return {i: len(self.entries.get(i, [])) for i in session_ids}

    async def load(self, session_id: UUID) -> SessionState | None:
        if not self.entries.get(session_id):
            return None
        begun = next(s for s in self.openings.values() if s.id == session_id)
        state = SessionState(session_id, begun.data_key)
        state.opening = begun.opening
        return state

    async def opened_as(self, account_id: str, client_id: str) -> UUID | None:
        found = self.openings.get((account_id, client_id))
        return found.id if found else None
