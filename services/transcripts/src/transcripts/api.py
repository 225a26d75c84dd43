"""Routes: parse, one use case, translate."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated
from uuid import UUID

import orjson
from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AwareDatetime

from common import audit
from common.auth import Principal
from common.clock import Clock
from common.database import Database, WriteSession
from common.errors import FieldError, InvalidError
from common.standing import require_standing
from common.web.callers import Caller, Terminal
from transcripts import policy
from transcripts.model import ALGORITHM, CONTENT_ALGORITHM, Entry, blind
from transcripts.repository.reading import Keys
from transcripts.schemas import (
    Access,
    AccessPage,
    EntryShown,
    SealFailures,
    SealFailureShown,
    SearchRequest,
    TranscriptPage,
    TranscriptShown,
    TranscriptSummary,
    VerificationShown,
)
from transcripts.settings import TranscriptsSettings
from transcripts.tables import Transcript
from transcripts.use_cases import reading

router = APIRouter(prefix="/v1", tags=["transcripts"])
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=60, description="`next_cursor` of the page before")]
_LONGEST_NUMBER = 19


class Door:
    """One caller at this service's door, with the purpose they state; `open` lets them in or records why not."""

    def __init__(
        self,
        request: Request,
        principal: Caller,
        terminal: Terminal,
        header: Annotated[str, Header(alias="Purpose-Of-Use", max_length=100)] = "",
        query: Annotated[str, Query(alias="purpose", max_length=100)] = "",
    ) -> None:
        self._database: Database = request.app.state.database
        self._clock: Clock = request.app.state.clock
        self._settings: TranscriptsSettings = request.app.state.settings
        self._principal, self._terminal = principal, terminal
        self._header, self._query = header, query
        self._who = policy.STAFF | {"customer"}

    def ask_for_own_record(self) -> None:
        """This look is for the caller's own record, whatever other roles they have."""
        self._who = frozenset({"customer"})
        self._header, self._query = policy.OWN_RECORD, ""

    @asynccontextmanager
    async def open(self, action: str, *record_ids: UUID) -> AsyncIterator[tuple[WriteSession, reading.Look]]:
        """A unit of work for a look; a refusal of any kind is recorded in one of its own.

        Raises:
            ForbiddenError, InvalidError: the roles, the purpose or the employee's standing do not allow it.
        """
        now = self._clock.now()
        stated = self._header or self._query
        asked = audit.AuditEvent(
            self._principal,
            self._terminal,
            action,
            "refused",
            record_ids=[str(one) for one in record_ids],
            purpose=stated if stated in policy.KNOWN else "",  # what else was written there may be anything
        )
        async with audit.refusals_recorded(self._database, asked, clock=self._clock) as session:
            self._principal.require(*self._who)
            reader = self._reader(self._principal)
            purpose = policy.purpose_of(reader, header=self._header, query=self._query)
            if purpose != policy.OWN_RECORD:
                require_standing(self._principal, today=now.date())
            yield session, reading.Look(self._principal, reader, purpose, self._terminal, now)

    def blind_account(self, account_id: str) -> bytes:
        return blind(self._settings.index_key(), "account", account_id)

    def blind_pin(self, pin: str) -> bytes:
        return blind(self._settings.index_key(), "pin", pin)

    def _reader(self, principal: Principal) -> policy.Reader:
        """What the rules ask of the caller, by the token alone."""
        return policy.Reader(
            roles=principal.roles,
            account=self.blind_account(principal.id) if "customer" in principal.roles else b"",
            pin=self.blind_pin(principal.claim("pin")) if "agent" in principal.roles else b"",
            office=principal.claim("office") if "supervisor" in principal.roles else "",
        )


AtDoor = Annotated[Door, Depends()]


def _key_fields(asked: SearchRequest) -> list[str]:
    return sorted(asked.model_dump(exclude={"cursor", "limit"}, exclude_none=True))


async def _search(door: Door, asked: SearchRequest) -> TranscriptPage:
    async with door.open("transcript.search") as (session, look):
        numbers = []
        if asked.account_id is not None:
            numbers.append(door.blind_account(asked.account_id))
        if asked.employee_pin is not None:
            numbers.append(door.blind_pin(asked.employee_pin))
        keys = Keys(
            session_id=asked.session_id,
            chat_topic=asked.chat_topic,
            opened_from=asked.opened_from,
            opened_to=asked.opened_to,
            numbers=tuple(numbers),
            named=tuple(_key_fields(asked)),
        )
        before = _uuid_cursor(asked.cursor)
        found = await reading.search(session, look, keys, before=before, limit=asked.limit)
    return TranscriptPage(
        items=[TranscriptSummary.model_validate(one) for one in found],
        next_cursor=str(found[-1].id) if len(found) == asked.limit else None,
    )


@router.get("/transcripts", summary="Search transcripts by keys that are no person's")
async def search_transcripts(
    *,
    door: AtDoor,
    session_id: UUID | None = None,
    chat_topic: Annotated[str | None, Query(min_length=1, max_length=100)] = None,
    opened_from: AwareDatetime | None = None,
    opened_to: AwareDatetime | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> TranscriptPage:
    """By session, topic of chat and date of communication, sealed last first; PINs and accounts are sought by POST."""
    asked = SearchRequest(
        session_id=session_id,
        chat_topic=chat_topic,
        opened_from=opened_from,
        opened_to=opened_to,
        cursor=cursor,
        limit=limit,
    )
    return await _search(door, asked)


@router.post("/transcripts/search", summary="Search transcripts by any key")
async def search_transcripts_by_person(door: AtDoor, asked: SearchRequest) -> TranscriptPage:
    """By an employee's PIN or a person's account too: they stand in the body, since addresses end up in logs."""
    return await _search(door, asked)


@router.get("/me/transcripts", summary="My own transcripts")
async def my_transcripts(door: AtDoor, cursor: Cursor = None, limit: Limit = 50) -> TranscriptPage:
    """What is kept of the caller's own conversations (5 U.S.C. 552a(d)(1)); read one at `/v1/transcripts/{id}`."""
    door.ask_for_own_record()
    return await _search(door, SearchRequest(cursor=cursor, limit=limit))


@router.get("/transcripts/{transcript_id}", summary="Read a transcript", response_model=TranscriptShown)
async def read_transcript(
    transcript_id: UUID, door: AtDoor, if_none_match: Annotated[str | None, Header()] = None
) -> Response:
    """All that was said, in order. The ETag is the running digest; being told that nothing changed is a look too."""
    async with door.open("transcript.read", transcript_id) as (session, look):
        found, entries = await reading.read(session, look, transcript_id)
    headers = _headers(found)
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(_shown(found, entries).model_dump_json(), headers=headers, media_type="application/json")


@router.get("/transcripts/{transcript_id}/copy", summary="Download a transcript", response_class=Response)
async def copy_transcript(transcript_id: UUID, door: AtDoor) -> Response:
    """The canonical entries, one a line: the SHA-256 of this file is the transcript's `content_hash`."""
    async with door.open("transcript.copy", transcript_id) as (session, look):
        found, entries = await reading.read(session, look, transcript_id, action="transcript.copy")
    body = b"".join(entry.canonical + b"\n" for entry in entries)
    return Response(body, headers=_headers(found), media_type="application/x-ndjson")


@router.get("/transcripts/{transcript_id}/verification", summary="Does a transcript still hold")
async def verify_transcript(transcript_id: UUID, door: AtDoor) -> VerificationShown:
    """Recomputes every digest now, from the bytes that are kept; anyone who holds the entries can do the same."""
    async with door.open("transcript.verify", transcript_id) as (session, look):
        found, outcome = await reading.check(session, look, transcript_id)
    agrees = (outcome.digest, outcome.content_hash) == (found.digest, found.content_hash)
    return VerificationShown(
        transcript_id=found.id,
        holds=agrees and outcome.first_wrong_seq is None,
        digest=found.digest,
        recomputed_digest=outcome.digest,
        content_hash=found.content_hash,
        recomputed_content_hash=outcome.content_hash,
        last_seq=found.last_seq,
        first_wrong_seq=outcome.first_wrong_seq,
        algorithm=ALGORITHM,
        content_algorithm=CONTENT_ALGORITHM,
        checked_at=look.now,
    )


@router.get("/transcripts/{transcript_id}/accesses", summary="Who looked at a transcript")
async def list_accesses(transcript_id: UUID, door: AtDoor, cursor: Cursor = None, limit: Limit = 50) -> AccessPage:
    """Newest first: every look for auditors and privacy officers; what was shown, to which role and why, for the person."""
    async with door.open("transcript.accesses", transcript_id) as (session, look):
        before = _number_cursor(cursor)
        looks, in_full = await reading.accesses(session, look, transcript_id, before=before, limit=limit)
    return AccessPage(
        items=[
            Access(
                at=one.at,
                action=one.action,
                purpose=one.purpose,
                outcome=one.outcome,
                roles=one.roles,
                fields=one.fields,
                user_id=one.user_id if in_full else None,
                terminal=one.terminal if in_full else None,
            )
            for one in looks
        ],
        next_cursor=str(looks[-1].position) if len(looks) == limit else None,
    )


@router.get("/seal-failures", summary="Sessions that were refused the seal")
async def list_seal_failures(door: AtDoor) -> SealFailures:
    """Complete by number, and yet not what was said; for records officers and auditors."""
    async with door.open("seal_failure.list") as (session, look):
        found = await reading.seal_failures(session, look)
    return SealFailures(items=[SealFailureShown.model_validate(one) for one in found])


def _headers(found: Transcript) -> dict[str, str]:
    return {"ETag": f'"{found.digest}"', "Cache-Control": "private, no-cache"}


def _shown(found: Transcript, entries: list[Entry]) -> TranscriptShown:
    return TranscriptShown(
        **TranscriptSummary.model_validate(found).model_dump(),
        entries=[
            EntryShown(seq=e.seq, kind=e.kind, digest=e.digest.hex(), content=orjson.loads(e.canonical))
            for e in entries
        ],
    )


def _uuid_cursor(cursor: str | None) -> UUID | None:
    try:
        return UUID(cursor) if cursor else None
    except ValueError:
        raise _wrong_cursor() from None


def _number_cursor(cursor: str | None) -> int | None:
    if cursor and not (cursor.isascii() and cursor.isdigit() and len(cursor) < _LONGEST_NUMBER):
        raise _wrong_cursor()
    return int(cursor) if cursor else None


def _wrong_cursor() -> InvalidError:
    return InvalidError(
        "this cursor came from no page", errors=[FieldError("cursor", "give back next_cursor unchanged")]
    )
