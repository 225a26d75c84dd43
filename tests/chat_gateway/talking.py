"""A plain client of the socket: it says what it is told and keeps every frame that comes."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat_gateway.schemas import to_client
from common.contracts.chat import EMPTY_DIGEST, canonical, commitment_to, covered, running_digest

Frame = dict[str, Any]
SECONDS = 60
"""Longest wait for anything: a test that waits so long has failed, and none passes sooner for a shorter one."""


class Talker:
    """Attributes:
    frames: everything that came, in order.
    """

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.frames: list[Frame] = []
        self._gone = False
        self._changed = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    @asynccontextmanager
    async def connected(cls, port: int, token: str | None, *, language: str = "en") -> AsyncIterator["Talker"]:
        async with connect(f"ws://127.0.0.1:{port}/v1/chat", compression=None, close_timeout=1) as connection:
            talker = cls(connection)
            talker._reader = asyncio.create_task(talker._read())
            try:
                if token is not None:
                    await talker.say(type="hello", token=token, language=language)
                    await talker.first("welcome")
                yield talker
            finally:
                talker._reader.cancel()

    async def _read(self) -> None:
        try:
            async for raw in self.connection:
                frame = json.loads(raw)
                to_client.validate_python(frame)
                await self._add(frame)
        except ConnectionClosed:
            pass
        received = self.connection.close_code
        await self._add({"type": "gone", "code": received})

    async def _add(self, frame: Frame) -> None:
        async with self._changed:
            self.frames.append(frame)
            self._gone = frame["type"] == "gone"
            self._changed.notify_all()

    async def say(self, **frame: Any) -> None:
        await self.connection.send(json.dumps({k: str(v) if isinstance(v, UUID) else v for k, v in frame.items()}))

    async def until(self, satisfied: Callable[[], bool], seconds: float = SECONDS) -> None:
        async with self._changed, asyncio.timeout(seconds):
            await self._changed.wait_for(lambda: satisfied() or self._gone)
        assert satisfied(), f"the line ended before that: {self.frames[-2:]}"

    def all(self, kind: str) -> list[Frame]:
        return [f for f in self.frames if f["type"] == kind]

    async def first(self, kind: str) -> Frame:
        await self.until(lambda: bool(self.all(kind)))
        return self.all(kind)[0]

    async def next(self, kind: str) -> Frame:
        """The next frame of this kind that comes from now on."""
        before = len(self.all(kind))
        await self.until(lambda: len(self.all(kind)) > before)
        return self.all(kind)[before]

    async def ask(self, expected: str, **frame: Any) -> Frame:
        """Say this and give the next frame of the kind expected."""
        answer = asyncio.create_task(self.next(expected))
        await asyncio.sleep(0)
        await self.say(**frame)
        return await answer

    async def open(self, topic: str = "retirement", client_id: UUID | None = None) -> UUID:
        notice = await self.first("notice")
        frame = await self.ask(
            "opened", type="open", client_id=client_id or uuid4(), topic=topic, notice_version=notice["version"]
        )
        return UUID(frame["session_id"])

    async def post(self, session_id: UUID, text: str, client_id: UUID | None = None) -> Frame:
        """Send and wait for the acknowledgement."""
        client_id = client_id or uuid4()
        before = len(self.frames)
        await self.say(type="send", session_id=session_id, client_id=client_id, text=text)

        def answered() -> list[Frame]:
            return [
                f
                for f in self.frames[before:]
                if f["type"] in ("ack", "error") and f.get("client_id") == str(client_id)
            ]

        await self.until(lambda: bool(answered()))
        return answered()[0]

    def entries(self, session_id: UUID) -> list[Frame]:
        return [f["entry"] for f in self.all("entry") if f["entry"]["session_id"] == str(session_id)]

    async def until_seq(self, session_id: UUID, seq: int, seconds: float = SECONDS) -> None:
        wanted, came, looked = str(session_id), False, 0

        def told() -> bool:
            nonlocal came, looked  # each frame is looked at once: there may be thousands
            fresh, looked = self.frames[looked:], len(self.frames)
            entries = [f["entry"] for f in fresh if f["type"] == "entry"]
            came = came or any(e["seq"] == seq and e["session_id"] == wanted for e in entries)
            return came

        await self.until(told, seconds)


def chained(entries: list[Frame], previous: str = EMPTY_DIGEST) -> list[str]:
    """The running digests recomputed from the entries themselves; whatever is opened keeps to its commitment."""
    digests = []
    for entry in entries:
        if "salt" in entry.get("pii", {}):
            assert commitment_to(canonical(entry["pii"])) == entry["commitment"]
        previous = running_digest(previous, covered(entry))
        digests.append(previous)
    return digests
