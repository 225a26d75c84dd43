"""What the service hears, fed by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime

from common.contracts.envelope import Envelope, EventData, encode
from common.database import Database
from common.ids import new_id
from common.messaging.broker import ReceivedRecord, Record
from common.messaging.consumer import Consumer
from common.testing import FixedClock, MemoryBroker
from disclosure.consumers import SUBJECTS, releases

AT = datetime(2026, 3, 2, 11, tzinfo=UTC)
CASE_SYSTEM = "/case-system/eleven"


class Ears:
    """The service's consumers."""

    def __init__(self, database: Database, clock: FixedClock) -> None:
        self._consumers = {
            s.topics[0]: Consumer(s, database=database, broker=MemoryBroker(), clock=clock)
            for s in (*SUBJECTS, releases(clock))
        }
        self._offset = 0

    async def hear(self, records: Sequence[Record]) -> None:
        received = []
        for record in records:
            self._offset += 1
            received.append(
                ReceivedRecord(record.topic, 0, self._offset, record.key, record.value, dict(record.headers))
            )
        await self._consumers[records[0].topic].handle(received)


def event(data: EventData, source: str = CASE_SYSTEM) -> Record:
    return encode(Envelope(new_id(), data.event_type, source, data.key, AT, data))
