"""What stands between a browser and the gateway: it serves the page, hands on the rest, and can do what proxies do."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal
from urllib.parse import parse_qs, urlsplit

TYPES = {".js": "text/javascript", ".html": "text/html; charset=utf-8"}
PAGE = b"<!doctype html><meta charset=utf-8><title>A portal</title><div id=log></div>"
MostWebSockets = Literal["pass", "refuse", "swallow"]


class Proxy:
    """Args:
    gateway: port of the gateway.
    token: what the page gets when it asks for a token; told whether a new one is wanted.
    folders: prefix of an address → folder of what is served under it.

    Attributes:
        websockets: whether they pass, are refused with 403, or are never answered.
        gathers: answers are handed on when they are whole, which a stream never is.
        silent: nothing passes any more, and nobody is told.
        alter: what becomes of the bytes that the gateway sends.
        heads: the first line of every request.
    """

    def __init__(
        self, gateway: Callable[[], int], token: Callable[[bool], str], folders: dict[str, Path], page: bytes = PAGE
    ) -> None:
        self._gateway = gateway
        self._token = token
        self._folders = folders
        self._page = page
        self._tunnels: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.websockets: MostWebSockets = "pass"
        self.gathers = False
        self.silent = False
        self.alter: Callable[[bytes], bytes] | None = None
        self.heads: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def cut(self) -> None:
        """Break every connection that is open now, without a word."""
        for writer in self._tunnels:
            writer.transport.abort()

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["Proxy"]:
        server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            self.cut()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._tunnels.add(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            writer.close()
            self._tunnels.discard(writer)
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first = head.partition(b"\r\n")[0].decode()
        self.heads.append(first)
        path = first.split(" ")[1]
        if not path.startswith("/v1/"):
            writer.write(self._file(path))
            await writer.drain()
            return
        upgrade = b"\nupgrade: websocket" in head.lower()
        if upgrade and self.websockets == "refuse":
            writer.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
            return
        if self.silent or (upgrade and self.websockets == "swallow"):
            await reader.read()
            return
        await self._tunnel(head if upgrade else _closing(head), reader, writer)

    def _file(self, path: str) -> bytes:
        asked = urlsplit(path)
        kind, content = "text/html; charset=utf-8", self._page
        if asked.path == "/token":
            kind, content = "application/json", json.dumps(self._token("renew" in parse_qs(asked.query))).encode()
        for prefix, folder in self._folders.items():
            if asked.path.startswith(prefix):
                file = folder / asked.path.removeprefix(prefix)
                kind, content = TYPES[file.suffix], file.read_bytes()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n\r\n"
        return head.encode() + content

    async def _tunnel(self, head: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, out = await asyncio.open_connection("127.0.0.1", self._gateway())
        except OSError:
            return
        self._tunnels.add(out)
        out.write(head)
        ways = [
            asyncio.create_task(self._hand_on(reader, out, None)),
            asyncio.create_task(self._hand_on(there, writer, lambda some: self.alter(some) if self.alter else some)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            out.close()
            self._tunnels.discard(out)

    async def _hand_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, alter: Callable[[bytes], bytes] | None
    ) -> None:
        gathered = b""
        while some := await source.read(65_536):
            while self.silent:
                await asyncio.sleep(0.02)
            if self.gathers and alter:
                gathered += some
                continue
            sink.write(alter(some) if alter else some)
            await sink.drain()
        sink.write(gathered)
        await sink.drain()


def _closing(head: bytes) -> bytes:
    """One request a connection: the next one may be for a file."""
    lines = [line for line in head.split(b"\r\n") if not line.lower().startswith(b"connection:")]
    return b"\r\n".join([lines[0], b"Connection: close", *lines[1:]])
