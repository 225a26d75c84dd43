"""Look at transcripts: within the reach of whoever was let in, naming for the trail what was shown (invariant 7)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import orjson

from common.access import OWN_RECORD, Look
from common.database import ReadSession
from common.errors import FieldError, ForbiddenError, InvalidError
from common.pii.taxonomy import Taxonomy
from common.protection.errors import KeyDestroyedError
from common.protection.keyring import Keyring
from transcripts import altering, policy
from transcripts.errors import NoTranscriptError, NotYoursError
from transcripts.model import Entry
from transcripts.opening import first_tampered, keys_of, opened
from transcripts.repository import notations, reading
from transcripts.sealing import Verification, first_misplaced, verify
from transcripts.tables import AuditEntry, Notation, SealFailure, Transcript

CONTENT_FIELDS = ("entries.content",)
SUMMARY_FIELDS = ("transcript",)
LIST_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Opened:
    """An entry as it is shown: what the digest covers, and in `pii` what it says of a person."""

    entry: Entry
    content: dict[str, Any]


async def amendments(look: Look, transcript_id: UUID) -> Sequence[Notation]:
    """What was amended of a transcript that this look shows."""
    look.touch(fields=["notations"])
    return await notations.notations_of(look.session, transcript_id)


async def read(
    look: Look, reader: policy.Reader, transcript_id: UUID, keyring: Keyring
) -> tuple[Transcript, list[Opened]]:
    """A transcript with its entries, opened.

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
        KeyDestroyedError: what was said was destroyed: when, and why.
    """
    found = await _visible(look, reader, transcript_id)
    entries = await reading.entries_of(look.session, found.session_id)
    keys = await keys_of(keyring, entries)
    shown = [_shown(entry, opened(entry, keys)) for entry in entries]
    look.touch(fields=[*SUMMARY_FIELDS, *CONTENT_FIELDS])
    return found, shown


def for_purpose(look: Look, shown: list[Opened], taxonomy: Taxonomy, relevance: str) -> tuple[list[Opened], bool]:
    """The entries as this purpose shows them: where it concerns an employee, without the customer's particulars unless the
    reader says why these are relevant and necessary (S1 purposes, last paragraph).

    Args:
        relevance: mark of the paper that says why; the trail keeps it. Empty: nobody says so.

    Returns:
        The entries, and whether anything may have been taken out.
    """
    if look.purpose not in altering.CONCERNING_EMPLOYEES:
        return shown, False
    if relevance:
        look.touch(fields=[f"relevance:{relevance}"])
        return shown, False
    contents = altering.redacted([one.content | {"kind": one.entry.kind} for one in shown], taxonomy)
    without = [{name: value for name, value in content.items() if name != "kind"} for content in contents]
    return [Opened(one.entry, content) for one, content in zip(shown, without, strict=True)], True


def refuse_without_relevance(look: Look, relevance: str) -> None:
    """A file of the whole record is not for purposes that concern an employee, unless the reader says why.

    Raises:
        ForbiddenError: nobody says so.
    """
    if look.purpose not in altering.CONCERNING_EMPLOYEES:
        return
    if not relevance:
        raise ForbiddenError(
            "for this purpose the customer's particulars stay out: say why they are relevant, or read the altered copy",
            missing=["query.relevance"],
        )
    look.touch(fields=[f"relevance:{relevance}"])


async def altered(
    look: Look, reader: policy.Reader, transcript_id: UUID, keyring: Keyring, taxonomy: Taxonomy
) -> list[dict[str, Any]]:
    """A transcript with invented particulars, for those who train others.

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
        KeyDestroyedError: what was said was destroyed.
    """
    _, shown = await read(look, reader, transcript_id, keyring)
    return altering.pseudonymised([one.content | {"kind": one.entry.kind} for one in shown], taxonomy)


def _shown(entry: Entry, pii: bytes) -> Opened:
    content = orjson.loads(entry.canonical)
    return Opened(entry, content | {"pii": orjson.loads(pii)} if pii else content)


async def check(
    look: Look, reader: policy.Reader, transcript_id: UUID, keyring: Keyring
) -> tuple[Transcript, Verification]:
    """A transcript, and what recomputing its digests gives now (invariant 3).

    Raises:
        NoTranscriptError, NotYoursError: there is none, or not for this look.
    """
    found = await _visible(look, reader, transcript_id)
    entries = await reading.entries_of(look.session, found.session_id)
    outcome = verify(entries)
    tampered, destroyed = None, False
    try:
        tampered = first_tampered(entries, await keys_of(keyring, entries))
    except KeyDestroyedError:
        destroyed = True
    wrong = [n for n in (outcome.first_wrong_seq, first_misplaced(entries), tampered) if n is not None]
    if not wrong and len(entries) != found.last_seq:
        wrong = [min(len(entries), found.last_seq) + 1]
    look.touch(fields=["digest", "content_hash"])
    return found, Verification(outcome.digest, outcome.content_hash, min(wrong, default=None), destroyed)


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


async def transcripts_of(session: ReadSession, numbers: frozenset[bytes]) -> Sequence[UUID]:
    """The transcripts of which the bearer of a number that is indexed so is a party."""
    return await reading.ids_of_party(session, numbers)


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
    numbers = await reading.numbers_of(look.session, transcript_id)
    if found is None:
        raise NoTranscriptError
    if not scope.covers(offices=offices, numbers=numbers):
        raise NotYoursError
    return found
