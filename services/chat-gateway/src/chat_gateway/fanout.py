"""Tells other processes which sessions grew, who received or read how far, and who types. It carries ids and numbers only,
and nothing depends on it: who hears nothing looks into the database every second or so (invariant 9).
"""

import asyncio
import struct
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from uuid import UUID, uuid4

from chat_gateway.sessions import LiveSession
from chat_gateway.wires import UnheardError, Wire
from common.telemetry import get_logger

CHANNEL = "muniment:chat:entries"
SIGNALS = "muniment:chat:signals"
PAUSE = 1.0
MOST_TOGETHER = 120
"""Items in one message: PostgreSQL carries less than 8000 bytes."""

MOST_KEPT = 10_000
"""Signals that wait to be told; older ones are dropped, since who missed them finds the receipts in the database."""

_ITEM = struct.Struct("<16sI")
_SIGNAL = struct.Struct("<B16s16sIq")

log = get_logger("fanout")


class SignalKind(IntEnum):
    TYPING = 1
    DELIVERED = 2
    READ = 3


@dataclass(frozen=True, slots=True)
class Signal:
    """What a participant does that is no entry.

    Attributes:
        number: 1 or 0 for typing; the last entry of a receipt.
        micros: when the receipt was stored, in microseconds since 1970.
    """

    kind: SignalKind
    session_id: UUID
    participant_id: UUID
    number: int
    micros: int = 0


class Fanout:
    """Args:
    wire: None where all processes are this one.
    heard: called with the id and last number of a session that grew elsewhere.
    signalled: called with each signal of other processes.
    """

    def __init__(
        self, wire: Wire | None, heard: Callable[[UUID, int], None], signalled: Callable[[Signal], None]
    ) -> None:
        self._wire = wire
        self._heard = heard
        self._signalled = signalled
        self._me = uuid4().bytes
        self._grown: dict[UUID, int] = {}
        self._signals: deque[Signal] = deque(maxlen=MOST_KEPT)
        self._wake = asyncio.Event()
        self.listening = False

    def announce(self, live: LiveSession) -> None:
        """This session grew here."""
        if self._wire is not None:
            self._grown[live.state.id] = live.state.last_seq
            self._wake.set()

    def signal(self, signal: Signal) -> None:
        """Somebody here gave this signal."""
        if self._wire is not None:
            self._signals.append(signal)
            self._wake.set()

    async def run(self) -> None:
        """Tell and hear until cancelled."""
        if self._wire is None:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._tell(self._wire))
            group.create_task(self._hear(self._wire))

    async def _tell(self, wire: Wire) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            grown, self._grown = self._grown, {}
            signals = [self._signals.popleft() for _ in range(len(self._signals))]
            try:
                for data in _messages(_ITEM.pack(session_id.bytes, seq) for session_id, seq in grown.items()):
                    await wire.publish(CHANNEL, self._me + data)
                for data in _messages(_packed(signal) for signal in signals):
                    await wire.publish(SIGNALS, self._me + data)
            except UnheardError:
                # Who listens has the same trouble and says so.
                await asyncio.sleep(PAUSE)

    async def _hear(self, wire: Wire) -> None:
        told = False
        while True:
            try:
                async for channel, data in wire.listen((CHANNEL, SIGNALS)):
                    self.listening, told = True, False
                    if data[:16] != self._me:
                        self._take(channel, data[16:])
            except UnheardError as error:
                self.listening = False
                if not told:
                    log.warning("fanout.out_of_reach", error=str(error))
                    told = True
                await asyncio.sleep(PAUSE)

    def _take(self, channel: str, data: bytes) -> None:
        try:
            if channel == CHANNEL:
                for session_bytes, seq in _ITEM.iter_unpack(data):
                    self._heard(UUID(bytes=session_bytes), seq)
            elif channel == SIGNALS:
                for kind, session_bytes, participant_bytes, number, micros in _SIGNAL.iter_unpack(data):
                    ids = UUID(bytes=session_bytes), UUID(bytes=participant_bytes)
                    self._signalled(Signal(SignalKind(kind), *ids, number, micros))
        except (struct.error, ValueError):
            log.warning("fanout.unreadable")


def _packed(signal: Signal) -> bytes:
    return _SIGNAL.pack(signal.kind, signal.session_id.bytes, signal.participant_id.bytes, signal.number, signal.micros)


def _messages(items: Iterable[bytes]) -> Iterator[bytes]:
    rest = iter(items)
    while some := b"".join(islice(rest, MOST_TOGETHER)):
        yield some
