"""Consumer loop: a batch of events is one transaction; the position is committed after it.

What can fail, and what follows:
- an engine is out of reach: back off and try the same events again, for ever, in order;
- an event can never be handled (not in its schema, or the handler raised an error that is not retryable): it is set
  aside with its reason, in one transaction with the mark that it was seen, and the rest of the batch goes on;
- a failure nobody foresaw counts as passing; after `UNKNOWN_ATTEMPTS` tries of the one event it is set aside too;
- too many set aside (`dead_letter_ceiling`): the consumer takes nothing more until some are redriven.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import asyncpg
from prometheus_client import Counter, Gauge
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import InterfaceError as SqlInterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from common.clock import Clock
from common.contracts.envelope import Envelope, EventData, UnusableEventError, decode
from common.database import Database, WriteSession
from common.errors import MunimentError, PoisonEventError
from common.messaging import dead_letters, inbox
from common.messaging.broker import (
    Broker,
    BrokerUnavailableError,
    PositionLostError,
    ReceivedRecord,
    Subscription,
)
from common.protection.errors import KeyServiceDeniedError
from common.protection.events import open_events, shows_no_person
from common.protection.keyring import Keyring
from common.telemetry import consume_span, get_logger

UNKNOWN_ATTEMPTS = 5
POLL_SECONDS = 1.0
CEILING_SECONDS = 5.0

HANDLED = Counter("muniment_events_handled_total", "Events whose effect was committed", ["group"])
REPEATED = Counter("muniment_events_repeated_total", "Events dropped because their effect was there already", ["group"])
SET_ASIDE = Counter("muniment_events_set_aside_total", "Events kept as dead letters", ["group", "error"])
LAG = Gauge("muniment_consumer_lag", "Records known to be waiting in this member's partitions", ["group", "member"])

Screen = Callable[[ReceivedRecord], None]
Handler = Callable[[WriteSession, Sequence[Envelope[EventData]]], Awaitable[None]]
AsideHook = Callable[[WriteSession, Exception], Awaitable[None]]

log = get_logger("consumer")


@dataclass(frozen=True, slots=True)
class Subject:
    """What one consumer group hears and what it does with it.

    Args:
        group: `<package>.<purpose>`; the group's position and its inbox go by it.
        kinds: CloudEvents types it understands.
        handler: given new events only, in the order of their partition; raises `PoisonEventError` (or any error that is
            not retryable) for one that can never be handled. It is called again with single events to find that one.
        ignore_unknown: pass over events of other types on the topic instead of setting them aside.
        on_set_aside: called in the transaction that sets an event aside, with the error that it met, so that a service can
            keep what it learned; the transaction in which the error arose is gone by then.
        screen: looks at each record as it came, before it is read; raises `PoisonEventError` for one that this service may
            not even keep as a dead letter in full.
        opens: the keyring with which what events say of a person is opened for the handler; without one it stays sealed.
    """

    group: str
    topics: tuple[str, ...]
    kinds: Mapping[str, type[EventData]]
    handler: Handler
    ignore_unknown: bool = False
    on_set_aside: AsideHook | None = None
    screen: Screen | None = None
    opens: Keyring | None = None


def is_outage(error: BaseException) -> bool:
    """Whether an engine was out of reach (as opposed to a fault of the event or of the code).

    A key service that refuses counts: that is mended there, and no event is to blame.
    """
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    return isinstance(
        error,
        OSError
        | TimeoutError
        | BrokerUnavailableError
        | OperationalError
        | SqlInterfaceError
        | PoolTimeoutError
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError
        | asyncpg.PostgresConnectionError
        | asyncpg.OperatorInterventionError
        | asyncpg.InsufficientResourcesError
        | asyncpg.TransactionRollbackError
        | KeyServiceDeniedError,
    ) or (isinstance(error, DBAPIError) and error.orig is not None and is_outage(error.orig.__cause__ or error.orig))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Records as they came, and the events in them; None where one of them cannot be read."""

    records: Sequence[ReceivedRecord]
    envelopes: Sequence[Envelope[EventData]] | None


class CeilingReachedError(Exception):
    """As many events are set aside as this consumer may."""


class Consumer:
    """One member of a group. `run` until told to stop; `healthy` says whether it takes events now, `state` why not."""

    def __init__(
        self,
        subject: Subject,
        *,
        database: Database,
        broker: Broker,
        clock: Clock,
        batch: int = 500,
        ceiling: int = 100,
        poll_seconds: float = POLL_SECONDS,
        member: int = 0,
    ) -> None:
        self.subject = subject
        self._database = database
        self._broker = broker
        self._clock = clock
        self._batch = batch
        self._ceiling = ceiling
        self._poll_seconds = poll_seconds
        self._member = member
        self.name = f"{subject.group} {member}" if member else subject.group
        self.state = "starting"
        self._set_aside_since_check = False
        self._log = log.bind(group=subject.group)

    @property
    def healthy(self) -> bool:
        return self.state == "running"

    async def run(self, stop: asyncio.Event) -> None:
        pause = 0.1
        while not stop.is_set():
            try:
                await self._wait_below_ceiling(stop)
                async with self._broker.subscribe(group=self.subject.group, topics=self.subject.topics) as subscription:
                    self.state = "running"
                    pause = 0.1
                    await self._consume(subscription, stop)
            except CeilingReachedError:
                continue
            except Exception as error:
                if not is_outage(error):
                    raise
                self.state = f"waiting for an engine ({type(error).__name__})"
                self._log.warning("consumer.interrupted", error=type(error).__name__, again_in_seconds=pause)
                await _sleep(stop, pause)
                pause = min(pause * 2, 5.0)
        self.state = "stopped"

    async def handle(self, records: Sequence[ReceivedRecord]) -> None:
        """Bring a batch into effect, setting aside what never can be.

        Raises:
            Exception: an engine is out of reach; nothing of the transaction that failed was done.
        """
        await self._handle(self._read(records))

    async def _handle(self, batch: "_Batch") -> None:
        try:
            if batch.envelopes is not None:
                await self._in_one_transaction(batch.envelopes)
                return
        except Exception as error:
            if is_outage(error):
                raise
        for record in batch.records:
            await self._alone(record)
            await self._check_ceiling()

    async def redrive(self, record: ReceivedRecord, letter_id: UUID) -> None:
        """Handle a dead letter again, now that its cause is repaired, and mark it; raises what the handler raises."""
        envelope = self._decode(record)
        if envelope is None:
            raise UnusableEventError("the event's type is not known to this reader")
        (envelope,) = await self._opened([envelope])
        async with self._database.unit_of_work() as session:
            # Its id may be in the inbox since it was set aside; the open letter is what makes it new.
            if await dead_letters.mark_redriven(session, letter_id, self._clock.now()):
                await inbox.first_seen(session, self.subject.group, [envelope.id])
                await self.subject.handler(session, [envelope])

    async def _consume(self, subscription: Subscription, stop: asyncio.Event) -> None:
        """Batch after batch; while the database works on one, the next is fetched and read already.

        Their order stays: a batch is begun when the one before it is committed. The subscription is used by this task alone.
        """
        pause = 0.1
        ahead: _Batch | None = None
        while not stop.is_set():
            try:
                batch = ahead or await self._next(subscription, self._poll_seconds)
                ahead = None
            except BrokerUnavailableError as error:
                # The subscription mends itself; leaving the group would only make the others share out anew.
                self.state = "waiting for the event log"
                self._log.warning("consumer.event_log_out_of_reach", error=type(error).__name__, again_in_seconds=pause)
                await _sleep(stop, pause)
                pause = min(pause * 2, 5.0)
                continue
            self.state, pause = "running", 0.1
            LAG.labels(self.subject.group, self._member).set(subscription.lag())
            if not batch.records:
                continue
            handling = asyncio.create_task(self._handle(batch))
            try:
                await asyncio.sleep(0)  # its first statement is on its way before the next batch is read
                with contextlib.suppress(BrokerUnavailableError):  # if it lasts, the next turn meets it too
                    ahead = await self._next(subscription, 0.0)
            finally:
                await handling
            try:
                await subscription.commit(batch.records)
            except PositionLostError:
                self._log.info("consumer.position_lost", records=len(batch.records))
            if ahead is not None and not ahead.records:
                ahead = None

    async def _next(self, subscription: Subscription, seconds: float) -> "_Batch":
        return self._read(await subscription.poll(max_records=self._batch, timeout_seconds=seconds))

    def _read(self, records: Sequence[ReceivedRecord]) -> "_Batch":
        try:
            return _Batch(records, [e for record in records if (e := self._decode(record)) is not None])
        except Exception:  # noqa: BLE001 - one of them cannot be read: each is then met alone, and that one set aside
            return _Batch(records, None)

    async def _in_one_transaction(self, envelopes: Sequence[Envelope[EventData]]) -> None:
        if not envelopes:
            return
        envelopes = await self._opened(envelopes)
        with consume_span(self.subject.group, [e.traceparent for e in envelopes]):
            async with self._database.unit_of_work() as session:
                new = await inbox.first_seen(session, self.subject.group, [e.id for e in envelopes])
                fresh = []
                for envelope in envelopes:
                    if envelope.id in new:
                        new.discard(envelope.id)  # the same event twice in one batch is new once
                        fresh.append(envelope)
                if fresh:
                    await self.subject.handler(session, fresh)
        HANDLED.labels(self.subject.group).inc(len(fresh))
        REPEATED.labels(self.subject.group).inc(len(envelopes) - len(fresh))

    async def _opened(self, envelopes: Sequence[Envelope[EventData]]) -> Sequence[Envelope[EventData]]:
        """Before the transaction, which should not wait for a key."""
        keyring = self.subject.opens
        return envelopes if keyring is None else await open_events(keyring, envelopes)

    def _decode(self, record: ReceivedRecord) -> Envelope[EventData] | None:
        if self.subject.screen is not None:
            self.subject.screen(record)
        if self.subject.ignore_unknown and record.headers.get("ce_type", "") not in self.subject.kinds:
            return None
        return decode(record, self.subject.kinds)

    async def _alone(self, record: ReceivedRecord) -> None:
        for attempt in range(1, UNKNOWN_ATTEMPTS + 1):
            try:
                envelope = self._decode(record)
                await self._in_one_transaction([envelope] if envelope is not None else [])
                return
            except Exception as error:
                if is_outage(error):
                    raise
                known = isinstance(error, UnusableEventError) or (
                    isinstance(error, MunimentError) and not error.retryable
                )
                if known or attempt == UNKNOWN_ATTEMPTS:
                    await self._set_aside(record, error)
                    return
                await asyncio.sleep(0.05 * 2**attempt)

    async def _set_aside(self, record: ReceivedRecord, error: Exception) -> None:
        known = isinstance(error, UnusableEventError | MunimentError)
        name = type(error).__name__
        async with self._database.unit_of_work() as session:
            with contextlib.suppress(UnusableEventError):
                await inbox.first_seen(session, self.subject.group, [decode(record, self.subject.kinds).id])
            await dead_letters.set_aside(
                session,
                self.subject.group,
                record,
                error_class=name,
                # An error that nobody wrote for this purpose may quote what it stumbled over: its class must do.
                reason=str(error) if known else f"unforeseen {name}, {UNKNOWN_ATTEMPTS} attempts",
                withhold=(isinstance(error, PoisonEventError) and bool(error.more.get("withhold")))
                or not shows_no_person(record.value),
                now=self._clock.now(),
            )
            if self.subject.on_set_aside is not None:
                await self.subject.on_set_aside(session, error)
        self._set_aside_since_check = True
        SET_ASIDE.labels(self.subject.group, name).inc()
        place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
        self._log.error("consumer.set_aside", error=name, **place)

    async def _check_ceiling(self) -> None:
        """Asked after something was set aside only: no query on the way of events that can be handled.

        Raises:
            CeilingReachedError: what follows in the batch stays uncommitted and comes again.
        """
        if self._set_aside_since_check and await self._at_ceiling():
            raise CeilingReachedError

    async def _at_ceiling(self) -> bool:
        self._set_aside_since_check = False
        async with self._database.reading() as session:
            return await dead_letters.count_open(session, self.subject.group) >= self._ceiling

    async def _wait_below_ceiling(self, stop: asyncio.Event) -> None:
        while not stop.is_set() and await self._at_ceiling():
            self.state = f"stopped: {self._ceiling} or more events are set aside; redrive them"
            self._log.error("consumer.at_ceiling", ceiling=self._ceiling)
            await _sleep(stop, CEILING_SECONDS)


async def _sleep(stop: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stop.wait(), seconds)
