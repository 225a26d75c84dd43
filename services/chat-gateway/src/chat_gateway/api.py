"""The HTTP side: the notice, the queue, and a participant's own sessions."""

import base64
import binascii
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response

from chat_gateway import frames, placements, repository, views
from chat_gateway.http_schemas import ClosedOut, Entries, Queue, QueuedSession, SessionOut
from chat_gateway.placements import Placement
from chat_gateway.schemas import EntryFrame, Notice, ParticipantOut
from chat_gateway.use_cases import Chat
from chat_gateway.wire import Language
from common.access import Look
from common.errors import FieldError, InvalidError
from common.web.door import AtDoor, Guarded

PAGE = 200
router = APIRouter(prefix="/v1", tags=["chat"], route_class=Guarded)
public = APIRouter(prefix="/v1", tags=["chat"])


def chat_of(request: Request) -> Chat:
    return cast("Chat", request.app.state.chat)


AtChat = Annotated[Chat, Depends(chat_of)]


@public.get("/notice", operation_id="chat.notice", summary="The Privacy Act statement in force")
async def notice(
    chat: AtChat, response: Response, language: Annotated[Language, Query(description="Preferred language")] = "en"
) -> Notice:
    """5 U.S.C. 552a(e)(3). Public: it can be read before anything is asked, and kept."""
    statement = chat.statement(language)
    response.headers["ETag"] = f'"{statement.digest}"'
    return frames.notice(statement, chat.languages(statement.version))


@router.get("/queue", operation_id="queue.list", summary="Sessions that wait for an employee")
async def queue(
    chat: AtChat,
    door: AtDoor,
    after: Annotated[str | None, Query(max_length=200, description="`next` of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = 50,
) -> Queue:
    """In the order in which they are served: by place, where a recorded reason counts as having come earlier."""
    async with door.open("queue.list", fields=["topic", "language", "opened_at"]) as look:
        found = await placements.queue_page(look.session, _place(after), limit)
        look.touch(*(p.session_id for p in found))
    waiting = [
        QueuedSession(
            session_id=p.session_id,
            topic=p.topic,
            language=p.language,
            opened_at=p.queued_at,
            priority=p.priority,
            offered=p.ownership.asked is not None,
            left_message=p.left_message,
            mine=chat.topics.may_take(look.principal, topic=p.topic, language=p.language, step=p.step),
        )
        for p in found
    ]
    return Queue(waiting=waiting, next=_cursor(found[-1]) if len(found) == limit else None)


@router.get("/sessions/{session_id}", operation_id="session.read", summary="A session of one's own")
async def session_of(chat: AtChat, session_id: UUID, door: AtDoor) -> SessionOut:
    """For its participants; to everybody else it does not exist."""
    async with door.open("session.read", session_id, fields=["session"]) as look:
        part = await chat.take_part(look, session_id=session_id)
        row = await repository.session_by_id(look.session, session_id)
    if row is None:
        raise LookupError("a session in hand has no row")
    state = part.live.state
    return SessionOut(
        session_id=session_id,
        topic=row.topic,
        status=state.status.value,
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        close_reason=row.close_reason,
        notice_version=row.notice_version,
        notice_digest=row.notice_digest,
        notice_language=row.notice_language,
        last_seq=state.last_seq,
        digest=state.digest,
        participants=[
            ParticipantOut(
                participant_id=p.id,
                role=p.role,
                display_name=p.display_name,
                joined_at=datetime.fromisoformat(p.joined_at),
            )
            for p in state.participants.values()
        ],
    )


@router.get(
    "/sessions/{session_id}/entries",
    operation_id="session.read-entries",
    summary="The entries of a session of one's own, from a cursor on",
)
async def entries(
    chat: AtChat,
    session_id: UUID,
    *,
    door: AtDoor,
    after: Annotated[int, Query(ge=0, le=2_147_483_647, description="Number of the last entry one has")] = 0,
    limit: Annotated[int, Query(ge=1, le=PAGE)] = PAGE,
) -> Entries:
    async with door.open("session.read-entries", session_id, fields=["entries"]) as look:
        part = await chat.take_part(look, session_id=session_id)
        part.live.check_cursor(after)
        stored = await chat.journal.entries_after(session_id, after, limit)
    seen = [EntryFrame(**views.seen(e.follow("", part.live.state), part.view)) for e in stored]
    last_seq = part.live.state.last_seq
    more = bool(stored) and stored[-1].seq < last_seq
    return Entries(entries=seen, last_seq=last_seq, next=stored[-1].seq if more else None)


@router.post("/sessions/{session_id}/close", operation_id="session.close", summary="End a session of one's own")
async def close(chat: AtChat, session_id: UUID, door: AtDoor) -> ClosedOut:
    """Closing a closed session answers with the same number and digest."""
    async with door.open("session.close", session_id, fields=["entries"]) as look:
        part = await chat.take_part(look, session_id=session_id)
        await chat.close_session(part)
    return ClosedOut(**frames.closed(part.live.state).model_dump(exclude={"type"}))


async def own_sessions(request: Request, look: Look) -> list[str]:
    """The sessions that the caller opened, for the report of who looked at them."""
    return [str(one) for one in await chat_of(request).journal.sessions_of(look.principal.id)]


def _cursor(last: Placement) -> str:
    words = last.ranked_at.isoformat(), last.ownership.since.isoformat(), str(last.session_id)
    return base64.urlsafe_b64encode(" ".join(words).encode()).decode()


def _place(cursor: str | None) -> tuple[datetime, datetime, UUID] | None:
    if cursor is None:
        return None
    try:
        ranked_at, since, session_id = base64.urlsafe_b64decode(cursor).decode().split(" ")
        return datetime.fromisoformat(ranked_at), datetime.fromisoformat(since), UUID(session_id)
    except (ValueError, binascii.Error):
        raise InvalidError(
            "after is not a cursor of this list", errors=[FieldError("query.after", "not a cursor of this list")]
        ) from None
