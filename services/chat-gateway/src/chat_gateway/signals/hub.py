"""Passes signals on: to who hears the session here, and through the fan-out to other processes.

Receipts go out when they are durable. They are written together, one batch after the other; a batch that the database did
not take is tried again with what came since, and since steps only go forward, a repetition changes nothing.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID
from weakref import WeakKeyDictionary

from prometheus_client import Counter

from chat_gateway.errors import CursorAheadError
from chat_gateway.fanout import Signal, SignalKind
from chat_gateway.journal import Journal
from chat_gateway.pace import Pace
from chat_gateway.sessions import LiveSession, Sessions
from chat_gateway.signals import store
from chat_gateway.signals.schemas import Receipt, ReceiptFrame, ReceiptKind, TypingFrame
from chat_gateway.signals.store import Step
from common.clock import Clock
from common.database import Database
from common.messaging.consumer import is_outage
from common.telemetry import get_logger

TOGETHER_SECONDS = 0.05
PAUSE = 1.0
TYPING_PER_SECOND, TYPING_AT_ONCE = 1.0, 6
"""Of one participant in one session, over all of their connections here."""

OVERLAP = timedelta(seconds=30)
"""So far back other processes' receipts are looked for, lest one be missed that was stored a little late."""

_KINDS: dict[SignalKind, ReceiptKind] = {SignalKind.DELIVERED: "delivered", SignalKind.READ: "read"}
_CODES = {kind: code for code, kind in _KINDS.items()}

STEPS = Counter("muniment_chat_receipts_total", "Steps of receipts stored")
log = get_logger("signals")


class Signals:
    """Args:
    announce: tells other processes.
    """

    def __init__(
        self,
        sessions: Sessions,
        journal: Journal,
        *,
        database: Database,
        clock: Clock,
        announce: Callable[[Signal], None],
    ) -> None:
        self._sessions = sessions
        self._journal = journal
        self._database = database
        self._clock = clock
        self._announce = announce
        self._pending: dict[tuple[UUID, str, ReceiptKind], Step] = {}
        self._wake = asyncio.Event()
        self._paces: WeakKeyDictionary[LiveSession, dict[str, Pace]] = WeakKeyDictionary()
        self._looked: datetime | None = None

    # Typing

    def typing(self, live: LiveSession, participant_id: str, *, on: bool) -> None:
        """Somebody types, or stopped: tell the others now, and nobody later.

        Raises:
            TooManyFramesError: too often.
        """
        paces = self._paces.setdefault(live, {})
        pace = paces.setdefault(participant_id, Pace(TYPING_PER_SECOND, TYPING_AT_ONCE))
        pace.check(asyncio.get_running_loop().time())
        self._tell_typing(live, participant_id, on=on)
        self._announce(Signal(SignalKind.TYPING, live.state.id, UUID(participant_id), int(on)))

    def _tell_typing(self, live: LiveSession, participant_id: str, *, on: bool) -> None:
        text = TypingFrame(session_id=live.state.key, participant_id=participant_id, on=on).model_dump_json()
        for subscriber in tuple(live.subscribers):
            if subscriber.participant_id != participant_id:
                subscriber.tell(text)

    # Receipts

    def mark(self, live: LiveSession, participant_id: str, kind: ReceiptKind, up_to: int) -> None:
        """A participant received or read so far; it is stored soon and told then. What is read has been delivered.

        Raises:
            CursorAheadError: there are not so many entries.
        """
        for step in steps_of(live, participant_id, kind, up_to):
            known = self._pending.get(step.place)
            if not live.knows(participant_id, step.kind, step.up_to) and (known is None or known.up_to < step.up_to):
                self._pending[step.place] = step
                self._wake.set()

    async def run(self) -> None:
        """Store what was marked until cancelled."""
        while True:
            await self._wake.wait()
            await asyncio.sleep(TOGETHER_SECONDS)  # those that come together are stored together
            self._wake.clear()
            steps = list(self._pending.values())
            try:
                async with self._database.unit_of_work() as session:
                    stored = await store.keep(session, steps, self._clock.now())
            except Exception as error:
                if not is_outage(error):
                    raise
                log.warning("signals.database_out_of_reach", error=type(error).__name__)
                self._wake.set()
                await asyncio.sleep(PAUSE)
                continue
            for step in steps:
                if self._pending.get(step.place) is step:
                    del self._pending[step.place]
            self.stored(stored)

    def stored(self, steps: Iterable[Step]) -> None:
        """These are durable: everybody in the session hears of them."""
        for step in steps:
            STEPS.inc()
            self._tell(step)
            if step.at is not None:
                micros = int(step.at.timestamp() * 1_000_000)
                self._announce(
                    Signal(_CODES[step.kind], step.session_id, UUID(step.participant_id), step.up_to, micros)
                )

    def _tell(self, step: Step) -> None:
        live = self._sessions.at_hand(step.session_id)
        if live is None or step.at is None or not live.note(step.participant_id, step.kind, step.up_to):
            return
        frame = ReceiptFrame(session_id=live.state.key, **receipt_of(step).model_dump())
        text = frame.model_dump_json()
        for subscriber in tuple(live.subscribers):
            subscriber.tell(text)

    async def latest(self, live: LiveSession) -> list[Receipt]:
        """How far each participant of a session is."""
        found = []
        for participant_id, kind, up_to, at in await self._journal.receipts(live.state.id):
            live.note(participant_id, kind, up_to)
            found.append(Receipt(participant_id=participant_id, kind=cast("ReceiptKind", kind), up_to=up_to, at=at))
        return found

    # What comes from other processes

    def heard(self, signal: Signal) -> None:
        """Another process passes this on."""
        live = self._sessions.at_hand(signal.session_id)
        if live is None:
            return
        participant_id = str(signal.participant_id)
        if signal.kind is SignalKind.TYPING:
            self._tell_typing(live, participant_id, on=bool(signal.number))
        else:
            at = datetime.fromtimestamp(signal.micros / 1_000_000, UTC)
            self._tell(Step(live.state.id, participant_id, _KINDS[signal.kind], signal.number, at))

    async def look(self, session_ids: Sequence[UUID]) -> None:
        """Look for receipts that nobody announced."""
        now = self._clock.now()
        since = min(self._looked or now, now - OVERLAP)
        async with self._database.reading() as session:
            steps = await store.since(session, session_ids, since)
        self._looked = now
        for step in steps:
            self._tell(step)


def steps_of(live: LiveSession, participant_id: str, kind: ReceiptKind, up_to: int) -> list[Step]:
    """What a mark stands for: who read has received.

    Raises:
        CursorAheadError: there are not so many entries.
    """
    if up_to > live.state.last_seq:
        raise CursorAheadError
    kinds: tuple[ReceiptKind, ...] = ("delivered", "read") if kind == "read" else ("delivered",)
    return [Step(live.state.id, participant_id, one, up_to) for one in kinds]


def receipt_of(step: Step) -> Receipt:
    """As it is told.

    Raises:
        ValueError: it is not stored yet.
    """
    if step.at is None:
        raise ValueError("a receipt is told when it is durable")
    return Receipt(participant_id=step.participant_id, kind=step.kind, up_to=step.up_to, at=step.at)
