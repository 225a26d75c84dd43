"""What this service keeps under its own key: blind indexes of accounts, made anew from what stands under the sessions' keys."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

import asyncpg
import orjson

from chat_gateway import SERVICE_NAME
from chat_gateway.rows import participant_place
from chat_gateway.supervising import chart
from common.clock import Clock, SystemClock
from common.database import ReadSession, fetch_all
from common.protection.errors import KeyDestroyedError
from common.protection.keyring import Keyring
from common.protection.making import make_keyring
from common.protection.reseal_command import Holdings
from common.protection.resealing import Behind, Kept, Known
from common.protection.service_keys import ColumnKeys
from common.settings import ServiceSettings

_TAKE_PART = """
SELECT p.session_id, p.id, p.sealed, s.key_id FROM participant p JOIN chat_session s ON s.id = p.session_id
WHERE p.session_id = ANY($1::uuid[])
"""


def tables(keyring: Keyring, clock: Clock) -> tuple[Kept, ...]:
    return (
        Kept("chat_session", {"id": "uuid"}, blind={"account": _of_session(keyring, "id")}),
        Kept("participant", {"id": "uuid"}, blind={"who": _of_session(keyring, "session_id")}, reads=("session_id",)),
        chart.KEPT,
        Kept("kept_place", {"digest": "bytea"}, blind={"account": _until(clock)}, reads=("used_by", "valid_until")),
    )


def make_holdings(settings: ServiceSettings) -> Holdings:
    """Raises: ValueError: the settings do not say where the keyring is."""
    keyring = make_keyring(settings, application=f"{SERVICE_NAME} reseal")
    return Holdings(tables(keyring, SystemClock()), keyring)


def _of_session(keyring: Keyring, column: str) -> Behind:
    """The account of somebody who takes part in the session of this column; destroyed with the session's key."""

    async def behind(session: ReadSession, _: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
        accounts, gone = await _accounts(session, keyring, {row[column] for row in rows})
        return [Known(accounts[row[column]], gone=row[column] in gone) for row in rows]

    return behind


async def _accounts(
    session: ReadSession, keyring: Keyring, session_ids: Collection[UUID]
) -> tuple[dict[UUID, list[tuple[str, str]]], set[UUID]]:
    people = await fetch_all(session, _TAKE_PART, list(session_ids))
    keys = await keyring.find({row["key_id"] for row in people})
    found: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
    gone: set[UUID] = set()
    for row in people:
        if row["key_id"] not in keys:
            continue
        try:
            content = keys[row["key_id"]].open(row["sealed"], participant_place(str(row["id"])))
        except KeyDestroyedError:
            gone.add(row["session_id"])
        else:
            found[row["session_id"]].append(("account", orjson.loads(content)["principal_id"]))
    return found, gone


def _until(clock: Clock) -> Behind:
    """Whose a kept place is stands nowhere else: it keeps its version until it was used or has run out, some days at most."""

    async def behind(_: ReadSession, __: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
        now = clock.now()
        return [Known(gone=row["used_by"] is not None or row["valid_until"] <= now) for row in rows]

    return behind
