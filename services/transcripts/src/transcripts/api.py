"""Routes: parse, one use case, translate."""

from collections.abc import Sequence
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AwareDatetime

from common.access import Look
from common.audit import term
from common.contracts.chat import canonical
from common.errors import FieldError, InvalidError
from common.pii.taxonomy import Taxonomy
from common.protection.keyring import Keyring
from common.protection.service_keys import ColumnKeys, ServiceKeys
from common.web.door import AtDoor, Door, Guarded
from transcripts import policy
from transcripts.model import ALGORITHM, CONTENT_ALGORITHM
from transcripts.repository.reading import Keys
from transcripts.schemas import (
    Access,
    AccessPage,
    AlteredLine,
    AlteredShown,
    EntryShown,
    NotationShown,
    SealFailures,
    SealFailureShown,
    SearchRequest,
    TranscriptPage,
    TranscriptShown,
    TranscriptSummary,
    VerificationShown,
)
from transcripts.tables import Notation, Transcript
from transcripts.use_cases import reading

router = APIRouter(prefix="/v1", tags=["transcripts"], route_class=Guarded)
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=60, description="`next_cursor` of the page before")]
_LONGEST_NUMBER = 19


class Index:
    """What the blind index may hold for a number, and for a caller: they are known here by nothing else."""

    def __init__(self, keys: ColumnKeys) -> None:
        self._keys = keys

    def account(self, account_id: str) -> frozenset[bytes]:
        return frozenset(self._keys.blinds("account", account_id))

    def pin(self, pin: str) -> frozenset[bytes]:
        return frozenset(self._keys.blinds("pin", pin))

    def reader(self, look: Look) -> policy.Reader:
        """Whoever was let in, by the token alone."""
        who = look.principal
        return policy.Reader(
            account=self.account(who.id) if "customer" in look.permit.roles else frozenset(),
            pin=self.pin(who.claim("pin")) if "agent" in look.permit.roles else frozenset(),
            office=who.claim("office") if "supervisor" in look.permit.roles else "",
        )


async def _index(request: Request) -> Index:
    service_keys: ServiceKeys = request.app.state.service_keys
    return Index(await service_keys.ready())


def _keyring(request: Request) -> Keyring:
    return cast("Keyring", request.app.state.keyring)


def _taxonomy(request: Request) -> Taxonomy:
    return cast("Taxonomy", request.app.state.taxonomy)


AtTaxonomy = Annotated[Taxonomy, Depends(_taxonomy)]
Relevance = Annotated[
    str,
    Query(
        pattern=r"^([A-Za-z0-9][A-Za-z0-9._/-]{0,79})?$",
        description="Mark of the paper that says why the customer's particulars are relevant and necessary, for a purpose "
        "that concerns an employee; the audit trail keeps it",
    ),
]
AtIndex = Annotated[Index, Depends(_index)]
AtKeyring = Annotated[Keyring, Depends(_keyring)]


def _key_fields(asked: SearchRequest) -> list[str]:
    return sorted(asked.model_dump(exclude={"cursor", "limit"}, exclude_none=True))


async def own_transcripts(request: Request, look: Look) -> list[str]:
    """The transcripts of which the caller is a party, for the report of who looked at them."""
    found = await reading.transcripts_of(look.session, (await _index(request)).account(look.principal.id))
    return [str(one) for one in found]


def _terms(request: Request, asked: SearchRequest) -> list[str]:
    """What a search says of a person, as the audit trail keeps it (S3 8.1)."""
    key: bytes = request.app.state.term_key
    sought = {"account_id": asked.account_id, "employee_pin": asked.employee_pin}
    return [term(key, name, value) for name, value in sought.items() if value is not None]


async def _search(
    door: Door, index: Index, operation: str, asked: SearchRequest, *, terms: Sequence[str] = ()
) -> TranscriptPage:
    async with door.open(operation) as look:
        look.touch(terms=terms)
        numbers = []
        if asked.account_id is not None:
            numbers.append(index.account(asked.account_id))
        if asked.employee_pin is not None:
            numbers.append(index.pin(asked.employee_pin))
        keys = Keys(
            session_id=asked.session_id,
            chat_topic=asked.chat_topic,
            opened_from=asked.opened_from,
            opened_to=asked.opened_to,
            numbers=tuple(numbers),
            named=tuple(_key_fields(asked)),
        )
        before = _uuid_cursor(asked.cursor)
        found = await reading.search(look, index.reader(look), keys, before=before, limit=asked.limit)
    return TranscriptPage(
        items=[TranscriptSummary.model_validate(one) for one in found],
        next_cursor=str(found[-1].id) if len(found) == asked.limit else None,
    )


@router.get("/transcripts", operation_id="transcript.search", summary="Search transcripts by keys that are no person's")
async def search_transcripts(
    *,
    door: AtDoor,
    index: AtIndex,
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
    return await _search(door, index, "transcript.search", asked)


@router.post("/transcripts/search", operation_id="transcript.search-by-person", summary="Search transcripts by any key")
async def search_transcripts_by_person(
    request: Request, door: AtDoor, index: AtIndex, asked: SearchRequest
) -> TranscriptPage:
    """By an employee's PIN or a person's account too: they stand in the body, since addresses end up in logs."""
    return await _search(door, index, "transcript.search-by-person", asked, terms=_terms(request, asked))


@router.get("/me/transcripts", operation_id="transcript.list-own", summary="My own transcripts")
async def my_transcripts(door: AtDoor, index: AtIndex, cursor: Cursor = None, limit: Limit = 50) -> TranscriptPage:
    """What is kept of the caller's own conversations (5 U.S.C. 552a(d)(1)); read one at `/v1/transcripts/{id}`."""
    return await _search(door, index, "transcript.list-own", SearchRequest(cursor=cursor, limit=limit))


@router.get(
    "/transcripts/{transcript_id}",
    operation_id="transcript.read",
    summary="Read a transcript",
    response_model=TranscriptShown,
)
async def read_transcript(
    *,
    transcript_id: UUID,
    door: AtDoor,
    index: AtIndex,
    keyring: AtKeyring,
    kinds: AtTaxonomy,
    relevance: Relevance = "",
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """All that was said, in order; for purposes that concern an employee without the customer's particulars, unless
    `relevance` says why they matter. The ETag is the running digest; being told that nothing changed is a look too.
    """
    async with door.open("transcript.read", transcript_id) as look:
        found, entries = await reading.read(look, index.reader(look), transcript_id, keyring)
        entries, redacted = reading.for_purpose(look, entries, kinds, relevance)
        amendments = await reading.amendments(look, transcript_id)
    headers = _headers(found)
    # What was amended stands beside what is sealed, and changes what a reader has to see.
    others = [*(["redacted"] if redacted else []), *([str(len(amendments))] if amendments else [])]
    headers["ETag"] = f'"{".".join([found.digest, *others])}"'
    if if_none_match == headers["ETag"]:
        return Response(status_code=304, headers=headers)
    return Response(
        _shown(found, entries, amendments, redacted=redacted).model_dump_json(),
        headers=headers,
        media_type="application/json",
    )


@router.get(
    "/transcripts/{transcript_id}/copy",
    operation_id="transcript.copy",
    summary="Download a transcript",
    response_class=Response,
)
async def copy_transcript(
    transcript_id: UUID, door: AtDoor, index: AtIndex, keyring: AtKeyring, relevance: Relevance = ""
) -> Response:
    """The entries, one a line, canonical: anyone can prove this file without the service (README, Checking a transcript)."""
    async with door.open("transcript.copy", transcript_id) as look:
        reading.refuse_without_relevance(look, relevance)
        found, entries = await reading.read(look, index.reader(look), transcript_id, keyring)
    body = b"".join(canonical(one.content) + b"\n" for one in entries)
    return Response(body, headers=_headers(found), media_type="application/x-ndjson")


@router.get(
    "/transcripts/{transcript_id}/altered",
    operation_id="transcript.read-altered",
    summary="A transcript with invented particulars, for training",
)
async def read_altered(
    transcript_id: UUID, door: AtDoor, index: AtIndex, keyring: AtKeyring, kinds: AtTaxonomy
) -> AlteredShown:
    """The same value is the same everywhere in it, and none is a true one, as far as particulars are recognised."""
    async with door.open("transcript.read-altered", transcript_id) as look:
        lines = await reading.altered(look, index.reader(look), transcript_id, keyring, kinds)
    return AlteredShown(transcript_id=transcript_id, lines=[AlteredLine(**line) for line in lines])


@router.get(
    "/transcripts/{transcript_id}/verification",
    operation_id="transcript.verify",
    summary="Does a transcript still hold",
)
async def verify_transcript(transcript_id: UUID, door: AtDoor, index: AtIndex, keyring: AtKeyring) -> VerificationShown:
    """Recomputes every digest and commitment now, from the bytes that are kept; anyone who holds a copy can do the same.

    After what was said was destroyed, the digests still prove how many entries there were, whose, when and in which order.
    """
    async with door.open("transcript.verify", transcript_id) as look:
        found, outcome = await reading.check(look, index.reader(look), transcript_id, keyring)
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
        content_destroyed=outcome.destroyed,
        algorithm=ALGORITHM,
        content_algorithm=CONTENT_ALGORITHM,
        checked_at=look.now,
    )


@router.get(
    "/transcripts/{transcript_id}/accesses", operation_id="transcript.accesses", summary="Who looked at a transcript"
)
async def list_accesses(
    transcript_id: UUID, door: AtDoor, index: AtIndex, cursor: Cursor = None, limit: Limit = 50
) -> AccessPage:
    """Newest first: every look for auditors and privacy officers; what was shown, to which role and why, for the person."""
    async with door.open("transcript.accesses", transcript_id) as look:
        before = _number_cursor(cursor)
        looks, in_full = await reading.accesses(look, index.reader(look), transcript_id, before=before, limit=limit)
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


@router.get("/seal-failures", operation_id="seal-failure.list", summary="Sessions that were refused the seal")
async def list_seal_failures(door: AtDoor) -> SealFailures:
    """Complete by number, and yet not what was said; for records officers and auditors."""
    async with door.open("seal-failure.list") as look:
        found = await reading.seal_failures(look)
    return SealFailures(items=[SealFailureShown.model_validate(one) for one in found])


def _headers(found: Transcript) -> dict[str, str]:
    return {"ETag": f'"{found.digest}"', "Cache-Control": "private, no-cache"}


def _shown(
    found: Transcript, entries: list[reading.Opened], amendments: Sequence[Notation], *, redacted: bool
) -> TranscriptShown:
    return TranscriptShown(
        **TranscriptSummary.model_validate(found).model_dump(),
        notations=[NotationShown.model_validate(one) for one in amendments],
        redacted=redacted,
        entries=[
            EntryShown(seq=e.entry.seq, kind=e.entry.kind, digest=e.entry.digest.hex(), content=e.content)
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
