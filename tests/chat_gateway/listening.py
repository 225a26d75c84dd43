"""Plain clients of the other transports: a reader of server-sent events, and one that polls. Both speak by posts."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

import httpx

from chat_gateway.schemas import to_client

Frame = dict[str, Any]
SECONDS = 30


@dataclass
class Speaker:
    """One person, without a socket."""

    http: httpx.AsyncClient

    @classmethod
    @asynccontextmanager
    async def at(cls, base_url: str, headers: dict[str, str]) -> AsyncIterator["Speaker"]:
        async with httpx.AsyncClient(base_url=base_url, headers=headers, timeout=30) as http:
            yield cls(http)

    async def open(self, client_id: UUID | None = None, topic: str = "retirement") -> Frame:
        notice = (await self.http.get("/v1/notice")).json()
        body = {
            "client_id": str(client_id or uuid4()),
            "topic": topic,
            "notice_version": notice["version"],
            "notice_digest": notice["digest"],
        }
        answer = await self.http.post("/v1/sessions", json=body)
        assert answer.status_code == 201, answer.text
        to_client.validate_python(answer.json())
        return dict(answer.json())

    async def act(self, session_id: object, word: str, status: int = 200, **body: Any) -> Frame:
        answer = await self.http.post(f"/v1/sessions/{session_id}/{word}", json=body)
        assert answer.status_code == status, answer.text
        return dict(answer.json()) if answer.content else {}

    async def post(self, session_id: object, text: str, client_id: UUID | None = None) -> httpx.Response:
        body = {"client_id": str(client_id or uuid4()), "text": text}
        return await self.http.post(f"/v1/sessions/{session_id}/messages", json=body)

    async def poll(self, *hear: str, wait: int = 0, state: str = "") -> Frame:
        params: dict[str, Any] = {"hear": list(hear), "wait": wait, "state": state}
        answer = await self.http.get("/v1/chat/poll", params=params)
        assert answer.status_code == 200, answer.text
        for frame in answer.json()["frames"]:
            to_client.validate_python(frame)
        return dict(answer.json())

    @asynccontextmanager
    async def stream(self, *hear: str, last: str | None = None) -> AsyncIterator["Stream"]:
        headers = {"Last-Event-ID": last} if last is not None else {}
        async with self.http.stream("GET", "/v1/chat/stream", params={"hear": list(hear)}, headers=headers) as answer:
            stream = Stream(answer)
            reading = asyncio.create_task(stream.read())
            try:
                yield stream
            finally:
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)


@dataclass
class Stream:
    """Attributes:
    last: the id of the last event that had one, as a browser keeps it.
    end: why it ended, once it said so.
    """

    answer: httpx.Response
    frames: list[Frame] = field(default_factory=list)
    last: str = ""
    end: Frame | None = None
    comments: int = 0
    over: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def read(self) -> None:
        event: dict[str, str] = {}
        with contextlib.suppress(httpx.HTTPError):
            async for line in self.answer.aiter_lines():
                if line.startswith(":"):
                    self.comments += 1
                elif line:
                    name, _, value = line.partition(": ")
                    event[name] = value
                elif event:
                    await self._take(event)
                    event = {}
        async with self._changed:
            self.over = True
            self._changed.notify_all()

    async def _take(self, event: dict[str, str]) -> None:
        async with self._changed:
            self.last = event.get("id", self.last)
            if event.get("event") == "end":
                self.end = json.loads(event["data"])
            elif "data" in event:
                frame = json.loads(event["data"])
                to_client.validate_python(frame)
                self.frames.append(frame)
            self._changed.notify_all()

    async def until(self, kind: str, number: int = 1, seconds: float = SECONDS) -> Frame:
        """The so-manieth frame of this kind."""
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: len(self.all(kind)) >= number or self.over), seconds)
        return self.all(kind)[number - 1]

    async def until_end(self, seconds: float = SECONDS) -> Frame:
        async with self._changed:
            await asyncio.wait_for(self._changed.wait_for(lambda: self.over), seconds)
        assert self.end is not None
        return self.end

    def all(self, kind: str) -> list[Frame]:
        return [f for f in self.frames if f["type"] == kind]

    def entries(self, session_id: object) -> list[Frame]:
        return [f["entry"] for f in self.all("entry") if f["entry"]["session_id"] == str(session_id)]
