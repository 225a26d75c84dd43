"""The load: one process that holds thousands of lines open and talks through some of them.

It reads one task a line from stdin and answers each with a line of JSON, so that who measures can look at the gateway in
between; when stdin ends, or after `LONGEST_SECONDS`, it ends too. It connects to the loopback interface only.
"""

import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, cast

import uvloop

from muniment.bench.driver import ChatLoad, Load, Socket, connected, percentiles
from muniment.conversations import Conversation, dialogues
from muniment.processes import LOOPBACK

LONGEST_SECONDS = 1800
AT_ONCE = 32
PATIENCE_SECONDS = 60
REASON = "public-contact"
"""In the conversations that are played, addresses are published ones."""

Told = dict[str, Any]


@dataclass(slots=True)
class Session:
    """One conversation. `token` is its customer's."""

    token: str
    id: str = ""
    lines: list[Socket] = field(default_factory=list)
    last_seq: int = 0


class Stream(asyncio.Protocol):
    """One reader of server-sent events: counts what comes and keeps nothing of it."""

    def __init__(self, path: str, token: str) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heartbeats = 0
        self.open = False
        self._head = b""
        self._path, self._token = path, token
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.open = transport, True
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: {LOOPBACK}\r\nAuthorization: Bearer {self._token}\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        self.heartbeats += data.count(b"\r\n:\n\n")
        if not self.ready.done():
            self._head += data
            if b'"type":"resumed"' in self._head:
                self.ready.set_result(None)
                self._head = b""

    def connection_lost(self, _exc: Exception | None) -> None:
        self.open = False
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(self._head[:200].decode(errors="replace")))

    def close(self) -> None:
        self._transport.close()


class Talk(ChatLoad):
    """Both sides of each session say their own turns of a real dialogue, and go on with the next dialogue."""

    def __init__(self, played: list[Conversation]) -> None:
        super().__init__(Load(0, 0), "")
        self._load.running = False
        self._played = played
        self._turns: dict[Socket, Iterator[bytes]] = {}
        self._customers: set[Socket] = set()
        self._ends: dict[Socket, int] = {}
        self._said: dict[Socket, int] = {}
        self.refused: dict[str, int] = {}
        self.filled = asyncio.Event()

    def add(self, socket: Socket, session_id: str, *, speaker: str) -> None:
        """From now on this line says the turns of this speaker."""
        start = len(self._turns) // 2 % len(self._played)
        ordered = self._played[start:] + self._played[:start]
        self._turns[socket] = cycle(_bodies(ordered, speaker))
        self._session[socket] = session_id.encode()
        if speaker == "customer":
            self._customers.add(socket)

    def remove(self, socket: Socket) -> None:
        for known in (self._turns, self._session, self._ends, self._said):
            cast("dict[Socket, Any]", known).pop(socket, None)
        self._customers.discard(socket)

    def senders(self, *, one_side: bool) -> list[Callable[[], None]]:
        lines = [s for s in self._turns if s in self._customers] if one_side else self._turns
        return [lambda s=s: self._send(s) for s in lines]  # type: ignore[misc]

    async def during(self, seconds: float, per_second: float, *, one_side: bool = False) -> Told:
        """Talk for so long; 0 a second is as fast as acknowledgements come. `one_side`: the employees only listen."""
        self._load = Load(seconds, per_second)
        self.refused = {}
        found = await self._load.run(self.senders(one_side=one_side))
        await asyncio.sleep(0.3)  # what is on its way still comes
        return found | {"refused": self.refused, "sent": len(self._load.began)}

    async def fill(self, messages: dict[Socket, int]) -> Told:
        """Each of these lines says so many messages, one after the other is acknowledged."""
        self._load, self.refused = Load(0, 0), {}
        self._ends = {socket: number for socket, number in messages.items() if number > 0}
        self._said = dict.fromkeys(self._ends, 0)
        self.filled.clear()
        began = time.perf_counter()
        for socket in self._ends:
            self._send(socket)
        if self._ends:
            await self.filled.wait()
        said, self._ends = sum(self._said.values()), {}
        return {"seconds": time.perf_counter() - began, "messages": said, "refused": self.refused}

    async def last_seq(self, socket: Socket) -> int:
        """Say one thing more, and read which number it got."""
        socket.frames = asyncio.Queue()
        frame = {"type": "send", "session_id": self._session[socket].decode(), "client_id": self._id(), "text": "Yes."}
        seq = int((await socket.ask(frame, "ack"))["seq"])
        socket.frames = None
        return seq

    def _send(self, socket: Socket) -> None:
        client_id = self._id().encode()
        self._load.began[client_id] = time.perf_counter()
        body = next(self._turns[socket])
        socket.send(b'{"type":"send","session_id":"%s","client_id":"%s",%s}' % (self._session[socket], client_id, body))

    def _heard(self, socket: Socket, payload: bytes) -> None:
        if b'"type":"error"' in payload:
            self._count_refusals(payload)
        if self._ends:
            self._fill_on(socket, payload)
            return
        super()._heard(socket, payload.replace(b'"type":"error"', b'"type":"ack"'))

    def _count_refusals(self, payload: bytes) -> None:
        read = json.loads(payload)
        for frame in read if isinstance(read, list) else [read]:
            if frame["type"] == "error":
                self.refused[frame["code"]] = self.refused.get(frame["code"], 0) + 1

    def _fill_on(self, socket: Socket, payload: bytes) -> None:
        answered = payload.count(b'"type":"ack"') + payload.count(b'"type":"error"')
        for _ in range(answered if socket in self._said else 0):
            self._said[socket] += 1
            if self._said[socket] < self._ends[socket]:
                self._send(socket)
        if self._said == self._ends:
            self.filled.set()


def _bodies(played: list[Conversation], speaker: str) -> list[bytes]:
    reason = {"reason": REASON} if speaker == "employee" else {}
    said = [turn.text for conversation in played for turn in conversation.turns if turn.speaker == speaker]
    return [json.dumps({"text": text} | reason)[1:-1].encode() for text in said]


class Crowd:
    """Everybody who is connected."""

    def __init__(self) -> None:
        self.sessions: list[Session] = []
        self.streams: list[Stream] = []
        self.sockets: list[Socket] = []
        self.talk = Talk(dialogues(400))

    async def _connect(self, port: int, token: str) -> tuple[Socket, Told]:
        (socket,) = await connected(port, "/v1/chat", 1, self.talk._heard)  # noqa: SLF001 - its own listener
        self.sockets.append(socket)
        notice = await socket.ask({"type": "hello", "token": token, "arrays": True}, "notice")
        return socket, notice

    async def open(self, port: int, tokens: list[str]) -> Told:
        """A line and a new session for each of these customers."""
        began = time.perf_counter()
        made = [Session(token) for token in tokens]

        async def one(session: Session) -> None:
            socket, notice = await self._connect(port, session.token)
            opening = {"type": "open", "client_id": self.talk._id(), "topic": "retirement"}  # noqa: SLF001
            opened = await socket.ask(opening | {"notice_version": notice["version"]}, "opened")
            session.id = opened["session_id"]
            session.lines.append(socket)
            self.talk.add(socket, session.id, speaker="customer")
            socket.frames = None

        await _each(one(session) for session in made)
        self.sessions += made
        return {"opened": len(made), "seconds": time.perf_counter() - began}

    async def join(self, port: int, tokens: list[str], *, together: bool = False) -> Told:
        """Employees take every session that has none: on a line for each, or each employee on one line for all of theirs."""
        began = time.perf_counter()
        waiting = [one for one in self.sessions if len(one.lines) == 1]
        lines = [(await self._connect(port, token))[0] for token in tokens] if together else []

        async def one(number: int, session: Session) -> None:
            socket = (
                lines[number % len(lines)] if lines else (await self._connect(port, tokens[number % len(tokens)]))[0]
            )
            await socket.ask({"type": "join", "session_id": session.id}, "joined")
            session.lines.append(socket)
            if not lines:
                self.talk.add(socket, session.id, speaker="employee")
                socket.frames = None

        if lines:  # one question at a time on a line
            for number, session in enumerate(waiting):
                await one(number, session)
        else:
            await _each(one(number, session) for number, session in enumerate(waiting))
        for line in lines:
            line.frames = None
        await asyncio.sleep(0.3)
        return {"joined": len(waiting), "seconds": time.perf_counter() - began}

    async def listen(self, port: int) -> Told:
        """A stream of events for the customer of each session, in the place of their sockets."""
        self.hang_up()
        began = time.perf_counter()

        async def one(session: Session) -> None:
            path = f"/v1/chat/stream?hear={session.id}:0"
            loop = asyncio.get_running_loop()
            _, stream = await loop.create_connection(lambda: Stream(path, session.token), LOOPBACK, port)
            await asyncio.wait_for(stream.ready, PATIENCE_SECONDS)
            self.streams.append(stream)

        await _each(one(session) for session in self.sessions)
        return {"opened": len(self.streams), "seconds": time.perf_counter() - began}

    async def resume(self, port: int, last: int, times: int) -> Told:
        """How long it takes until the last so many entries of a session are there again, on a new line each time."""
        took = []
        for number in range(times):
            session = self.sessions[number % len(self.sessions)]
            socket, _ = await self._connect(port, session.token)
            began = time.perf_counter()
            # The session's end is not known to who comes back: the cursor is what was heard last.
            wish = {"type": "resume", "session_id": session.id, "after_seq": session.last_seq - last}
            reached = (await socket.ask(wish, "resumed"))["after_seq"]
            while reached < session.last_seq and socket.frames is not None:
                frame = await asyncio.wait_for(socket.frames.get(), PATIENCE_SECONDS)
                if frame["type"] == "entry":
                    reached = frame["entry"]["seq"]
            took.append(time.perf_counter() - began)
            socket.close()
            self.sockets.remove(socket)
        return {"ms": [1000 * one for one in took], **percentiles(took)}

    async def fill(self, upto: int) -> Told:
        """Talk until each session has so many entries."""
        await self.look()
        wanted = {
            line: (upto - session.last_seq) // len(session.lines) for session in self.sessions for line in session.lines
        }
        return await self.talk.fill(wanted)

    async def look(self) -> Told:
        """Learn the last number of each session."""
        for session in self.sessions:
            session.last_seq = await self.talk.last_seq(session.lines[0])
        return {"last_seqs": [session.last_seq for session in self.sessions]}

    def count(self) -> Told:
        """What is still open."""
        return {
            "sockets": sum(one.is_open for one in self.sockets),
            "pings": sum(one.pings for one in self.sockets),
            "streams": sum(one.open for one in self.streams),
            "heartbeats": sum(one.heartbeats for one in self.streams),
        }

    def hang_up(self) -> None:
        """End every line; the sessions go on."""
        for socket in self.sockets:
            socket.close()
        for stream in self.streams:
            stream.close()
        for socket in self.sockets:
            self.talk.remove(socket)
        for session in self.sessions:
            session.lines = []
        self.sockets, self.streams = [], []

    async def do(self, task: Told) -> Told:
        """Do what a line of the input says."""
        what = task.pop("do")
        if what == "talk":
            return await self.talk.during(**task)
        if what in {"open", "join", "listen", "resume", "look", "fill"}:
            act: Callable[..., Awaitable[Told]] = getattr(self, what)
            return await act(**task)
        if what == "hang up":
            self.hang_up()
        return self.count()


async def _each(work: Iterable[Awaitable[None]]) -> None:
    """All of it, some at a time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(task: Awaitable[None]) -> None:
        async with room:
            await task

    await asyncio.gather(*(one(task) for task in work))


async def main() -> None:
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(os.dup(0), "rb"))
    crowd = Crowd()
    async with asyncio.timeout(LONGEST_SECONDS):
        while line := await reader.readline():
            print(json.dumps(await crowd.do(json.loads(line))), flush=True)


if __name__ == "__main__":
    try:
        uvloop.run(main())
    except TimeoutError:
        sys.exit(f"the load ends by itself after {LONGEST_SECONDS} s")
