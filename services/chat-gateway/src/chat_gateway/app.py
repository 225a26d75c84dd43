"""Composition root: the only place where the service's parts are made and connected."""

import asyncio
import contextlib
import gc
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from uuid import UUID

from fastapi import FastAPI

from chat_gateway import SERVICE_NAME
from chat_gateway.answering.api import answering_router
from chat_gateway.answering.register_api import public_wordings, register_router
from chat_gateway.answering.tools import Tools
from chat_gateway.api import own_sessions, public, router
from chat_gateway.desks import Desks
from chat_gateway.fanout import Fanout, Signal
from chat_gateway.floor import Floor
from chat_gateway.gate import Gate
from chat_gateway.holdings import make_holdings
from chat_gateway.journal import Journal, OutOfReachError
from chat_gateway.lookups.addresses import connect
from chat_gateway.lookups.api import lookup_router
from chat_gateway.lookups.looking import LookUps
from chat_gateway.lookups.register import load as load_lookups
from chat_gateway.notice import load
from chat_gateway.presence import Presence
from chat_gateway.queueing import Queueing
from chat_gateway.room import Room
from chat_gateway.routing.hours import Hours
from chat_gateway.routing.registers import load as load_registers
from chat_gateway.routing_api import public_routing, routing_router
from chat_gateway.schemas import FRAME_TYPES
from chat_gateway.serving import Topics
from chat_gateway.sessions import LiveSession, Sessions
from chat_gateway.settings import ChatGatewaySettings
from chat_gateway.signals.hub import Signals
from chat_gateway.snapshots import Snapshots
from chat_gateway.sockets import ChatSocket
from chat_gateway.speaking import Speech
from chat_gateway.supervising import chart
from chat_gateway.supervising.watching import Watches
from chat_gateway.timekeeper import Timekeeper
from chat_gateway.transports.actions import actions_router
from chat_gateway.transports.listening import listening_router
from chat_gateway.transports.monitored import monitored_router
from chat_gateway.use_cases import Chat
from chat_gateway.wires import PostgresWire, RedisWire
from chat_gateway.writer import Writer
from common import tasks
from common.auth import TokenVerifier
from common.cli import Service
from common.clock import Clock, SystemClock
from common.database import Database
from common.engines import make_redis
from common.federal_calendar import FederalCalendar, load_closures
from common.messaging.consumer import Subject, is_outage
from common.protection.errors import KeyDestroyedError
from common.protection.keyring import Keyring
from common.protection.making import make_keyring, make_service_keys
from common.settings import ServiceSettings
from common.telemetry import get_logger
from common.web import audit_routes
from common.web.app import NotReadyError, create_app

SHARED_POLL_FACTOR = 5.0
log = get_logger("app")


class Gateway:
    """What runs in one api process."""

    def __init__(self, settings: ChatGatewaySettings, clock: Clock, keyring: Keyring) -> None:
        self._settings = settings
        self.database = Database(settings, application="chat_gateway api")
        self._keyring = keyring
        self._service_keys = make_service_keys(settings, SERVICE_NAME, clock)
        self.journal = Journal(settings, keyring, self._service_keys)
        self.sessions = Sessions(self.journal)
        self._redis = make_redis(settings)
        shared = settings.redis_url != "memory://"
        wire = RedisWire(self._redis) if shared else PostgresWire(settings.database_url.get_secret_value())
        self.fanout = Fanout(wire, self._grew, self._signalled)
        self.signals = Signals(
            self.sessions, self.journal, database=self.database, clock=clock, announce=self.fanout.signal
        )
        self.presence = Presence(self._redis)
        self.writer = Writer(
            self.journal, clock, refuse_after=settings.refuse_after_seconds, announce=self.fanout.announce
        )
        registers = load_registers(settings.registers)
        hours = Hours(registers, FederalCalendar(load_closures(settings.closures_file)))
        topics = Topics(registers, hours, clock)
        self.chat = Chat(
            sessions=self.sessions,
            writer=self.writer,
            journal=self.journal,
            statements=load(),
            presence=self.presence,
            keyring=keyring,
            topics=topics,
            speech=Speech(self.database, settings.agency, clock),
            signals=self.signals,
            clock=clock,
            opens_per_minute=settings.opens_per_minute,
        )
        floor = Floor()
        self.desks = Desks(self.chat, topics, database=self.database, floor=floor, settings=settings, clock=clock)
        self.queueing = Queueing(self.sessions, topics, database=self.database, clock=clock)
        self.snapshots = Snapshots(self.signals, self.queueing)
        self.timekeeper = Timekeeper(
            self.chat,
            topics,
            self.queueing,
            database=self.database,
            floor=floor,
            settings=settings,
            clock=clock,
        )
        self.tools = Tools(self.database, self.chat, keyring, settings, clock)
        other_files = load_lookups(settings.registers)
        systems = connect(settings.lookup_addresses, other_files, clock)
        self.lookups = LookUps(self.chat, other_files, systems, self.database, clock)
        self.gate = Gate(self.database, clock)
        self.watches = Watches(
            self.chat,
            self.tools.notes,
            keys=self._service_keys,
            database=self.database,
            clock=clock,
            shown=settings.monitoring_shown,
            seconds=settings.poll_seconds,
            unheard=timedelta(seconds=settings.watch_seconds),
        )
        self._catching_up: set[asyncio.Task[None]] = set()
        self.writing: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Everything in the background; on leaving, what was taken is stored first."""
        _spare_the_collector()
        self.writing = asyncio.create_task(self.writer.run())
        self.writing.add_done_callback(self._writer_ended)
        helpers = [
            asyncio.create_task(work())
            for work in (
                self.fanout.run,
                self.presence.run,
                self.signals.run,
                self._poll,
                self.timekeeper.run,
                self.tools.run,
                self.watches.run,
            )
        ]
        for helper in helpers:
            helper.add_done_callback(_say_if_failed)
        try:
            yield
        finally:
            self.writer.stop()
            await asyncio.wait({self.writing}, timeout=self._settings.stop_after_seconds)
            await tasks.end(*helpers, *self._catching_up, self.writing)
            with contextlib.suppress(Exception):  # the database may be gone; then the ends stay unrecorded
                await self.watches.record_ends()
            await self.lookups.close()
            await self.journal.close()
            await self._keyring.close()
            await self._service_keys.close()
            await self.database.close()
            with contextlib.suppress(Exception):  # it may be gone; nothing depends on a polite farewell
                await self._redis.aclose()

    def _writer_ended(self, writing: "asyncio.Task[None]") -> None:
        """Without its writer a process is of no use: it ends, and whoever started it starts it again."""
        if _say_if_failed(writing):
            signal.raise_signal(signal.SIGTERM)
            # Whatever else is broken must not keep it: what was acknowledged is durable without a farewell.
            asyncio.get_running_loop().call_later(self._settings.stop_after_seconds + 5, os._exit, os.EX_SOFTWARE)

    async def check_writer(self) -> None:
        if self.writing is None or self.writing.done():
            raise NotReadyError("the writer does not run")

    def _signalled(self, signal: Signal) -> None:
        self.signals.heard(signal)

    def _grew(self, session_id: UUID, seq: int) -> None:
        live = self.sessions.at_hand(session_id)
        if live is not None and live.state.last_seq < seq:
            task = asyncio.create_task(self._catch_up(live))
            self._catching_up.add(task)
            task.add_done_callback(self._catching_up.discard)

    async def _catch_up(self, live: LiveSession) -> None:
        # The next look will do; and who asks for what was destroyed hears of it.
        with contextlib.suppress(OutOfReachError, KeyDestroyedError):
            await live.catch_up(self.journal)

    async def _poll(self) -> None:
        """Look for what other processes added, since nobody may have announced it."""
        while True:
            factor = SHARED_POLL_FACTOR if self.fanout.listening else 1.0
            await asyncio.sleep(self._settings.poll_seconds * factor)
            watched = {live.state.id: live for live in self.sessions.watched()}
            if not watched:
                continue
            try:
                last = await self.journal.last_seqs(list(watched))
                await self.signals.look(list(watched))
            except OutOfReachError:
                continue
            except Exception as error:
                if not is_outage(error):
                    raise
                continue
            for session_id, seq in last.items():
                self._grew(session_id, seq)


def _say_if_failed(task: "asyncio.Task[None]") -> bool:
    failed = not task.cancelled() and (error := task.exception()) is not None
    if failed:
        log.error("gateway.part_failed", exc_info=error)
    return failed


def _spare_the_collector() -> None:
    """What was loaded stays, and what a message leaves behind stays as long as its session: looking for cycles among
    them after every 700 objects is a twentieth of the time for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 50, 50)


def make_app(settings: ServiceSettings, clock: Clock | None = None, keyring: Keyring | None = None) -> FastAPI:
    """The application of the api process.

    Args:
        clock, keyring: given by tests only.

    Raises:
        ValueError: the settings do not say where the keys are.
    """
    own = settings if isinstance(settings, ChatGatewaySettings) else ChatGatewaySettings(**settings.model_dump())
    clock = clock or SystemClock()
    gateway: list[Gateway] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        running = Gateway(own, clock, keyring or make_keyring(own, application=SERVICE_NAME))
        gateway[:] = [running]
        app.state.verifier = TokenVerifier(own, clock)
        app.state.database = running.database
        app.state.clock = clock
        app.state.chat, app.state.gate = running.chat, running.gate
        app.state.desks, app.state.queueing, app.state.tools = running.desks, running.queueing, running.tools
        app.state.snapshots = running.snapshots
        app.state.lookups, app.state.watches = running.lookups, running.watches
        async with running.running():
            yield

    async def check_database() -> None:
        await gateway[0].database.ping()
        await gateway[0].journal.ping()

    async def check_writer() -> None:
        await gateway[0].check_writer()

    app = create_app(
        title="Muniment chat gateway",
        description="Live chat between the public and an agency's employees. The socket's protocol: PROTOCOL.md.",
        routers=[
            router,
            public,
            routing_router,
            public_routing,
            answering_router,
            actions_router,
            listening_router,
            monitored_router,
            lookup_router,
            register_router,
            public_wordings,
            audit_routes.router,
            audit_routes.own_accesses("session.accesses-own", own_sessions),
        ],
        service=SERVICE_NAME,
        frames=FRAME_TYPES,
        checks={"database": check_database, "writer": check_writer},
        settings=own,
        lifespan=lifespan,
    )
    app.state.gateway_settings = own
    app.state.room = Room(
        of_account=own.connections_per_account,
        of_employee=own.connections_per_employee,
        of_terminal=own.connections_per_terminal,
    )
    app.add_middleware(ChatSocket, settings=own)
    return app


def make_subjects(settings: ServiceSettings, clock: Clock) -> Sequence[Subject]:
    """What the worker hears: who supervises whom."""
    keyring = make_keyring(settings, application=f"{SERVICE_NAME} worker")
    return [chart.subject(keyring, make_service_keys(settings, SERVICE_NAME, clock))]


SERVICE = Service(
    name=SERVICE_NAME,
    settings=ChatGatewaySettings,
    migrations=Path(__file__).parent / "migrations",
    make_app=make_app,
    make_subjects=make_subjects,
    make_holdings=make_holdings,
)
