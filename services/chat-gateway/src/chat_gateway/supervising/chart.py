"""Who supervises whom: a copy of the organisation chart, as production tells it, and the question put to it."""

from collections.abc import Sequence
from datetime import date
from uuid import UUID

import asyncpg
import orjson

from common.contracts.envelope import Envelope, EventData
from common.contracts.personal import opened
from common.contracts.production import CHART_EVENTS, EmployeeAssigned
from common.database import ReadSession, WriteSession, fetch_all
from common.errors import PoisonEventError
from common.ids import new_id
from common.messaging.consumer import Subject
from common.protection.keyring import Keyring
from common.protection.resealing import Kept, Known
from common.protection.service_keys import ColumnKeys, ServiceKeys

GROUP = "chat_gateway.chart"
MOST_LEVELS = 10
"""Above an employee; the chart of an agency is not deeper, and one that runs in a circle ends here."""

_FORGET = "DELETE FROM chart_place WHERE employee_id = ANY($1::uuid[])"
_ADD = """
INSERT INTO chart_place (id, employee_id, employee, sealed, valid_from, valid_to)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::date[], $6::date[])
"""
_ABOVE = """
SELECT id, sealed FROM chart_place
WHERE employee = ANY($1::bytea[]) AND valid_from <= $2 AND (valid_to IS NULL OR valid_to > $2)
"""


def subject(keyring: Keyring, keys: ServiceKeys) -> Subject:
    """What the worker hears of the chart."""

    async def on_assigned(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        await take_in(session, await keys.ready(), [e.data for e in envelopes if isinstance(e.data, EmployeeAssigned)])

    return Subject(GROUP, (EmployeeAssigned.topic,), CHART_EVENTS, on_assigned, opens=keyring)


async def take_in(session: WriteSession, keys: ColumnKeys, told: Sequence[EmployeeAssigned]) -> None:
    """Put what was told in place of what was known of these employees.

    Raises:
        PoisonEventError: places and supervisors are not as many.
    """
    newest = {one.employee_id: one for one in told}
    rows: list[tuple[UUID, UUID, bytes, bytes, date, date | None]] = []
    for one in newest.values():
        pii = opened(one.pii)
        if len(pii.supervisor_pins) != len(one.places):
            raise PoisonEventError("data.pii.supervisor_pins: as many as places")
        for place, supervisor in zip(one.places, pii.supervisor_pins, strict=True):
            if supervisor:
                row_id = new_id()
                sealed = keys.seal(orjson.dumps([pii.employee_pin, supervisor]).decode(), place_of(row_id))
                blind = keys.blind("pin", pii.employee_pin)
                rows.append((row_id, one.employee_id, blind, sealed, place.valid_from, place.valid_to))
    await fetch_all(session, _FORGET, list(newest))
    if rows:
        await fetch_all(session, _ADD, *(list(column) for column in zip(*rows, strict=True)))


async def is_above(session: ReadSession, keys: ColumnKeys, supervisor: str, employee: str, day: date) -> bool:
    """Whether the first PIN stands above the second in the chart of that day, directly or through others."""
    level, seen = {employee}, {employee}
    for _ in range(MOST_LEVELS):
        sought = [blind for pin in level for blind in keys.blinds("pin", pin)]
        rows = await fetch_all(session, _ABOVE, sought, day)
        level = {_opened(keys, row)[1] for row in rows} - seen
        if supervisor in level:
            return True
        if not level:
            return False
        seen |= level
    return False


def place_of(row_id: UUID) -> str:
    """Where the sealed numbers of a row belong."""
    return f"chart_place|{row_id}"


def _opened(keys: ColumnKeys, row: asyncpg.Record) -> list[str]:
    pins: list[str] = orjson.loads(keys.open(row["sealed"], place_of(row["id"])))
    return pins


async def _employee(_: ReadSession, keys: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
    return [Known([("pin", _opened(keys, row)[0])]) for row in rows]


KEPT = Kept("chart_place", {"id": "uuid"}, {"sealed": lambda row: place_of(row["id"])}, {"employee": _employee})
"""How it is written anew under a new version of the service's key."""
