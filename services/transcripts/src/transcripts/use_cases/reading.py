"""Look at transcripts: each look checks role and purpose and leaves its trace in the same unit of work (invariant 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from common import audit
from common.auth import Principal
from common.database import WriteSession
from common.errors import FieldError, ForbiddenError, InvalidError
from transcripts import policy
from transcripts.errors import NoTranscriptError, NotYoursError
from transcripts.model import Entry
from transcripts.repository import reading
from transcripts.sealing import Verification, first_misplaced, verify
from transcripts.tables import AuditEntry, SealFailure, Transcript

CONTENT_FIELDS = ("entries.content",)
SUMMARY_FIELDS = ("transcript",)
LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Look:
    """Who looks, in which role, for what, from where, when. `purpose` has been checked against the roles."""

    principal: Principal
    reader: policy.Reader
    purpose: str
    terminal: str
    now: datetime

    async def trace(
        self, session: WriteSession, action: str, record_ids: Sequence[str], fields: Sequence[str] = ()
    ) -> None:
        """Record that this was shown."""
        event = audit.AuditEvent(
            self.principal, self.terminal, action, "done", record_ids=record_ids, fields=fields, purpose=self.purpose
        )
        await audit.record(session, event, now=self.now)


async def read(
    session: WriteSession, look: Look, transcript_id: UUID, *, action: str = "transcript.read"
) -> tuple[Transcript, list[Entry]]:
    """A transcript with its entries.

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    found = await _visible(session, look, transcript_id)
    entries = await reading.entries_of(session, found.session_id)
    await look.trace(session, action, [str(found.id)], [*SUMMARY_FIELDS, *CONTENT_FIELDS])
    return found, entries


async def check(session: WriteSession, look: Look, transcript_id: UUID) -> tuple[Transcript, Verification]:
    """A transcript, and what recomputing its digests gives now (invariant 3).

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    found = await _visible(session, look, transcript_id)
    entries = await reading.entries_of(session, found.session_id)
    outcome = verify(entries)
    wrong = [n for n in (outcome.first_wrong_seq, first_misplaced(entries)) if n is not None]
    if not wrong and len(entries) != found.last_seq:
        wrong = [min(len(entries), found.last_seq) + 1]
    await look.trace(session, "transcript.verify", [str(found.id)], ["digest", "content_hash"])
    return found, Verification(outcome.digest, outcome.content_hash, min(wrong, default=None))


async def search(
    session: WriteSession, look: Look, keys: reading.Keys, *, before: UUID | None, limit: int
) -> Sequence[Transcript]:
    """Transcripts by these keys, as far as this look may see them.

    Raises:
        InvalidError: no key was given: the system is searched, not browsed.
    """
    if not keys.named and look.purpose != policy.OWN_RECORD:
        raise InvalidError(
            "at least one key is needed",
            errors=[
                FieldError(
                    "query", "one of session_id, account_id, employee_pin, chat_topic, opened_from and opened_to"
                )
            ],
        )
    scope = policy.scope_of(look.reader, look.purpose)
    found = await reading.find(session, keys, scope=scope, before=before, limit=limit)
    await look.trace(
        session,
        "transcript.search",
        [str(one.id) for one in found],
        [*SUMMARY_FIELDS, *(f"key.{n}" for n in keys.named)],
    )
    return found


async def accesses(
    session: WriteSession, look: Look, transcript_id: UUID, *, before: int | None, limit: int
) -> tuple[Sequence[AuditEntry], bool]:
    """Who looked at this transcript: all of it for auditors and privacy officers, what was shown for the person concerned.

    Returns:
        The looks, newest first, and whether the caller may know who they were.

    Raises:
        ForbiddenError: neither of these.
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    in_full = look.purpose != policy.OWN_RECORD
    if in_full and look.reader.roles.isdisjoint(policy.SEES_ACCESSES):
        raise ForbiddenError("auditors, privacy officers and the person concerned may see who looked")
    found = await _visible(session, look, transcript_id)
    looks = await reading.accesses(session, str(found.id), done_only=not in_full, before=before, limit=limit)
    await look.trace(session, "transcript.accesses", [str(found.id)], ["accesses"])
    return looks, in_full


async def seal_failures(session: WriteSession, look: Look) -> Sequence[SealFailure]:
    """Sessions that were refused the seal.

    Raises:
        ForbiddenError: the caller is neither records officer nor auditor.
    """
    if look.reader.roles.isdisjoint(policy.SEES_FAILURES):
        raise ForbiddenError("records officers and auditors may see this")
    found = await reading.seal_failures(session, limit=LIST_LIMIT)
    await look.trace(session, "seal_failure.list", [str(one.session_id) for one in found], ["seal_failure"])
    return found


async def _visible(session: WriteSession, look: Look, transcript_id: UUID) -> Transcript:
    found = await reading.transcript(session, transcript_id)
    parties = await reading.parties_of(session, transcript_id)
    scope = policy.scope_of(look.reader, look.purpose)
    offices = {party.office for party in parties if party.kind == "pin"}
    numbers = {party.blind for party in parties}
    if found is None:
        raise NoTranscriptError
    if not scope.covers(offices=offices, numbers=numbers):
        raise NotYoursError
    return found
