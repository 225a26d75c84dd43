"""Relay: sends what stands in the outbox to the event log, in order, at least once.

One relay a service sends at a time: it holds a lease, proven by a token; the others stand by and take over when the
lease runs out. A relay that lost its lease while sending cannot mark anything as sent (the delete asks for the token),
so its successor sends those rows again. Every relay sends from the oldest unsent row on, hence the first arrival of each
event is in order, and the inbox drops the later ones.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import orjson
from prometheus_client import Counter, Gauge

from common.messaging.broker import Broker, BrokerUnavailableError, Record
from common.messaging.outbox import OUTBOX_CHANNEL
from common.telemetry import get_logger

LEASE_SECONDS = 5.0
IDLE_SECONDS = 1.0
BATCH = 1000

SENT = Counter("muniment_outbox_sent_total", "Events the log confirmed")
WAITING = Gauge("muniment_outbox_oldest_seconds", "Age of the oldest event that the log has not confirmed")

_CLAIM = """
UPDATE outbox_lease SET owner = $1, token = $2, until = clock_timestamp() + make_interval(secs => $3)
WHERE id = 1 AND (token = $2 OR until < clock_timestamp()) RETURNING true
"""
_OLDEST = "SELECT position, topic, key, value, headers FROM outbox ORDER BY position LIMIT $1"
_MARK = """
DELETE FROM outbox WHERE position = ANY($1::bigint[])
AND EXISTS (SELECT FROM outbox_lease WHERE token = $2 AND until > clock_timestamp())
RETURNING 1
"""
_RELEASE = "UPDATE outbox_lease SET until = '-infinity' WHERE token = $1"
_AGE = "SELECT coalesce(extract(epoch FROM clock_timestamp() - min(added_at)), 0) FROM outbox"

# The last is what the driver says when the server vanishes in the middle of an exchange.
_INTERRUPTIONS = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)

log = get_logger("relay")


class Relay:
    """Args:
    url: the service's database (`postgresql://…`).
    broker: an open event log.
    owner: shown in the lease.
    """

    def __init__(self, url: str, broker: Broker, *, owner: str, batch: int = BATCH) -> None:
        self._url = url
        self._broker = broker
        self._owner = owner
        self._batch = batch
        self._token = uuid4()
        self._wake = asyncio.Event()
        self.healthy = False

    async def run(self, stop: asyncio.Event) -> None:
        """Send until told to stop; engines that are out of reach are tried again for ever."""
        pause = 0.1
        while not stop.is_set():
            try:
                async with self._connected() as connection:
                    pause = 0.1
                    await self._serve(connection, stop)
            except (*_INTERRUPTIONS, BrokerUnavailableError) as error:
                self.healthy = False
                log.warning("relay.interrupted", error=type(error).__name__, again_in_seconds=pause)
                await _sleep(stop, pause)
                pause = min(pause * 2, 5.0)

    async def send_once(self, connection: "asyncpg.Connection[asyncpg.Record]") -> int:
        """Send one batch if this relay holds the lease. Returns how many events were confirmed and removed."""
        if not await connection.fetchval(_CLAIM, self._owner, self._token, LEASE_SECONDS):
            return 0
        rows = await connection.fetch(_OLDEST, self._batch)
        if not rows:
            return 0
        records = [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]
        await self._broker.publish(records)
        removed = len(await connection.fetch(_MARK, [r["position"] for r in rows], self._token))
        SENT.inc(removed)
        return removed

    async def _serve(self, connection: "asyncpg.Connection[asyncpg.Record]", stop: asyncio.Event) -> None:
        try:
            while not stop.is_set():
                self._wake.clear()
                sent = await self.send_once(connection)
                self.healthy = True
                if sent < self._batch:
                    WAITING.set(await connection.fetchval(_AGE) if not sent else 0)
                    await _first_of(self._wake, stop, IDLE_SECONDS)
            # What was accepted until now leaves with this process if it can.
            while await self.send_once(connection):
                pass
        finally:
            with contextlib.suppress(*_INTERRUPTIONS):
                await connection.execute(_RELEASE, self._token)

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
        connection = await asyncpg.connect(
            self._url,
            timeout=5,
            command_timeout=30,
            server_settings={
                "application_name": f"{self._owner} relay",
                # The lease, and that rows were sent, may be lost in a crash: the rows are sent again. Waiting for the disk
                # here would only take its time from those who must.
                "synchronous_commit": "off",
            },
        )
        try:
            await connection.add_listener(OUTBOX_CHANNEL, lambda *_: self._wake.set())
            yield connection
        finally:
            with contextlib.suppress(Exception):
                await connection.close(timeout=2)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)


async def _first_of(wake: asyncio.Event, stop: asyncio.Event, seconds: float) -> None:
    waits = {asyncio.ensure_future(wake.wait()), asyncio.ensure_future(stop.wait())}
    try:
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
