"""Keep the entries of sessions and seal what is complete."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from uuid import UUID

from prometheus_client import Counter
from sqlalchemy import event

from common.contracts.envelope import Envelope, EventData
from common.database import WriteSession
from common.ids import new_id
from common.protection.data_key import DataKey
from common.protection.errors import KeyDestroyedError, TamperedError
from common.protection.keyring import Keyring
from common.protection.service_keys import ColumnKeys
from transcripts import assembly, publishing
from transcripts.errors import Disagreement, EntryConflictError, SealRefusedError
from transcripts.model import Entry, Sealed
from transcripts.opening import keys_of, opened
from transcripts.repository import capture
from transcripts.sealing import names_people, seal

SEALED = Counter("muniment_transcripts_sealed_total", "Transcripts sealed")
REFUSED = Counter(
    "muniment_transcripts_seal_refused_total", "Sessions that were complete and refused the seal", ["rule"]
)


async def take_entries(
    session: WriteSession,
    envelopes: Sequence[Envelope[EventData]],
    *,
    now: datetime,
    keyring: Keyring,
    keys: ColumnKeys,
) -> None:
    """Keep these entries; seal every session that they complete, and tell of it (S1-003).

    Raises:
        EntryConflictError: a number is taken by another entry.
        SessionSealedError, BeyondClosingError: a session takes no more.
        SealRefusedError: complete, but the digests disagree.
    """
    entries = assembly.entries_of(envelopes)
    holdings, added = await capture.store(session, entries, now=now)
    if added < len(entries) and await capture.count_differing(session, entries):
        raise EntryConflictError
    complete = [holding.session_id for holding in holdings if assembly.is_complete(holding)]
    if complete:
        await _seal(session, complete, now=now, keyring=keyring, keys=keys)


async def note_refusal(session: WriteSession, error: Exception, *, now: datetime) -> None:
    """Keep a refused seal for the records officers; other errors leave nothing here."""
    if isinstance(error, SealRefusedError):
        await capture.add_failures(session, error.disagreements, now=now)
        for one in error.disagreements:
            REFUSED.labels(one.rule).inc()


async def _seal(
    session: WriteSession, session_ids: Sequence[UUID], *, now: datetime, keyring: Keyring, keys: ColumnKeys
) -> None:
    """Only what names people is opened, to find the transcript by it; the messages stay shut."""
    sessions = await capture.entries_of(session, session_ids)
    naming = [entry for kept in sessions.values() for entry in kept if names_people(entry)]
    data_keys = await keys_of(keyring, naming)
    outcomes = [seal(session_id, kept, _names(kept, data_keys)) for session_id, kept in sessions.items()]
    if refused := [one for one in outcomes if isinstance(one, Disagreement)]:
        raise SealRefusedError(refused)
    sealed = [(new_id(), one) for one in outcomes if isinstance(one, Sealed)]
    await capture.add_transcripts(session, sealed, keys=keys, now=now)
    await publishing.transcripts_closed(session, sealed, sealed_at=now)
    event.listen(session.sync_session, "after_commit", lambda _: SEALED.inc(len(sealed)), once=True)


def _names(kept: Sequence[Entry], keys: Mapping[UUID, DataKey]) -> dict[int, bytes]:
    found = {}
    for entry in filter(names_people, kept):
        # What cannot be opened is left out, and the session refused the seal for it.
        with suppress(KeyDestroyedError, TamperedError):
            found[entry.seq] = opened(entry, keys)
    return found
