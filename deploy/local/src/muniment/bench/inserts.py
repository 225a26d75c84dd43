"""The ceiling of any durable chat on this database: the gateway's rows, committed in groups as they come, and nothing else.

As many writers as the chat has connections each wait for their row's commit before they send the next; one
transaction is in flight, and what comes meanwhile is the next one.
"""

import asyncio
import json
import sys
import time
from itertools import count
from uuid import UUID, uuid4

import asyncpg
import uvloop

ROW = """{"at":"2026-03-02T12:00:00.000000Z","entry_id":"%s","participant_id":"0199d8d0-3b7e-7cc1-8f2a-4d1c2f7a9b10",\
"pii":{"text":"%s"},"role":"customer","seq":%d,"session_id":"%s","digest":"%s"}"""
HEADERS = json.dumps(
    {
        "ce_specversion": "1.0",
        "ce_id": "0199d8d0-3b7e-7cc1-8f2a-4d1c2f7a9b10",
        "ce_type": "muniment.chat.message.posted.v1",
        "ce_source": "/muniment/chat_gateway",
        "ce_subject": "0199d8d0-3b7e-7cc1-8f2a-4d1c2f7a9b10",
        "ce_time": "2026-03-02T12:00:00.000000Z",
        "content-type": "application/json",
    }
)
INSERT = """
WITH entries AS (
    INSERT INTO session_entry (session_id, seq, entry_id, kind, value)
    SELECT * FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::text[], $5::bytea[])
), events AS (
    INSERT INTO outbox (topic, key, value, headers)
    SELECT 'chat.message', s::text, v, h FROM unnest($1::uuid[], $5::bytea[], $6::text[]) AS t (s, v, h)
)
SELECT pg_notify('outbox', '')
"""

Row = tuple[UUID, int, UUID, str, bytes, str]


class Inserter:
    """Natural group commit, as plain as it can be written."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        self._connection = connection
        self._waiting: list[tuple[Row, asyncio.Future[None]]] = []
        self._wake = asyncio.Event()

    def insert(self, row: Row) -> "asyncio.Future[None]":
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        self._wake.set()
        return done

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._waiting = self._waiting, []
            await self._connection.fetchval(
                INSERT, *(list(column) for column in zip(*(r for r, _ in batch), strict=True))
            )
            for _, done in batch:
                done.set_result(None)


async def measure(url: str, *, writers: int, seconds: float, text: str) -> float:
    """Rows of the chat committed per second."""
    connection = await asyncpg.connect(url)
    inserter = Inserter(connection)
    running = asyncio.create_task(inserter.run())
    committed = 0
    stop = time.perf_counter() + seconds

    async def write(session_id: UUID) -> None:
        nonlocal committed
        for seq in count(1):
            entry_id = uuid4()
            value = (ROW % (entry_id, text, seq, session_id, "0" * 64)).encode()
            await inserter.insert((session_id, seq, entry_id, "message", value, HEADERS))
            if time.perf_counter() > stop:
                return
            committed += 1

    began = time.perf_counter()
    await asyncio.gather(*(write(uuid4()) for _ in range(writers)))
    elapsed = time.perf_counter() - began
    running.cancel()
    await connection.close()
    return committed / elapsed


if __name__ == "__main__":
    work = json.load(sys.stdin)
    print(json.dumps({"per_second": uvloop.run(measure(**work))}))
