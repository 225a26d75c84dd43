"""What this service keeps under its own key: the blind index of the parties, made anew from the entries that name them."""

from collections import defaultdict
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import orjson

from common.database import ReadSession
from common.protection.keyring import Keyring
from common.protection.making import make_keyring
from common.protection.reseal_command import Holdings
from common.protection.resealing import Behind, Kept, Known
from common.protection.service_keys import ColumnKeys
from common.settings import ServiceSettings
from transcripts.opening import KeyDestroyedError, keys_of, opened
from transcripts.repository.reading import naming_entries

NAME = "transcripts"


def party_index(keyring: Keyring) -> Kept:
    return Kept(
        "party_index",
        {"transcript_id": "uuid", "participant_id": "uuid", "blind": "bytea"},
        blind={"blind": _number(keyring)},
    )


def make_holdings(settings: ServiceSettings) -> Holdings:
    """Raises: ValueError: the settings do not say where the keyring is."""
    keyring = make_keyring(settings, application=f"{NAME} reseal")
    return Holdings([party_index(keyring)], keyring)


def _number(keyring: Keyring) -> Behind:
    async def behind(session: ReadSession, _: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
        entries = await naming_entries(session, {row["transcript_id"] for row in rows})
        keys = await keys_of(keyring, (entry for _, entry in entries))
        found: dict[UUID, set[tuple[str, str]]] = defaultdict(set)
        gone: set[UUID] = set()
        for transcript_id, entry in entries:
            try:
                said = orjson.loads(opened(entry, keys))
            except KeyDestroyedError:
                gone.add(transcript_id)
                continue
            numbers = (("account", said.get("account_id")), ("pin", said.get("pin")))
            found[transcript_id] |= {(kind, number) for kind, number in numbers if number}
        return [Known(sorted(found[row["transcript_id"]]), gone=row["transcript_id"] in gone) for row in rows]

    return behind
