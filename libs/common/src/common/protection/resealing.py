"""Rewrites what a service keeps under its own key, so that an old version of that key can be retired.

Rows are read without a lock, sealed and blinded anew, and put back only where they are still as they were read: writers and
readers wait for nobody, two rewriters do not disturb each other, and one that is killed leaves rows of both versions, which
look-ups find (`ColumnKeys.blinds`) and the next run takes up. What still has to be done is what is of an older version, so
no mark of the progress is kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from common.database import Database, ReadSession, fetch_all
from common.errors import OperatorError
from common.protection.service_keys import READ_AGAIN, VERSION_BYTES, ColumnKeys, ServiceKeys

BATCH = 500
PASSES = 20
"""At most so often one table is gone through: a row that somebody changes meanwhile is met again."""

IN_VAIN = 3
HELD_SECONDS = 0.2
"""After so many passes in vain, with this wait between, what is left is left: nobody holds a row that long."""

SETTLED = 2 * READ_AGAIN
"""So long after a version is written with, no process writes with the one before it any more."""

_Anew = tuple[asyncpg.Record, list[bytes | None]]
Place = Callable[[asyncpg.Record], str]
"""Where the sealed value of a row belongs, as it was said when it was sealed."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the value behind a blind index.

    Attributes:
        candidates: kind and value of each that it may be; which one it is tells the index itself.
        gone: whether nobody may know it any more, since it was destroyed or has run out: then noise takes its place.
    """

    candidates: Sequence[tuple[str, str]] = ()
    gone: bool = False


Behind = Callable[[ReadSession, ColumnKeys, Sequence[asyncpg.Record]], Awaitable[Sequence[Known]]]
"""Finds what is behind the blind index of each of these rows, in their order."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A table with columns under the service's own key.

    Attributes:
        key: the primary key, column → SQL type.
        sealed: column → place of its values.
        blind: column of a blind index → how its values are found.
        reads: other columns that `blind` needs.
    """

    table: str
    key: Mapping[str, str]
    sealed: Mapping[str, Place] = field(default_factory=dict)
    blind: Mapping[str, Behind] = field(default_factory=dict)
    reads: Sequence[str] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.sealed, *self.blind)


@dataclass(slots=True)
class Progress:
    """How far the rewriting of one table is. `left`: rows whose value is not known, or that others hold."""

    table: str
    found: int
    done: int = 0
    left: int = 0


class HeldError(OperatorError):
    """A version cannot be retired: rows are still of it, or may yet be written with it."""


async def of_older_versions(session: ReadSession, tables: Sequence[Kept], below: int) -> dict[str, int]:
    """How many rows of each table hold something of a version below this one."""
    return {kept.table: int((await fetch_all(session, _count(kept), _mark(below)))[0]["n"]) for kept in tables}


class Rewriter:
    """Args:
    keys: the versions; what is written is of the newest.
    told: hears of the progress after each batch.
    """

    def __init__(
        self,
        database: Database,
        keys: ColumnKeys,
        *,
        told: Callable[[Progress], None] = lambda _: None,
        batch: int = BATCH,
    ) -> None:
        self._database, self._keys, self._told, self._batch = database, keys, told, batch

    async def reseal(self, kept: Kept) -> Progress:
        """Write everything of this table anew that is of an older version.

        Raises:
            TamperedError: a row is not what was sealed there; those before it are rewritten.
            KeyServiceUnavailableError: what is behind an index cannot be opened for now.
        """
        progress = Progress(kept.table, await self._older(kept))
        in_vain = 0
        for _ in range(PASSES if progress.found else 0):
            before = progress.done
            await self._go_through(kept, progress)
            progress.left = await self._older(kept)
            in_vain = 0 if progress.done > before else in_vain + 1
            if not progress.left or in_vain == IN_VAIN:
                break
            await asyncio.sleep(HELD_SECONDS)
        return progress

    async def _older(self, kept: Kept) -> int:
        async with self._database.reading() as session:
            return (await of_older_versions(session, [kept], self._keys.newest))[kept.table]

    async def _go_through(self, kept: Kept, progress: Progress) -> None:
        """Once, in the order of the table's key."""
        after: Sequence[object] = ()
        while True:
            async with self._database.reading() as session:
                rows = await fetch_all(session, _read(kept, bool(after)), _mark(self._keys.newest), self._batch, *after)
                anew = await _anew(session, self._keys, kept, rows)
            if not rows:
                return
            progress.done += await _write(self._database, kept, anew)
            after = [rows[-1][name] for name in kept.key]
            self._told(progress)


async def retire(database: Database, keys: ServiceKeys, tables: Sequence[Kept], *, now: datetime) -> int:
    """Remove every version but the newest. Returns the newest.

    Raises:
        HeldError: the newest is not written with everywhere yet, or rows are of older ones; the text says which.
    """
    versions = await keys.versions()
    newest = versions[-1]
    at = newest.used_from + SETTLED
    if len(versions) > 1 and now < at:
        raise HeldError(f"Version {newest.number} is written with everywhere from {at:%H:%M:%S} UTC on: retire then.")
    async with database.reading() as session:
        held = await of_older_versions(session, tables, newest.number)
    if any(held.values()):
        rows = ", ".join(f"{table} ({number})" for table, number in held.items() if number)
        raise HeldError(f"Rows are still of an older version: {rows}. Reseal first.")
    await keys.retire(newest.number)
    return newest.number


async def _anew(session: ReadSession, keys: ColumnKeys, kept: Kept, rows: Sequence[asyncpg.Record]) -> list[_Anew]:
    """Each row with its columns as they have to be; without those of which something is not known."""
    indexes = {name: await behind(session, keys, rows) for name, behind in kept.blind.items()} if rows else {}
    found = []
    for n, row in enumerate(rows):
        values = [_sealed_anew(keys, row[name], place(row)) for name, place in kept.sealed.items()]
        values += [_blinded_anew(keys, row[name], indexes[name][n]) for name in kept.blind]
        if values != [row[name] for name in kept.columns]:
            found.append((row, values))
    return found


def _sealed_anew(keys: ColumnKeys, stored: bytes | None, place: str) -> bytes | None:
    if stored is None or stored >= _mark(keys.newest):
        return stored
    return keys.seal(keys.open(stored, place), place)


def _blinded_anew(keys: ColumnKeys, stored: bytes | None, known: Known) -> bytes | None:
    if stored is None or stored >= _mark(keys.newest):
        return stored
    if known.gone:
        return keys.noise()
    values = [keys.blind(kind, value) for kind, value in known.candidates if keys.matches(stored, kind, value)]
    return values[0] if values else stored


async def _write(database: Database, kept: Kept, anew: Sequence[_Anew]) -> int:
    """Put them back. Returns how many were."""
    if not anew:
        return 0
    columns = [[row[name] for row, _ in anew] for name in (*kept.key, *kept.columns)]
    columns += [[values[n] for _, values in anew] for n in range(len(kept.columns))]
    try:
        async with database.unit_of_work() as session:
            return len(await fetch_all(session, _put(kept), *columns))
    except asyncpg.UniqueViolationError:
        # Two rows of one value, each under another version, where one row may be: the later one is left, and counted.
        half = len(anew) // 2
        return await _write(database, kept, anew[:half]) + await _write(database, kept, anew[half:]) if half else 0


def _mark(version: int) -> bytes:
    """Less than whatever is of this version, more than what is of one before."""
    return version.to_bytes(VERSION_BYTES)


def _older(kept: Kept) -> str:
    return " OR ".join(f"{name} < $1::bytea" for name in kept.columns)


def _count(kept: Kept) -> str:
    return f"SELECT count(*) AS n FROM {kept.table} WHERE {_older(kept)}"


def _read(kept: Kept, going_on: bool) -> str:
    key = ", ".join(kept.key)
    places = ", ".join(f"${n}::{kind}" for n, kind in enumerate(kept.key.values(), 3))
    further = f" AND ({key}) > ({places})" if going_on else ""
    read = ", ".join(dict.fromkeys((*kept.key, *kept.columns, *kept.reads)))
    return f"SELECT {read} FROM {kept.table} WHERE ({_older(kept)}){further} ORDER BY {key} LIMIT $2::int"


def _put(kept: Kept) -> str:
    """Rows that are still as they were read, and that nobody holds; in the order of their key."""
    names = [*(f"k_{name}" for name in kept.key), *(f"o_{name}" for name in kept.columns)]
    names += [f"n_{name}" for name in kept.columns]
    kinds = [*kept.key.values(), *["bytea"] * (2 * len(kept.columns))]
    given = ", ".join(f"${n}::{kind}[]" for n, kind in enumerate(kinds, 1))
    same = " AND ".join(f"t.{name} = u.k_{name}" for name in kept.key)
    unchanged = " AND ".join(f"t.{name} IS NOT DISTINCT FROM u.o_{name}" for name in kept.columns)
    ordered = ", ".join(f"t.{name}" for name in kept.key)
    sets = ", ".join(f"{name} = held.n_{name}" for name in kept.columns)
    again = " AND ".join(f"t.{name} = held.k_{name}" for name in kept.key)
    return (
        f"WITH held AS (SELECT u.* FROM unnest({given}) AS u ({', '.join(names)}) JOIN {kept.table} AS t ON {same}"
        f" WHERE {unchanged} ORDER BY {ordered} FOR UPDATE OF t SKIP LOCKED)"
        f" UPDATE {kept.table} AS t SET {sets} FROM held WHERE {again} RETURNING 1"
    )


__all__ = ["HeldError", "Kept", "Known", "Place", "Progress", "Rewriter", "of_older_versions", "retire"]
