"""The register of authorities: who may act for whom, by which proof, from when to when. Entered by one, checked by another.

Both accounts are sealed under a key of the entry's own. Whoever comes into a conversation names the entry; that it is theirs,
that it is for this person and that it holds today is found here, by nobody's word.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

import orjson

from chat_gateway.errors import NoAuthorityError, OwnEntryError, UnknownAuthorityError
from common.auth import Principal
from common.contracts.chat import Authority
from common.database import ReadSession, WriteSession, fetch_all
from common.ids import new_id
from common.protection.keyring import Keyring

APPROVED, ENDED = "approved", "ended"

_ADD = """
INSERT INTO authority (id, kind, key_id, sealed, proof, valid_from, valid_until, entered_by, entered_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
_ENTRIES = """
SELECT r.id, r.kind, r.key_id, r.sealed, r.proof, r.valid_from, r.valid_until, r.entered_by,
    a.marked_by AS approved_by, a.on_day AS approved_on, e.on_day AS ended_on
FROM authority r
LEFT JOIN authority_mark a ON a.authority_id = r.id AND a.mark = 'approved'
LEFT JOIN authority_mark e ON e.authority_id = r.id AND e.mark = 'ended'
"""
_FIND = f"{_ENTRIES} WHERE r.id = $1"
_FIND_ALL = f"{_ENTRIES} WHERE r.id = ANY($1::uuid[])"
_MARK = """
INSERT INTO authority_mark (authority_id, entered_by, mark, on_day, marked_by, marked_at) VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (authority_id, mark) DO NOTHING
"""


@dataclass(frozen=True, slots=True)
class Proof:
    """What is entered. `proof`: the mark under which the paper is filed; no person's number."""

    kind: Authority
    represented: str = field(repr=False)
    representative: str = field(repr=False)
    proof: str
    valid_from: date
    valid_until: date | None


@dataclass(frozen=True, slots=True)
class Entered:
    """An entry of the register, without the accounts."""

    id: UUID
    kind: Authority
    proof: str
    valid_from: date
    valid_until: date | None
    entered_by: str
    approved_by: str | None
    approved_on: date | None
    ended_on: date | None

    def holds_on(self, day: date) -> bool:
        """Whether somebody else checked it, and it runs on this day."""
        begun = self.approved_on is not None and self.approved_on <= day and self.valid_from <= day
        return (
            begun
            and (self.valid_until is None or day <= self.valid_until)
            and not (self.ended_on and self.ended_on <= day)
        )


async def enter(session: WriteSession, proof: Proof, keyring: Keyring, by: Principal, now: datetime) -> UUID:
    """Enter an authority; it counts from when somebody else has checked it."""
    own_id, key = new_id(), await keyring.take()
    accounts = orjson.dumps({"represented": proof.represented, "representative": proof.representative})
    await fetch_all(
        session, _ADD, own_id, proof.kind, key.id, key.seal(accounts, _place(own_id)), proof.proof, proof.valid_from,
        proof.valid_until, by.id, now,
    )  # fmt: skip
    return own_id


async def mark(session: WriteSession, authority_id: UUID, said: str, by: Principal, now: datetime) -> None:
    """Say that it was checked, or that it ended; the first one who says so counts.

    Raises:
        UnknownAuthorityError: there is no such entry.
        OwnEntryError: who entered it would check it.
    """
    row = await _row(session, authority_id)
    if said == APPROVED and row["entered_by"] == by.id:
        raise OwnEntryError
    await fetch_all(session, _MARK, authority_id, row["entered_by"], said, now.date(), by.id, now)


async def entry(session: ReadSession, authority_id: UUID) -> Entered:
    """Raises: UnknownAuthorityError: there is no such entry."""
    return _entered(await _row(session, authority_id))


async def holding(session: ReadSession, ids: Collection[UUID], today: date) -> set[UUID]:
    """Those of these entries that hold today."""
    rows = await fetch_all(session, _FIND_ALL, list(ids))
    return {row["id"] for row in rows if _entered(row).holds_on(today)}


async def require(
    session: ReadSession, authority_id: UUID, keyring: Keyring, *, representative: str, today: date
) -> tuple[Entered, str]:
    """The entry by which this account may act today, and the account for which.

    Raises:
        NoAuthorityError: there is none, or it is for others; the answer is the same, since who acts for whom is private.
    """
    rows = await fetch_all(session, _FIND, authority_id)
    if not rows:
        raise NoAuthorityError
    row = rows[0]
    key = (await keyring.find([row["key_id"]])).get(row["key_id"])
    if key is None or not key.living:
        raise NoAuthorityError
    accounts = orjson.loads(key.open(row["sealed"], _place(authority_id)))
    found = _entered(row)
    if accounts["representative"] != representative or not found.holds_on(today):
        raise NoAuthorityError
    return found, accounts["represented"]


async def _row(session: ReadSession, authority_id: UUID) -> Any:
    rows = await fetch_all(session, _FIND, authority_id)
    if not rows:
        raise UnknownAuthorityError
    return rows[0]


def _entered(row: Any) -> Entered:
    return Entered(**{name: row[name] for name in Entered.__slots__})


def _place(authority_id: UUID) -> bytes:
    return f"authority|{authority_id}".encode()
