"""The load: many light WebSocket clients in one process. It reads what to do from stdin and prints what it measured.

It speaks just enough of RFC 6455 to cost little: the clients share the machine with what is measured.
"""

import asyncio
import base64
import json
import os
import re
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

import uvloop

WARM_UP_SECONDS = 1.0
_ACK = re.compile(rb'"type":"ack","session_id":"[^"]+","client_id":"([^"]+)"')
_ENTRY = re.compile(rb'"type":"entry","kind":"message".*?"entry_id":"([^"]+)"')


class Socket(asyncio.Protocol):
    """One client. `heard` gets each text frame's bytes."""

    def __init__(self, path: str, heard: Callable[["Socket", bytes], None]) -> None:
        self.ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.heard = heard
        self.frames: asyncio.Queue[dict[str, Any]] | None = asyncio.Queue()
        self.pings = 0
        self.is_open = False
        self._path = path
        self._buffer = b""
        self._transport: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        self._transport.write(
            f"GET {self._path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )

    def send(self, payload: bytes) -> None:
        """Send a text frame (with a mask of zeros, which the protocol allows)."""
        n = len(payload)
        head = struct.pack(">BB", 0x81, 0x80 | n) if n < 126 else struct.pack(">BBH", 0x81, 0xFE, n)  # noqa: PLR2004
        self._transport.write(head + b"\0\0\0\0" + payload)

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer + data if self._buffer else data
        if not self.is_open:
            end = buffer.find(b"\r\n\r\n")
            if end < 0:
                self._buffer = buffer
                return
            if not buffer.startswith(b"HTTP/1.1 101 "):
                self.ready.set_exception(ConnectionError(buffer[:200].decode(errors="replace")))
                self._transport.close()
                return
            buffer, self.is_open = buffer[end + 4 :], True
            self.ready.set_result(None)
        at = 0
        while len(buffer) - at >= 2:  # noqa: PLR2004
            n, start = buffer[at + 1] & 127, at + 2
            if n == 126:  # noqa: PLR2004
                if len(buffer) < at + 4:
                    break
                n, start = int.from_bytes(buffer[at + 2 : at + 4], "big"), at + 4
            if len(buffer) < start + n:
                break
            self._frame(buffer[at] & 15, buffer[start : start + n])
            at = start + n
        self._buffer = buffer[at:]

    def _frame(self, opcode: int, payload: bytes) -> None:
        if opcode == 9:  # noqa: PLR2004 - a ping
            self.pings += 1
            self._transport.write(b"\x8a" + bytes([0x80 | len(payload)]) + b"\0\0\0\0" + payload)
        elif opcode == 1:
            if self.frames is not None:
                read = json.loads(payload)
                for frame in read if isinstance(read, list) else [read]:
                    self.frames.put_nowait(frame)
            else:
                self.heard(self, payload)

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_open = False
        if not self.ready.done():
            self.ready.set_exception(ConnectionError(self._buffer[:200].decode(errors="replace")))

    def close(self) -> None:
        self._transport.close()

    async def ask(self, frame: dict[str, Any], kind: str) -> dict[str, Any]:
        """Before the load: say this and wait for an answer of that kind."""
        if self.frames is None:
            raise RuntimeError("the load runs already")
        self.send(json.dumps(frame).encode())
        while (answer := await asyncio.wait_for(self.frames.get(), 30))["type"] != kind:
            if answer["type"] == "error":
                raise RuntimeError(f"refused: {answer['code']}")
        return answer


async def connected(port: int, path: str, number: int, heard: Callable[[Socket, bytes], None]) -> list[Socket]:
    loop = asyncio.get_running_loop()
    sockets: list[Socket] = []
    for _ in range(number):
        _, socket = await loop.create_connection(lambda: Socket(path, heard), "127.0.0.1", port)
        await socket.ready
        sockets.append(socket)
    return sockets


class Load:
    """What all clients together did.

    Attributes:
        per_second: messages a second that go out on a schedule; 0 = each client sends when its last one was answered.
    """

    def __init__(self, seconds: float, per_second: float) -> None:
        self.seconds = seconds
        self.per_second = per_second
        self.answers: list[float] = []
        self.deliveries: list[float] = []
        self.began: dict[bytes, float] = {}
        self.counting = False
        self.running = True

    async def run(self, senders: list[Callable[[], None]]) -> dict[str, Any]:
        pacing = asyncio.create_task(self._pace(senders)) if self.per_second else None
        if pacing is None:
            for send in senders:
                send()
        await asyncio.sleep(WARM_UP_SECONDS)
        self.counting, began, cpu = True, time.perf_counter(), time.process_time()
        await asyncio.sleep(self.seconds)
        self.counting, self.running = False, False
        elapsed = time.perf_counter() - began
        if pacing is not None:
            await pacing
        return {
            "answers_per_second": len(self.answers) / elapsed,
            "deliveries_per_second": len(self.deliveries) / elapsed,
            "answer_ms": percentiles(self.answers),
            "delivery_ms": percentiles(self.deliveries),
            "driver_cpu": (time.process_time() - cpu) / elapsed,
        }

    async def _pace(self, senders: list[Callable[[], None]]) -> None:
        began, sent = time.perf_counter(), 0
        while self.running:
            due = int((time.perf_counter() - began) * self.per_second)
            while sent < due:
                senders[sent % len(senders)]()
                sent += 1
            await asyncio.sleep(0.001)


def percentiles(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    if not ordered:
        return {}
    return {name: ordered[int(len(ordered) * part)] * 1000 for name, part in (("p50", 0.5), ("p99", 0.99))}


async def echo(port: int, clients: int, text: str, load: Load) -> dict[str, Any]:
    """Clients that send as large a frame as the chat's and wait for it to come back."""
    sent: dict[Socket, float] = {}
    payload = json.dumps({"type": "send", "session_id": "s" * 36, "client_id": "c" * 36, "text": text}).encode()

    def send(socket: Socket) -> None:
        sent[socket] = time.perf_counter()
        socket.send(payload)

    def heard(socket: Socket, _payload: bytes) -> None:
        if load.counting:
            load.answers.append(time.perf_counter() - sent[socket])
        if load.running and not load.per_second:
            send(socket)

    sockets = await connected(port, "/", clients, heard)
    for socket in sockets:
        socket.frames = None
    result = await load.run([lambda s=s: send(s) for s in sockets])  # type: ignore[misc]
    for socket in sockets:
        socket.close()
    return result


class ChatLoad:
    """Sessions of a customer and an agent who both talk."""

    def __init__(self, load: Load, text: str) -> None:
        self._load = load
        self._text = text.encode()
        self._number = 0
        self._session: dict[Socket, bytes] = {}

    async def open(self, port: int, sessions: int, tokens: list[str]) -> list[Callable[[], None]]:
        customers = await connected(port, "/v1/chat", sessions, self._heard)
        agents = await connected(port, "/v1/chat", sessions, self._heard)
        for number, (customer, agent) in enumerate(zip(customers, agents, strict=True)):
            await customer.ask({"type": "hello", "token": tokens[0], "arrays": True}, "welcome")
            notice = await customer.ask({"type": "ping"}, "notice")
            opening = {
                "type": "open",
                "client_id": self._id(),
                "topic": "retirement",
                "notice_version": notice["version"],
            }
            opened = await customer.ask(opening, "opened")
            hello = {"type": "hello", "token": tokens[1 + number % (len(tokens) - 1)], "arrays": True}
            await agent.ask(hello, "welcome")
            await agent.ask({"type": "join", "session_id": opened["session_id"]}, "joined")
            for socket in (customer, agent):
                self._session[socket] = opened["session_id"].encode()
        await asyncio.sleep(0.5)
        for socket in self._session:
            socket.frames = None
        return [lambda s=s: self._send(s) for s in self._session]  # type: ignore[misc]

    def close(self) -> None:
        for socket in self._session:
            socket.close()

    def _id(self) -> str:
        self._number += 1
        return f"{os.getpid():08x}-0000-4000-8000-{self._number:012x}"

    def _send(self, socket: Socket) -> None:
        client_id = self._id().encode()
        self._load.began[client_id] = time.perf_counter()
        socket.send(
            b'{"type":"send","session_id":"%s","client_id":"%s","text":"%s"}'
            % (self._session[socket], client_id, self._text)
        )

    def _heard(self, socket: Socket, payload: bytes) -> None:
        """Look for the ids in one frame, or in an array of frames, without reading the JSON."""
        load, now = self._load, time.perf_counter()
        if b'"type":"error"' in payload:
            raise RuntimeError(payload.decode())
        if load.counting:
            for mark, into in ((_ACK, load.answers), (_ENTRY, load.deliveries)):
                for found in mark.finditer(payload):
                    into.append(now - load.began.get(found[1], now))
        if load.running and not load.per_second and b'"type":"ack"' in payload:
            self._send(socket)


async def chat(port: int, sessions: int, text: str, load: Load, tokens: list[str]) -> dict[str, Any]:
    clients = ChatLoad(load, text)
    result = await load.run(await clients.open(port, sessions, tokens))
    clients.close()
    return result


async def main(work: dict[str, Any]) -> dict[str, Any]:
    load = Load(work["seconds"], work["per_second"])
    if work["what"] == "echo":
        return await echo(work["port"], 2 * work["sessions"], work["text"], load)
    return await chat(work["port"], work["sessions"], work["text"], load, work["tokens"])


if __name__ == "__main__":
    print(json.dumps(uvloop.run(main(json.load(sys.stdin)))))
