"""What the contract of every event log is written with: an engine under test, and consumers as services have them."""

import asyncio
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from time import monotonic
from typing import Any, Protocol
from uuid import uuid4

from common.messaging.broker import (
    Broker,
    BrokerUnavailableError,
    PositionLostError,
    ReceivedRecord,
    Record,
    Subscription,
)
from common.messaging.membership import GroupTiming

WRITER, READER, OTHER_READER, STRANGER = "chat_gateway", "transcripts", "production", "retention"
QUICK = GroupTiming(heartbeat=0.2, session=6.0, release=1.0)
PATIENT = GroupTiming(heartbeat=0.2, session=6.0, release=10.0)
LONG = GroupTiming(heartbeat=0.2, session=60.0, release=1.0)
"""Who would have to find out that a member is silent waits for longer than any of these tests may take."""


class Engine(Protocol):
    """An engine under test. On every topic WRITER may write, and READER and OTHER_READER may read."""

    def broker(self, principal: str, *, timing: GroupTiming = QUICK, publish_seconds: float = 15.0) -> Broker: ...

    def nowhere(self, port: int) -> Broker:
        """A broker at a port of this machine where no engine is; gives up after 2 s."""
        ...

    def member_settings(self, principal: str) -> dict[str, Any]:
        """What `tests/contracts/member.py` needs to make the same broker in a process of its own."""
        ...

    async def add_topic(self, partitions: int = 4) -> str:
        """A new topic's name."""
        ...

    def kill(self) -> None: ...

    def start(self) -> None: ...


def group(principal: str = READER) -> str:
    return f"{principal}.{uuid4().hex}"


async def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    deadline = monotonic() + seconds
    while not condition():
        assert monotonic() < deadline, "it did not come about in time"
        await asyncio.sleep(0.02)


async def take(subscription: Subscription, count: int, seconds: float = 60.0) -> list[ReceivedRecord]:
    """Poll until there are so many records."""
    taken: list[ReceivedRecord] = []
    deadline = monotonic() + seconds
    while len(taken) < count:
        assert monotonic() < deadline, f"{len(taken)} of {count} records came"
        taken += await subscription.poll(max_records=count - len(taken), timeout_seconds=0.5)
    return taken


async def nothing_more(subscription: Subscription, seconds: float = 1.0) -> bool:
    return await subscription.poll(max_records=10, timeout_seconds=seconds) == []


def numbered(topic: str, numbers: Sequence[int], keys: int = 6) -> list[Record]:
    return [Record(topic, f"key-{number % keys}", b"%d" % number) for number in numbers]


def numbers_of(records: Sequence[ReceivedRecord]) -> list[int]:
    return [int(record.value) for record in records]


class Handled:
    """What all members of a group have handled, judged as an inbox would: repeats are dropped, order is checked."""

    def __init__(self) -> None:
        self.last: dict[str, int] = {}
        self.arrivals: Counter[int] = Counter()
        self.out_of_order: list[str] = []

    def handle(self, records: Sequence[ReceivedRecord], keys: int) -> None:
        for record in records:
            number = int(record.value)
            self.arrivals[number] += 1
            if self.arrivals[number] > 1:
                continue
            expected = self.last[record.key] + keys if record.key in self.last else number % keys
            if number != expected:
                self.out_of_order.append(f"{record.key}: {number} came when {expected} was due")
            self.last[record.key] = number


async def work(subscription: Subscription, handled: Handled, keys: int, enough: Callable[[], bool]) -> None:
    """A consumer as services have it: poll, handle, commit; engines may go away, positions may be lost."""
    while not enough():
        try:
            records = await subscription.poll(max_records=50, timeout_seconds=0.2)
            handled.handle(records, keys)
            await asyncio.sleep(0.005)
            await subscription.commit(records)
        except PositionLostError:
            continue
        except BrokerUnavailableError:
            # Whatever was in hand and not committed is handled again.
            await asyncio.sleep(0.1)


async def publish_until_confirmed(broker: Broker, records: Sequence[Record]) -> None:
    while True:
        try:
            await broker.publish(records)
        except BrokerUnavailableError:
            await asyncio.sleep(0.1)
        else:
            return


@asynccontextmanager
async def doomed_member(
    engine: Engine, topic: str, group_name: str, timing: GroupTiming = QUICK
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """A member in a process of its own that polls and never commits; gives the function that kills it hard."""
    script = Path(__file__).with_name("member.py")
    settings = engine.member_settings(READER) | {
        "group": group_name,
        "topic": topic,
        "timing": asdict(timing),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(script), json.dumps(settings), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None

    async def kill() -> None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()

    try:
        async with asyncio.timeout(60):
            assert await process.stdout.readline() == b"holding\n"
        yield kill
    finally:
        await kill()
