"""Recipients of disclosures by name: a blind index beside the sealed names, brought up to date when somebody looks for one.

It is derived from the accounting and from nothing else, so a row that is missing is made before the search: nothing is
overlooked, and deciding and releasing do not wait for it.
"""

import unicodedata
from collections.abc import Sequence

import asyncpg

from common.database import ReadSession, WriteSession, fetch_all
from common.protection.resealing import Known
from common.protection.service_keys import ColumnKeys
from disclosure.tables import place

KIND = "recipient"
BATCH = 500

_MISSING = """
SELECT a.id, a.recipient_name FROM accounting a
WHERE NOT EXISTS (SELECT FROM accounting_recipient r WHERE r.accounting_id = a.id) ORDER BY a.id LIMIT $1
"""
_ADD = """
INSERT INTO accounting_recipient (accounting_id, name) SELECT * FROM unnest($1::uuid[], $2::bytea[]) AS t (id, name)
ORDER BY t.id ON CONFLICT DO NOTHING
"""
_NAMES = "SELECT id, recipient_name FROM accounting WHERE id = ANY($1::uuid[])"


def folded(name: str) -> str:
    """A name as it is compared: case, accents' composition, spaces and punctuation make no difference."""
    text = unicodedata.normalize("NFKC", name).casefold()
    return "".join(c for c in text if c.isalnum())


async def look_up(session: WriteSession, keys: ColumnKeys, name: str) -> list[bytes]:
    """What may stand in the index for this name, once every row of the accounting stands in it."""
    while rows := await fetch_all(session, _MISSING, BATCH):
        names = [keys.blind(KIND, folded(_opened(keys, row))) for row in rows]
        await fetch_all(session, _ADD, [row["id"] for row in rows], names)
    return keys.blinds(KIND, folded(name))


async def behind(session: ReadSession, keys: ColumnKeys, rows: Sequence[asyncpg.Record]) -> Sequence[Known]:
    """The names behind these rows of the index, for when the key gets a new version."""
    found = await fetch_all(session, _NAMES, [row["accounting_id"] for row in rows])
    names = {row["id"]: folded(_opened(keys, row)) for row in found}
    return [Known([(KIND, names[row["accounting_id"]])]) for row in rows]


def _opened(keys: ColumnKeys, row: asyncpg.Record) -> str:
    return keys.open(row["recipient_name"], place(row["id"], "recipient_name"))
