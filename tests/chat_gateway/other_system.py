"""A stand-in for another system of the agency: a real HTTP server that answers well, late, wrongly or not at all."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

FIELDS = {"payment_day": "third Wednesday", "benefit_amount": 1823, "claim_status": None}
Behaviour = Callable[[dict[str, Any]], "tuple[int, bytes]"]


def answering(status: int = 200, content: bytes | None = None, **fields: object) -> Behaviour:
    body = content if content is not None else json.dumps({"fields": fields or FIELDS}).encode()
    return lambda _question: (status, body)


class OtherSystem:
    """Attributes:
    questions: the bodies of what was asked. tokens: how many were issued. behave: what follows to a question.
    delay: seconds before an answer. asked, may_answer: for who wants to do something in between. accepted: the tokens that it takes, None for any.
    """

    def __init__(self) -> None:
        self.port = 0
        self.questions: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.tokens = 0
        self.behave: Behaviour = answering()
        self.delay = 0.0
        self.asked = asyncio.Event()
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.accepted: set[str] | None = None
        self.token_answer: tuple[int, bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/look-ups"

    @asynccontextmanager
    async def serving(self, tls: ssl.SSLContext | None = None) -> AsyncIterator["OtherSystem"]:
        server = await asyncio.start_server(self._connection, "127.0.0.1", self.port, ssl=tls)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
            lines = head.split("\r\n")
            headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            status, content = await self._answer(lines[0].split()[1], headers, body)
            writer.write(b"HTTP/1.1 %d X\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(content)))
            writer.write(content)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        if path == "/token":
            self.tokens += 1
            token = {"access_token": f"token-{self.tokens}", "expires_in": 300}
            return self.token_answer or (200, json.dumps(token).encode())
        if self.accepted is not None and headers.get("authorization", "") not in self.accepted:
            return 401, b""
        question = json.loads(body)
        self.questions.append(question)
        self.headers.append(headers)
        self.asked.set()
        await self.may_answer.wait()
        await asyncio.sleep(self.delay)
        return self.behave(question)
