"""Look at transcripts: within the reach of whoever was let in, naming for the trail what was shown (invariant 7)."""

from collections.abc import Sequence
from uuid import UUID

from common.access import OWN_RECORD, Look
from common.errors import FieldError, InvalidError
from transcripts import policy
from transcripts.errors import NoTranscriptError, NotYoursError
from transcripts.model import Entry
from transcripts.repository import reading
from transcripts.sealing import Verification, first_misplaced, verify
from transcripts.tables import AuditEntry, SealFailure, Transcript

CONTENT_FIELDS = ("entries.content",)
SUMMARY_FIELDS = ("transcript",)
LIST_LIMIT = 200


async def read(look: Look, reader: policy.Reader, transcript_id: UUID) -> tuple[Transcript, list[Entry]]:
    """A transcript with its entries.

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    found = await _visible(look, reader, transcript_id)
    entries = await reading.entries_of(look.session, found.session_id)
    look.touch(fields=[*SUMMARY_FIELDS, *CONTENT_FIELDS])
    return found, entries


async def check(look: Look, reader: policy.Reader, transcript_id: UUID) -> tuple[Transcript, Verification]:
    """A transcript, and what recomputing its digests gives now (invariant 3).

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    found = await _visible(look, reader, transcript_id)
    entries = await reading.entries_of(look.session, found.session_id)
    outcome = verify(entries)
    wrong = [n for n in (outcome.first_wrong_seq, first_misplaced(entries)) if n is not None]
    if not wrong and len(entries) != found.last_seq:
        wrong = [min(len(entries), found.last_seq) + 1]
    look.touch(fields=["digest", "content_hash"])
    return found, Verification(outcome.digest, outcome.content_hash, min(wrong, default=None))


async def search(
    look: Look, reader: policy.Reader, keys: reading.Keys, *, before: UUID | None, limit: int
) -> Sequence[Transcript]:
    """Transcripts by these keys, as far as this look may see them.

    Raises:
        InvalidError: no key was given: the system is searched, not browsed.
    """
    if not keys.named and look.purpose != OWN_RECORD:
        raise InvalidError(
            "at least one key is needed",
            errors=[
                FieldError(
                    "query", "one of session_id, account_id, employee_pin, chat_topic, opened_from and opened_to"
                )
            ],
        )
    scope = policy.scope_of(reader, look.scopes, look.purpose)
    found = await reading.find(look.session, keys, scope=scope, before=before, limit=limit)
    look.touch(*(one.id for one in found), fields=[*SUMMARY_FIELDS, *(f"key.{n}" for n in keys.named)])
    return found


async def accesses(
    look: Look, reader: policy.Reader, transcript_id: UUID, *, before: int | None, limit: int
) -> tuple[Sequence[AuditEntry], bool]:
    """Who looked at this transcript: all of it for auditors and privacy officers, what was shown for the person concerned.

    Returns:
        The looks, newest first, and whether the caller may know who they were.

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    in_full = look.purpose != OWN_RECORD
    found = await _visible(look, reader, transcript_id)
    looks = await reading.accesses(look.session, str(found.id), done_only=not in_full, before=before, limit=limit)
    look.touch(fields=["accesses"])
    return looks, in_full


async def seal_failures(look: Look) -> Sequence[SealFailure]:
    """Sessions that were refused the seal."""
    found = await reading.seal_failures(look.session, limit=LIST_LIMIT)
    look.touch(*(one.session_id for one in found), fields=["seal_failure"])
    return found


async def _visible(look: Look, reader: policy.Reader, transcript_id: UUID) -> Transcript:
    """The same questions are put to the store whatever the answer: what is not there and what is not theirs look alike."""
    found = await reading.transcript(look.session, transcript_id)
    parties = await reading.parties_of(look.session, transcript_id)
    scope = policy.scope_of(reader, look.scopes, look.purpose)
    offices = {party.office for party in parties if party.kind == "pin"}
    numbers = {party.blind for party in parties}
    if found is None:
        raise NoTranscriptError
    if not scope.covers(offices=offices, numbers=numbers):
        raise NotYoursError
    return found
