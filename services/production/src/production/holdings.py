"""What this service keeps under its own key: the list by which it is rewritten when the key gets a new version."""

from collections.abc import Sequence

import asyncpg

from common.database import ReadSession
from common.protection.reseal_command import Holdings
from common.protection.resealing import Kept, Known
from common.protection.service_keys import ColumnKeys
from common.settings import ServiceSettings
from production import sealing
from production.releases.store import place as copy_place


async def _pin(_: ReadSession, keys: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
    return [Known([(sealing.PIN, sealing.opened_pin(keys, row["pin"], row["id"]))]) for row in rows]


async def _number(_: ReadSession, keys: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
    return [
        Known()
        if row["requestor_number"] is None
        else Known([(sealing.REQUESTOR, keys.open(row["requestor_number"], sealing.number_place(row["action_id"])))])
        for row in rows
    ]


TABLES = (
    Kept("employee", {"id": "uuid"}, {"pin": lambda row: sealing.pin_place(row["id"])}, {"who": _pin}),
    Kept(
        "action",
        {"action_id": "uuid"},
        {"requestor_number": lambda row: sealing.number_place(row["action_id"])},
        {"requestor": _number},
    ),
    Kept("release_copy", {"id": "uuid"}, {"content": lambda row: copy_place(row["id"])}),
)


def make_holdings(_: ServiceSettings) -> Holdings:
    return Holdings(TABLES)
