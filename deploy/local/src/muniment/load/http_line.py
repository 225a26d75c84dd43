"""As much of HTTP/1.1 as a load needs: one connection that stays, one question at a time, JSON both ways."""

import asyncio
import json
from typing import Any, Self

from muniment.processes import LOOPBACK

OK = 200


class AnswerError(Exception):
    """The other side answered with another status than 200."""


class HttpLine:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, port: int) -> Self:
        """A line to this port of the loopback interface."""
        return cls(*await asyncio.open_connection(LOOPBACK, port, limit=2**24))

    async def ask(self, method: str, path: str, *, token: str = "", body: object = None) -> dict[str, Any]:
        """Raises: AnswerError: it is refused; the text has status and beginning of the answer."""
        sent = json.dumps(body).encode() if body is not None else b""
        head = [f"{method} {path} HTTP/1.1", f"Host: {LOOPBACK}", f"Content-Length: {len(sent)}"]
        head += [f"Authorization: Bearer {token}"] if token else []
        head += ["Content-Type: application/json"] if sent else []
        self._writer.write("\r\n".join([*head, "", ""]).encode() + sent)
        status, answer = await self._answer()
        if status != OK:
            raise AnswerError(f"{method} {path.partition('?')[0]}: {status} {answer[:200].decode(errors='replace')}")
        return dict(json.loads(answer))

    async def _answer(self) -> tuple[int, bytes]:
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower().split("\r\n")
        fields = dict(line.split(": ", 1) for line in head[1:] if ": " in line)
        status = int(head[0].split()[1])
        if fields.get("transfer-encoding") == "chunked":
            return status, await self._chunks()
        return status, await self._reader.readexactly(int(fields.get("content-length", "0")))

    async def _chunks(self) -> bytes:
        parts = []
        while size := int(await self._reader.readline(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readline()
        await self._reader.readline()
        return b"".join(parts)

    def close(self) -> None:
        self._writer.close()
