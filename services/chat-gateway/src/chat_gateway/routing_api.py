"""The HTTP side of routing: topics and their hours, a person's place, whom a session could go to, and why it went to whom."""

from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request

from chat_gateway import assignments
from chat_gateway.desk_schemas import (
    AssignmentOut,
    Assignments,
    PlaceOut,
    SkipOut,
    TargetOut,
    Targets,
    TopicOut,
    TopicsOut,
)
from chat_gateway.desks import Desks
from chat_gateway.errors import NotInThisStateError, UnknownSessionError
from chat_gateway.queueing import Queueing, place_out
from chat_gateway.routing.registers import names_of
from chat_gateway.use_cases import Chat
from chat_gateway.wire import Language
from common.access import Reach
from common.web.door import AtDoor, Guarded

routing_router = APIRouter(prefix="/v1", tags=["routing"], route_class=Guarded)
public_routing = APIRouter(prefix="/v1", tags=["routing"])


def desks_of(request: Request) -> Desks:
    return cast("Desks", request.app.state.desks)


def queueing_of(request: Request) -> Queueing:
    return cast("Queueing", request.app.state.queueing)


def chat_of(request: Request) -> Chat:
    return cast("Chat", request.app.state.chat)


@public_routing.get(
    "/topics", operation_id="topics.list", summary="Topics, their hours, and other ways to reach the agency"
)
async def topics(
    desks: Annotated[Desks, Depends(desks_of)],
    language: Annotated[Language, Query(description="Preferred language")] = "en",
) -> TopicsOut:
    """For the start page: chatting is the customer's own choice, and the other ways stand beside it (S1-002)."""
    found = []
    for code, version in desks.topics.offered():
        opening = desks.topics.opening(version)
        names = names_of(version.other_channels, desks.topics.registers, language)
        found.append(
            TopicOut(
                topic=code,
                name=version.name(language),
                open=opening.open,
                until=opening.until,
                opens_at=opening.opens_at,
                why=opening.why or None,
                other_channels=dict(zip(version.other_channels, names, strict=True)),
            )
        )
    return TopicsOut(topics=found)


@routing_router.get(
    "/sessions/{session_id}/place",
    operation_id="session.place",
    summary="One's place in the queue, and an interval for the wait",
)
async def place(
    session_id: UUID,
    door: AtDoor,
    chat: Annotated[Chat, Depends(chat_of)],
    queueing: Annotated[Queueing, Depends(queueing_of)],
) -> PlaceOut:
    """The interval says with what chance it holds, and how often such intervals held; `wait` is null when too little is known."""
    async with door.open("session.place", session_id, fields=["place"]) as look:
        await chat.take_part(look, session_id=session_id)
        found = await queueing.place_of(look.session, session_id)
        if found is None:
            raise NotInThisStateError("this conversation does not wait")
        return place_out(*found, queueing.promise(found[0]))


@routing_router.get(
    "/sessions/{session_id}/assignments",
    operation_id="session.assignments",
    summary="Who was asked to take a session, and why each of the others was not",
)
async def assignments_of(session_id: UUID, door: AtDoor) -> Assignments:
    """An agent sees those in which they were asked or passed over; a supervisor sees all."""
    async with door.open("session.assignments", session_id, fields=["assignments"]) as look:
        rows = await assignments.of_session(look.session, session_id)
        me = look.principal.id
        if not look.covers(Reach()):
            rows = [r for r in rows if r["agent"] == me or any(s["agent"] == me for s in r["skipped"])]
        if not rows:
            raise UnknownSessionError
    return Assignments(
        assignments=[
            AssignmentOut(
                assignment_id=r["id"],
                at=r["at"],
                how=r["how"],
                rule=r["rule"],
                agent=r["agent"],
                by_agent=r["by_agent"] or None,
                facts=r["facts"],
                skipped=[SkipOut(**s) for s in r["skipped"]],
                outcome=r["outcome"],
                reason=r["reason"] or None,
                ended_at=r["ended_at"],
            )
            for r in rows
        ]
    )


@routing_router.get(
    "/sessions/{session_id}/targets",
    operation_id="session.targets",
    summary="Colleagues to whom one's session could be handed",
)
async def targets(session_id: UUID, door: AtDoor, desks: Annotated[Desks, Depends(desks_of)]) -> Targets:
    async with door.open("session.targets", session_id, fields=["desks"]) as look:
        found = await desks.targets(look, session_id=session_id)
    return Targets(targets=[TargetOut(agent=t.agent, office=t.office, load=t.load, capacity=t.capacity) for t in found])
