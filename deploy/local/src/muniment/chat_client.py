"""A chat client that survives: it reconnects, resumes from its cursor, sends again what was not acknowledged, and checks
that what it holds is 1..n by the running digest. The demonstration, the load and the fault tests talk through it.
"""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self
from uuid import UUID

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidHandshake, WebSocketException

from common.contracts.chat import EMPTY_DIGEST, canonical, commitment_to, covered, running_digest
from common.ids import new_id

RETRY_SECONDS = 0.2
UNREACHABLE = (OSError, WebSocketException, InvalidHandshake, asyncio.TimeoutError)


class RefusedError(Exception):
    """The gateway refused a frame for good. `frame` is its error frame: code, status, detail, field."""

    def __init__(self, frame: dict[str, Any]) -> None:
        super().__init__(f"{frame['code']}: {frame['detail']}")
        self.frame = frame


class BrokenChainError(Exception):
    """What was received is not 1..n, or its digest does not hold."""


@dataclass(slots=True)
class Sent:
    """A message on its way: `acknowledged` resolves with the gateway's ack frame."""

    client_id: UUID
    text: str
    acknowledged: "asyncio.Future[dict[str, Any]]"
    reason: str | None = None


@dataclass(slots=True)
class ChatClient:
    """One person on one session. Use `async with`; then `open` or `join`, `say`, `close`.

    Args:
        url: of the gateway, `ws://127.0.0.1:8001`; a function may answer another one at each reconnect.
        token: bearer token.
        reason: given where an employee's words need one; in the conversations that are played, addresses are published ones.

    Attributes:
        entries: all entries received, 1..n.
        reconnects: how often the line was lost and found again.
    """

    url: str | Callable[[], str]
    token: str
    reason: str = "public-contact"
    session_id: UUID | None = None
    participant_id: UUID | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    digest: str = EMPTY_DIGEST
    closed: dict[str, Any] | None = None
    reconnects: int = -1
    _connection: ClientConnection | None = None
    _unsent: dict[UUID, Sent] = field(default_factory=dict)
    _wish: dict[str, Any] | None = None
    _notice: str = ""
    _attending: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _failure: BaseException | None = None
    _task: "asyncio.Task[None] | None" = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._stay_connected())
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection is not None:
            with contextlib.suppress(*UNREACHABLE):
                await self._connection.close()

    async def open(self, topic: str) -> UUID:
        """Open a session, acknowledging the statement that is shown on this connection. Returns the session's id."""
        self._wish = {"type": "open", "client_id": str(new_id()), "topic": topic}
        await self._send_wish()
        await self._until(lambda: self.session_id is not None)
        return UUID(str(self.session_id))

    async def join(self, session_id: UUID) -> None:
        """Take a waiting session."""
        self._wish = {"type": "join", "session_id": str(session_id)}
        await self._send_wish()
        await self._until(lambda: self.session_id is not None)

    async def say(self, text: str) -> dict[str, Any]:
        """Say something; returns the acknowledgement, however often the line is lost before it comes.

        Raises:
            RefusedError: the gateway does not take it.
        """
        message = Sent(new_id(), text, asyncio.get_running_loop().create_future())
        self._unsent[message.client_id] = message
        if self._attending:
            await self._send(self._frame_of(message))
        return await message.acknowledged

    async def close(self) -> dict[str, Any]:
        """Close the session. Returns the gateway's `closed` frame: number of all entries and their digest."""
        self._wish = {"type": "close", "session_id": str(self.session_id)}
        await self._send_wish()
        await self.until_closed()
        return self.closed or {}

    async def until_closed(self) -> None:
        await self._until(lambda: self.closed is not None and len(self.entries) == self.closed["seq"])

    async def until_seq(self, seq: int) -> None:
        """Wait until entries 1..seq are here."""
        await self._until(lambda: len(self.entries) >= seq)

    async def _until(self, condition: Callable[[], bool]) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: condition() or self._failure is not None)
        if self._failure is not None and not condition():
            raise self._failure

    async def _stay_connected(self) -> None:
        while True:
            try:
                await self._talk()
            except UNREACHABLE:
                pass
            except Exception as failure:  # noqa: BLE001 - whoever waits on this client hears of it
                await self._fail(failure)
                return
            self._connection, self._attending = None, False
            await asyncio.sleep(RETRY_SECONDS)

    async def _talk(self) -> None:
        url = self.url() if callable(self.url) else self.url
        async with connect(f"{url}/v1/chat", compression=None, open_timeout=5, close_timeout=1) as connection:
            await connection.send(json.dumps({"type": "hello", "token": self.token}))
            await self._greeted(connection)
            self.reconnects += 1
            self._connection = connection
            if self.session_id is None:
                await self._send_wish()
            else:
                cursor = {"type": "resume", "session_id": str(self.session_id), "after_seq": len(self.entries)}
                await self._send(cursor)
            async for raw in connection:
                await self._receive(orjson.loads(raw))

    async def _greeted(self, connection: ClientConnection) -> None:
        """Read what comes before anything else: the welcome, and the statement that an opening acknowledges."""
        seen: set[str] = set()
        while not {"welcome", "notice"} <= seen:
            frame = orjson.loads(await asyncio.wait_for(connection.recv(), 10))
            if frame["type"] == "error":
                raise ConnectionError(frame["code"]) if frame.get("retryable") else RefusedError(frame)
            if frame["type"] == "notice":
                self._notice = frame["version"]
            seen.add(frame["type"])

    async def _receive(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "entry":
            self._keep(frame["entry"], withheld=bool(frame.get("withheld")))
        elif kind == "ack":
            message = self._unsent.pop(UUID(frame["client_id"]), None)
            if message is not None:
                self._keep(self._own_entry(message, frame))
                if not message.acknowledged.done():
                    message.acknowledged.set_result(frame)
        elif kind in {"opened", "joined", "resumed"}:
            self.session_id, self.participant_id = UUID(frame["session_id"]), UUID(frame["participant_id"])
            await self._attend()
        elif kind == "closed":
            self.closed, self._wish = frame, None
        elif kind == "error":
            await self._refused(frame)
        async with self._changed:
            self._changed.notify_all()

    async def _attend(self) -> None:
        """The gateway knows again who speaks here: what was not acknowledged goes out once more."""
        self._attending = True
        if self._wish is not None and self._wish["type"] in {"open", "join"}:
            self._wish = None
        await self._send_wish()
        for message in list(self._unsent.values()):
            await self._send(self._frame_of(message))

    def _own_entry(self, message: Sent, ack: dict[str, Any]) -> dict[str, Any]:
        """What the sender said does not come back to it: the acknowledgement completes what it knows already."""
        role = next(e["role"] for e in self.entries if e["participant_id"] == str(self.participant_id))
        pii = {"text": message.text, "salt": ack["salt"]}
        return {
            "session_id": ack["session_id"],
            "seq": ack["seq"],
            "entry_id": ack["client_id"],
            "participant_id": str(self.participant_id),
            "role": role,
            "at": ack["at"],
            "digest": ack["digest"],
            "commitment": commitment_to(canonical(pii)),
            "pii": pii,
        }

    def _keep(self, entry: dict[str, Any], *, withheld: bool = False) -> None:
        """Args:
        withheld: parts of what it says of a person were left out for this reader; the chain is checked all the same.
        """
        if entry["seq"] <= len(self.entries):
            return
        if entry["seq"] != len(self.entries) + 1:
            raise BrokenChainError(f"entry {entry['seq']} came after {len(self.entries)}")
        if running_digest(self.digest, covered(entry)) != entry["digest"]:
            raise BrokenChainError(f"the digest of entry {entry['seq']} does not hold")
        if "pii" in entry and not withheld and commitment_to(canonical(entry["pii"])) != entry["commitment"]:
            raise BrokenChainError(f"entry {entry['seq']} says something else than it is committed to")
        self.digest = entry["digest"]
        self.entries.append(entry)

    async def _refused(self, frame: dict[str, Any]) -> None:
        message = self._unsent.get(UUID(frame["client_id"])) if frame.get("client_id") else None
        if frame.get("retryable"):
            if message is None:
                raise ConnectionError(frame["code"])  # a new line begins with everything that is still wanted
            await asyncio.sleep(RETRY_SECONDS)
            await self._send(self._frame_of(message))
        elif frame["code"] == "session-closed" and message is None:
            self._wish = (
                None  # it was closed before the line was lost; the entries that say so are here or on their way
            )
        elif message is not None and frame["code"] == "draft-needs-reason" and message.reason is None:
            message.reason = self.reason
            await self._send(self._frame_of(message))
        elif message is not None:
            del self._unsent[message.client_id]
            message.acknowledged.set_exception(RefusedError(frame))
        else:
            raise RefusedError(frame)

    async def _fail(self, failure: BaseException) -> None:
        self._failure = failure
        for message in self._unsent.values():
            if not message.acknowledged.done():
                message.acknowledged.set_exception(failure)
        async with self._changed:
            self._changed.notify_all()

    def _frame_of(self, message: Sent) -> dict[str, Any] | None:
        if self.session_id is None:
            return None
        frame = {
            "type": "send",
            "session_id": str(self.session_id),
            "client_id": str(message.client_id),
            "text": message.text,
        }
        return frame | ({"reason": message.reason} if message.reason else {})

    async def _send_wish(self) -> None:
        if self._wish is not None and self._connection is not None:
            shown = {"notice_version": self._notice} if self._wish["type"] == "open" else {}
            await self._send(self._wish | shown)

    async def _send(self, frame: dict[str, Any] | None) -> None:
        if frame is not None and self._connection is not None:
            # A lost line is found again by `_stay_connected`, which sends everything once more.
            with contextlib.suppress(*UNREACHABLE):
                await self._connection.send(json.dumps(frame))
