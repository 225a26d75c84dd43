"""A worker holds relay and consumers, says whether they run, and finishes what is in hand when it is told to stop."""

import asyncio
import os
import signal
from pathlib import Path

import httpx

from common.audit.heads import PUBLIC_KEYS, make_key
from common.clock import SystemClock
from common.database import Database
from common.messaging.outbox import tell
from common.settings import ServiceSettings
from common.testing import MemoryBroker
from common.worker import Worker
from muniment.processes import free_port
from tests.plugins.messaging import AT, KEYRING, Effects, action, record, rows


async def test_several_members_of_a_group_handle_each_event_once_and_are_asked_for_one_by_one(
    database: Database, url: str, tmp_path: Path
) -> None:
    broker, port = MemoryBroker(), free_port()
    key, keys = str(make_key(tmp_path, "test")), str(tmp_path / PUBLIC_KEYS)
    settings = ServiceSettings(
        database_url=url, port=port, consumer_members=2, consumer_batch=7, audit_key_file=key, audit_keys=keys
    )
    worker = Worker(
        "test",
        settings,
        database=database,
        broker=broker,
        clock=SystemClock(),
        # In memory every member is given everything: the hardest case for handling once.
        subjects=[Effects().subject()],
    )
    await broker.publish([record(f"n{n}") for n in range(60)])
    async with database.unit_of_work() as session:
        await tell(session, action("told"), source="/muniment/test", time=AT, keyring=KEYRING)
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(60):
        while len(await rows(database, "SELECT 1 FROM effect")) < 61:  # the told one comes back through the log
            await asyncio.sleep(0.05)
        async with httpx.AsyncClient() as client:
            answer = await client.get(f"http://127.0.0.1:{port}/readyz")
    assert answer.json()["checks"] == {
        "database": "ok",
        "event log": "ok",
        "relay": "ok",
        "audit tree": "ok",
        "test.effects": "ok",
        "test.effects 1": "ok",
    }
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.wait_for(running, 60)
    assert len(await rows(database, "SELECT DISTINCT action_id FROM effect")) == 61
    assert len(await rows(database, "SELECT 1 FROM effect")) == 61
    assert await rows(database, "SELECT 1 FROM dead_letter") == []
