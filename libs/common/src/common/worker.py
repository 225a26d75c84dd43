"""The worker of a service: relay, consumers, the audit tree and housekeeping under one roof, with a small HTTP side for health.

It ends when any of them fails in a way that waiting does not mend; whoever started it starts it again.
"""

import asyncio
import contextlib
import gc
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from datetime import timedelta

import uvicorn
from fastapi import FastAPI

from common.audit.heads import signer_of
from common.audit.sequencer import Sequencer
from common.clock import Clock
from common.contracts.topics import TOPICS
from common.database import Database
from common.jobs import Job, repeat
from common.messaging import inbox
from common.messaging.broker import Broker
from common.messaging.consumer import Consumer, Subject, is_outage
from common.messaging.relay import Relay
from common.settings import ServiceSettings
from common.telemetry import get_logger
from common.web.app import Check, NotReadyError, create_app, server_options

HOUSEKEEPING_SECONDS = 3600.0
YOUNG_OBJECTS = 20_000
"""A batch makes some thousand objects and drops them all: collecting in the middle of it finds nothing."""

log = get_logger("worker")


class Worker:
    """Args:
    service: package name.
    subjects: what the service hears; empty for one that only tells.
    jobs: what it does by the clock.
    """

    def __init__(
        self,
        service: str,
        settings: ServiceSettings,
        *,
        database: Database,
        broker: Broker,
        clock: Clock,
        subjects: Sequence[Subject],
        jobs: Sequence[Job] = (),
    ) -> None:
        self._service = service
        self._settings = settings
        self._database = database
        self._broker = broker
        self._clock = clock
        self._jobs = jobs
        self._relay = Relay(settings.database_url.get_secret_value(), broker, owner=service)
        self._sequencer = Sequencer(database, signer_of(service, settings.audit_key_file, settings.audit_keys), clock)
        self._consumers = [
            Consumer(
                subject,
                database=database,
                broker=broker,
                clock=clock,
                batch=settings.consumer_batch,
                ceiling=settings.dead_letter_ceiling,
                member=member,
            )
            for subject in subjects
            for member in range(settings.consumer_members)
        ]

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT; then finish the batches in hand and leave the groups."""
        # What was made until now stays: looking through it again at every collection takes the time of a whole batch.
        gc.collect()
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS)
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(name, stop.set)
        async with self._open_broker(stop), asyncio.TaskGroup() as group:
            if stop.is_set():
                return
            server = _QuietServer(uvicorn.Config(self._health_app(), **server_options(self._settings)))
            group.create_task(self._serve(server, stop))
            group.create_task(self._relay.run(stop))
            group.create_task(self._sequencer.run(stop))
            group.create_task(self._keep_house(stop))
            for consumer in self._consumers:
                group.create_task(consumer.run(stop))
            for job in self._jobs:
                group.create_task(repeat(job, stop))
            log.info("worker.started", consumers=[c.name for c in self._consumers])

    @contextlib.asynccontextmanager
    async def _open_broker(self, stop: asyncio.Event) -> AsyncIterator[None]:
        """The event log may start later than its clients: wait for it."""
        pause = 0.2
        async with contextlib.AsyncExitStack() as stack:
            while not stop.is_set():
                try:
                    await stack.enter_async_context(self._broker)
                    break
                except Exception as error:
                    if not is_outage(error):
                        raise
                    log.warning("worker.waiting_for_event_log", error=type(error).__name__)
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(stop.wait(), pause)
                    pause = min(pause * 2, 5.0)
            yield

    async def _serve(self, server: uvicorn.Server, stop: asyncio.Event) -> None:
        serving = asyncio.create_task(server.serve())
        await asyncio.wait({serving, asyncio.create_task(stop.wait())}, return_when=asyncio.FIRST_COMPLETED)
        stop.set()
        server.should_exit = True
        await serving

    def _health_app(self) -> FastAPI:
        checks: dict[str, Check] = {
            "database": self._database.ping,
            "event log": self._broker.ping,
            "relay": self._relay_check,
            "audit tree": self._audit_check,
        }
        for consumer in self._consumers:
            checks[consumer.name] = _consumer_check(consumer)
        return create_app(
            title=f"{self._service} worker",
            description="Health only",
            routers=[],
            checks=checks,
            settings=self._settings,
        )

    async def _relay_check(self) -> None:
        if not self._relay.healthy:
            raise NotReadyError("the relay does not run now")

    async def _audit_check(self) -> None:
        if not self._sequencer.healthy:
            raise NotReadyError("audit entries wait too long for their place in the tree, or nobody gives it")

    async def _keep_house(self, stop: asyncio.Event) -> None:
        """Forget inbox entries that no log can bring again (older than twice the longest retention); prune the log."""
        keep = timedelta(days=2 * max(topic.retention_days for topic in TOPICS))
        while not stop.is_set():
            try:
                async with self._database.unit_of_work() as session:
                    await inbox.prune(session, self._clock.now() - keep)
                await self._broker.keep_house()
            except Exception as error:
                if not is_outage(error):
                    raise
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), HOUSEKEEPING_SECONDS)


class _QuietServer(uvicorn.Server):
    """Signals belong to the worker, not to its health page."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _consumer_check(consumer: Consumer) -> Callable[[], Awaitable[None]]:
    async def check() -> None:
        if not consumer.healthy:
            raise NotReadyError(consumer.state)

    return check
