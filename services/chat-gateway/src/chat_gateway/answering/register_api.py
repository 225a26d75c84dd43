"""Routes of the registers: answers in versions, authorities to act for somebody, fixed wordings."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from chat_gateway.answering import answers, authorities
from chat_gateway.answering.api import AtChat, AtTools
from chat_gateway.answering_bodies import (
    AnswerIn,
    AnswerOut,
    AnswersOut,
    AnswerVersion,
    AuthorityIn,
    AuthorityOut,
    Recipient,
    Recipients,
    WordingOut,
)
from chat_gateway.errors import UnknownAnswerError
from chat_gateway.saying.wordings import wordings
from chat_gateway.wire import Language, Topic
from common.errors import FieldError, InvalidError
from common.pii.ssn import holds_ssn
from common.web.door import AtDoor, Guarded
from common.web.idempotency import IdempotencyKey, once

register_router = APIRouter(prefix="/v1", tags=["answering"], route_class=Guarded)
public_wordings = APIRouter(prefix="/v1", tags=["answering"])


@public_wordings.get(
    "/wordings/{wording}", operation_id="wording.read", summary="Words that are the same for everybody"
)
async def wording_of(
    wording: str, chat: AtChat, language: Annotated[Language, Query(description="Preferred language")] = "en"
) -> WordingOut:
    """The acknowledgement to strangers, the automatic answer to e-mail, the way to telephone and letter (S2-043, S2-058).

    Nothing is looked up for it: nobody's name or number can be given, and it says the same whoever asks.
    """
    found = wordings().current(wording, language, chat.clock.now().date())
    if found is None:
        raise UnknownAnswerError
    return WordingOut(
        wording=found.id, version=found.version, language=found.language, cites=found.cites, text=found.text
    )


@register_router.post(
    "/answers",
    operation_id="answer.write",
    status_code=201,
    response_model=AnswerVersion,
    summary="Write a new version",
)
async def write_answer(door: AtDoor, chat: AtChat, body: AnswerIn, key: IdempotencyKey = None) -> Response:
    """Nobody can send it before somebody else has approved it."""
    async with door.open("answer.write") as look:

        async def make() -> BaseModel:
            written = answers.Text(**dict(body))
            version = await answers.write(look.session, written, look.principal, chat.speech.agency, look.now)
            look.touch(fields=[f"answer.{body.answer}.{version}"])
            return AnswerVersion(answer=body.answer, version=version)

        operation = "answer.write"
        return await once(look.session, principal=look.principal, operation=operation, key=key, request=body, make=make)


@register_router.get("/answers", operation_id="answer.list", summary="Answers that may be sent now")
async def list_answers(
    door: AtDoor,
    chat: AtChat,
    topic: Annotated[Topic | None, Query(description="Those for this topic, and those for any")] = None,
    language: Annotated[Language, Query(description="Language of the person")] = "en",
    session_id: Annotated[UUID | None, Query(description="Only what may be sent in this session of one's own")] = None,
) -> AnswersOut:
    """In a session with somebody who is no party to a case only the fixed wordings can be chosen (S2-043)."""
    async with door.open("answer.list") as look:
        stranger, today = False, look.now.date()
        if session_id is not None:
            situation = (await chat.take_part(look, session_id=session_id)).live.state.situation
            topic, stranger = situation.topic, situation.stranger
            look.touch(session_id)
        found = answers.fixed(language, today, strangers_only=stranger)
        if not stranger:
            found += await answers.in_force(look.session, today, topic=topic, language=language)
    return AnswersOut(answers=[AnswerOut(**{name: getattr(a, name) for name in a.__slots__}) for a in found])


@register_router.post(
    "/answers/{answer}/versions/{version}/approval", operation_id="answer.approve", status_code=201,
    summary="Approve a version that somebody else wrote",
)  # fmt: skip
async def approve_answer(door: AtDoor, answer: str, version: int) -> AnswerVersion:
    return await _mark_answer(door, "answer.approve", answers.APPROVED, answer, version)


@register_router.post(
    "/answers/{answer}/versions/{version}/end", operation_id="answer.end", status_code=201, summary="End a version"
)
async def end_answer(door: AtDoor, answer: str, version: int) -> AnswerVersion:
    return await _mark_answer(door, "answer.end", answers.ENDED, answer, version)


async def _mark_answer(door: AtDoor, operation: str, said: str, answer: str, version: int) -> AnswerVersion:
    async with door.open(operation) as look:
        await answers.mark(look.session, answer, version, said, look.principal, look.now)
        look.touch(fields=[f"answer.{answer}.{version}"])
    return AnswerVersion(answer=answer, version=version)


@register_router.get(
    "/answers/{answer}/versions/{version}/recipients", operation_id="answer.recipients",
    summary="Every session in which a version was sent",
)  # fmt: skip
async def recipients_of(
    door: AtDoor,
    answer: str,
    version: int,
    after: Annotated[int, Query(ge=0, description="`next` of the page before")] = 0,
    limit: Annotated[int, Query(ge=1, le=answers.PAGE)] = answers.PAGE,
) -> Recipients:
    """After a change of policy: who got the old text, and since when something else holds."""
    async with door.open("answer.recipients", fields=["answer"]) as look:
        rows, since = await answers.recipients(look.session, answer, version, after=after, limit=limit)
        look.touch(*(row["session_id"] for row in rows))
    return Recipients(
        superseded_since=since,
        recipients=[Recipient(session_id=r["session_id"], seq=r["seq"], at=r["at"]) for r in rows],
        next=rows[-1]["position"] if len(rows) == limit else None,
    )


@register_router.post(
    "/authorities", operation_id="authority.enter", status_code=201, response_model=AuthorityOut,
    summary="Enter that somebody may act for a person",
)  # fmt: skip
async def enter_authority(door: AtDoor, tools: AtTools, body: AuthorityIn, key: IdempotencyKey = None) -> Response:
    """It counts from when somebody else has checked it, and as long as the proof says."""
    if holds_ssn(body.proof):
        raise InvalidError(
            "proof is the mark under which the paper is filed",
            errors=[FieldError("proof", "looks like a person's number")],
        )
    if body.represented == body.representative:
        raise InvalidError(
            "nobody represents themself", errors=[FieldError("representative", "is the person's own account")]
        )
    async with door.open("authority.enter") as look:

        async def make() -> BaseModel:
            proof = authorities.Proof(**dict(body))
            own_id = await authorities.enter(look.session, proof, tools.keyring, look.principal, look.now)
            look.touch(own_id)
            return out(await authorities.entry(look.session, own_id))

        operation = "authority.enter"
        return await once(look.session, principal=look.principal, operation=operation, key=key, request=body, make=make)


@register_router.get("/authorities/{authority_id}", operation_id="authority.read", summary="An entry of the register")
async def authority_of(door: AtDoor, authority_id: UUID) -> AuthorityOut:
    async with door.open("authority.read", authority_id, fields=["authority"]) as look:
        return out(await authorities.entry(look.session, authority_id))


@register_router.post(
    "/authorities/{authority_id}/approval", operation_id="authority.approve", status_code=201,
    summary="Say that one checked the proof that somebody else entered",
)  # fmt: skip
async def approve_authority(door: AtDoor, authority_id: UUID) -> AuthorityOut:
    return await _mark_authority(door, "authority.approve", authorities.APPROVED, authority_id)


@register_router.post(
    "/authorities/{authority_id}/end",
    operation_id="authority.end",
    status_code=201,
    summary="Enter that an authority ended",
)
async def end_authority(door: AtDoor, authority_id: UUID) -> AuthorityOut:
    return await _mark_authority(door, "authority.end", authorities.ENDED, authority_id)


async def _mark_authority(door: AtDoor, operation: str, said: str, authority_id: UUID) -> AuthorityOut:
    async with door.open(operation, authority_id) as look:
        await authorities.mark(look.session, authority_id, said, look.principal, look.now)
        return out(await authorities.entry(look.session, authority_id))


def out(found: authorities.Entered) -> AuthorityOut:
    return AuthorityOut(
        authority_id=found.id,
        **{name: getattr(found, name) for name in found.__slots__ if name != "id"},
    )
