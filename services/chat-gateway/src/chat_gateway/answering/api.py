"""The HTTP side of what those who answer need."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from pydantic import Field

from chat_gateway.answering import alarms, notes
from chat_gateway.answering.reveals import Wish, fields_of
from chat_gateway.answering.tools import Tools
from chat_gateway.answering.work import body as note_body
from chat_gateway.answering.work import checked_of, out
from chat_gateway.answering_bodies import Body
from chat_gateway.answering_schemas import Alarms, Checked, NoteKept, Notes, Revealed, RevealReason
from chat_gateway.errors import NotYourSessionError, UnknownSessionError
from chat_gateway.use_cases import Chat
from chat_gateway.wire import Text
from common.access import Reach, Scope
from common.audit import AuditEvent
from common.web.door import AtDoor, Guarded

answering_router = APIRouter(prefix="/v1", tags=["answering"], route_class=Guarded)


def chat_of(request: Request) -> Chat:
    return cast("Chat", request.app.state.chat)


def tools_of(request: Request) -> Tools:
    return cast("Tools", request.app.state.tools)


AtTools = Annotated[Tools, Depends(tools_of)]
AtChat = Annotated[Chat, Depends(chat_of)]


@answering_router.get(
    "/sessions/{session_id}/notes", operation_id="note.read", summary="Notes among employees about a session"
)
async def notes_of(
    chat: AtChat,
    session_id: UUID,
    door: AtDoor,
    after: Annotated[int, Query(ge=0, le=2_147_483_647, description="Number of the last note one has")] = 0,
    limit: Annotated[int, Query(ge=1, le=notes.PAGE)] = notes.PAGE,
) -> Notes:
    """For the employee who has the session, supervisors of the offices that had it, and those who watch over records."""
    async with door.open("note.read", session_id, fields=["notes"]) as look:
        me = look.principal
        # One question to the database before the session is read: reading it takes longer than finding none (S2-045).
        standing = await chat.journal.standing_of_employee(session_id, me.id)
        office = standing is not None and me.claims.get("office") in standing.offices
        if not look.covers(Reach(own=standing is not None and standing.takes_part, office=office)):
            raise NotYourSessionError
        live = await chat.sessions.find(session_id) if standing is not None else None
        if live is None:
            raise UnknownSessionError
        state = live.state
        mine = state.participants.get(me.id)
        if not look.covers(Reach(own=mine is not None and mine.id == state.situation.owner, office=office)):
            raise NotYourSessionError  # they had it, and somebody else has it now
        found = await notes.after(look.session, session_id, state.data_key, after, limit)
        shown = [note for note in found if mine is None or mine.role != "agent" or notes.may_hear(note, mine)]
    kept = [NoteKept(**note_body(note).model_dump(), sort=note.sort, addressee=note.addressee) for note in shown]
    return Notes(notes=kept, next=found[-1].number if len(found) == limit else None)


class CheckBody(Body):
    """What `check` says, over HTTP."""

    text: Text


class RevealBody(Body):
    """What `reveal` says, over HTTP."""

    seq: int = Field(ge=1, le=2_147_483_647)
    span: int = Field(ge=0, le=8192)
    reason: RevealReason


@answering_router.post(
    "/sessions/{session_id}/check", operation_id="draft.check", summary="Ask what the rules say of a text"
)
async def check(session_id: UUID, body: CheckBody, chat: AtChat, door: AtDoor) -> Checked:
    """Before an employee sends it. The text is kept nowhere, and sending asks the rules again."""
    async with door.open("draft.check", session_id) as look:
        part = await chat.take_part(look, session_id=session_id)
        return checked_of(str(session_id), chat.speech.check(part.live.state, body.text))


@answering_router.post("/sessions/{session_id}/reveal", operation_id="pii.reveal", summary="See one masked place")
async def reveal(session_id: UUID, body: RevealBody, chat: AtChat, tools: AtTools, door: AtDoor) -> Revealed:
    """One place of one message, for a coded reason; an hour has a limit."""
    wish = Wish(body.seq, body.span, body.reason)
    async with door.open("pii.reveal", session_id) as look:
        part = await chat.take_part(look, session_id=session_id)
        found = await tools.reveals.find(part, wish)
        look.touch(fields=fields_of(wish, found))
        event = AuditEvent(
            look.principal, look.terminal, "pii.reveal", "done", fields=look.fields, purpose=look.purpose
        )
        await tools.reveals.count(look.session, event, look.now)
    return Revealed(
        session_id=str(session_id), seq=body.seq, span=body.span, kind=found.place.kind, text=found.text
    )  # fmt: skip


@answering_router.get("/alarms", operation_id="duress.list", summary="Calls for help by employees")
async def alarms_of(
    door: AtDoor,
    tools: AtTools,
    wait: Annotated[int, Query(ge=0, le=55, description="Seconds to wait for news at most")] = 0,
    state: Annotated[str, Query(max_length=64, description="`state` of the answer before")] = "",
) -> Alarms:
    """Of one's office, or of all; those that nobody answered stand first. With `state` it waits until they stand otherwise:
    so a supervisor is called without a socket too.
    """
    if wait and state:
        await tools.alarms.wait(door.principal, state, float(wait))
    async with door.open("duress.list", fields=["alarms"]) as look:
        office = None if Scope.ANY in look.scopes else look.principal.claim("office")
        found = await alarms.recent(look.session, look.now, office)
        look.touch(*(alarm.id for alarm in found))
    return Alarms(alarms=[out(alarm) for alarm in found], state=alarms.state_of(found))
