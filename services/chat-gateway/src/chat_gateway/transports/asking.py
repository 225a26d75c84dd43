"""One request in the place of a connection: what the frames' handlers need of whoever they come from."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any, cast
from uuid import UUID

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, create_model

from chat_gateway import frames
from chat_gateway.answering.tools import Tools
from chat_gateway.desks import Desks
from chat_gateway.gate import Caller, Gate
from chat_gateway.snapshots import How, Snapshots
from chat_gateway.supervising.watching import Watches
from chat_gateway.use_cases import Chat, LetIn, Part
from chat_gateway.wire import ClientFrame
from common.access import Look
from common.web.door import Door

FIELDS = ("entries",)


def chat_of(request: Request) -> Chat:
    return cast("Chat", request.app.state.chat)


def desks_of(request: Request) -> Desks:
    return cast("Desks", request.app.state.desks)


def snapshots_of(request: Request) -> Snapshots:
    return cast("Snapshots", request.app.state.snapshots)


AtChat = Annotated[Chat, Depends(chat_of)]
AtDesks = Annotated[Desks, Depends(desks_of)]


def tools_of(request: Request) -> Tools:
    return cast("Tools", request.app.state.tools)


def gate_of(request: Request) -> Gate:
    return cast("Gate", request.app.state.gate)


def watches_of(request: Request) -> Watches:
    return cast("Watches", request.app.state.watches)


AtWatches = Annotated[Watches, Depends(watches_of)]
AtTools = Annotated[Tools, Depends(tools_of)]
AtGate = Annotated[Gate, Depends(gate_of)]
AtSnapshots = Annotated[Snapshots, Depends(snapshots_of)]


def is_of_session(frame: type[ClientFrame]) -> bool:
    """Whether the address of such a request names a session."""
    field = frame.model_fields.get("session_id")
    return field is not None and field.is_required()


def body_of(frame: type[ClientFrame]) -> type[BaseModel] | None:
    """The frame without what the address and the header `Purpose-Of-Use` say."""
    fields: dict[str, Any] = {
        name: (field.annotation, field)
        for name, field in frame.model_fields.items()
        if name not in {"type", "purpose"} and not (name == "session_id" and field.is_required())
    }
    if not fields:
        return None
    config = ConfigDict(extra="forbid", frozen=True, strict=True)
    return create_model(f"{frame.__name__}Body", __config__=config, __doc__=frame.__doc__, **fields)


class Asked:
    """One request in the place of a connection."""

    def __init__(self, door: Door, snapshots: Snapshots) -> None:
        self.answer: str | None = None
        self._look: Look | None = None
        self._door = door
        self._snapshots = snapshots

    @asynccontextmanager
    async def passage(self, operation: str, *session_ids: UUID) -> AsyncIterator[LetIn]:
        async with through(self._door, operation, *session_ids) as look:
            self._look = look
            yield look

    def touch(self, record_id: UUID) -> None:
        """The entry of this request names this too."""
        if self._look is not None:
            self._look.touch(record_id)

    def part_in(self, session_key: str) -> Part | None:
        """A request hears no session."""

    def who(self) -> Caller:
        return Caller(self._door.principal, self._door.terminal)

    def purpose(self) -> str:
        return self._door.purpose

    def tell(self, text: str) -> None:
        self.answer = text

    async def attend(self, part: Part, how: How, after_seq: int) -> None:
        self.answer = frames.write(await self._snapshots.of(part, how, after_seq))


@asynccontextmanager
async def through(door: Door, operation: str, *session_ids: UUID) -> AsyncIterator[Look]:
    """The door for what looks at the session itself to see how far the caller reaches, as it does for the socket."""
    async with door.open(operation, *session_ids, fields=FIELDS) as look:
        _ = look.scopes
        yield look
