"""Verification: recomputes the whole trail of a service and says what was changed, removed, inserted or put in another place.

Each entry is held against its leaf, the leaves against the stored nodes and against every head: the service's own, and
those that witnesses hold, which are all that shows a trail rewritten together with its tree and heads. Everything is read as a
stream from one snapshot: memory does not grow with the trail.
"""

import heapq
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, cast

import asyncpg

from common.audit import merkle
from common.audit.canonical import SELECTED, entry_leaf
from common.audit.heads import Head, HeadKeys, UnprovenHeadError
from common.audit.merkle import STEP
from common.database import Database, raw_connection

Kind = Literal["changed", "removed", "inserted", "rearranged", "truncated", "unsigned", "rewritten", "backdated"]

READ_AHEAD = 2000
LONGEST_TRANSACTION = timedelta(minutes=15)
"""An entry older than a head that does not cover it by more than this was not there when the head was signed."""
SHOWN = 100

_LEAVES = f"""
SELECT l.leaf_index, l.entry_id, l.hash AS leaf, {SELECTED}
FROM audit_leaf l LEFT JOIN audit_entry e ON e.id = l.entry_id ORDER BY l.leaf_index
"""
_BLOCKS = f"SELECT node_index, hash FROM audit_node WHERE level = {STEP} ORDER BY node_index"
_HEADS = "SELECT tree_size, root, signed_at, statement FROM audit_head ORDER BY tree_size"
_OUTSIDE = """
SELECT e.id, e.position FROM audit_entry e
WHERE NOT EXISTS (SELECT FROM audit_leaf l WHERE l.entry_id = e.id)
  AND NOT EXISTS (SELECT FROM audit_pending p WHERE p.position = e.position) ORDER BY e.position
"""
_GONE = """
SELECT p.position FROM audit_pending p
WHERE NOT EXISTS (SELECT FROM audit_entry e WHERE e.position = p.position) ORDER BY p.position
"""
_WAITING = "SELECT count(*) FROM audit_pending"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was signed. `text` says where: index of the leaf, id and position of the entry."""

    kind: Kind
    text: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.text}"


@dataclass
class Report:
    """What a verification found. `findings` holds the first ones; `found` counts all."""

    service: str
    entries: int = 0
    waiting: int = 0
    heads: int = 0
    witnessed: int = 0
    found: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        return not self.found

    def add(self, kind: Kind, text: str) -> None:
        self.found += 1
        if len(self.findings) < SHOWN:
            self.findings.append(Finding(kind, text))


async def verify(
    database: Database, service: str, *, keys: HeadKeys, witnesses: Iterable[Iterable[str]] = ()
) -> Report:
    """Verify the trail of the service whose database this is.

    Args:
        witnesses: statements that others hold, each row of them by growing size.
    """
    report = Report(service)
    async with database.reading() as session:
        connection = await raw_connection(session)
        check = _Check(report, keys, _Witnessed(report, keys, witnesses))
        await check.run(connection)
        async for row in connection.cursor(_OUTSIDE, prefetch=READ_AHEAD):
            report.add(
                "inserted", f"entry {row['id']} at position {row['position']} came around the tree: it has no leaf"
            )
        async for row in connection.cursor(_GONE, prefetch=READ_AHEAD):
            report.add("removed", f"the entry at position {row['position']} is gone; the tree did not hold it yet")
        report.waiting = int(await connection.fetchval(_WAITING))
    return report


class _Witnessed:
    """The heads that witnesses hold of this service, one after the other by their size."""

    def __init__(self, report: Report, keys: HeadKeys, rows: Iterable[Iterable[str]]) -> None:
        self._report = report
        self._keys = keys
        merged = heapq.merge(*(self._heads(row) for row in rows), key=lambda head: head.tree_size)
        self._left: Iterator[Head] = iter(merged)
        self._next = next(self._left, None)

    def up_to(self, size: int) -> Iterator[Head]:
        """Those of this size or smaller that were not given before."""
        while self._next is not None and self._next.tree_size <= size:
            yield self._next
            self._next = next(self._left, None)

    def rest(self) -> Iterator[Head]:
        while self._next is not None:
            yield self._next
            self._next = next(self._left, None)

    def _heads(self, row: Iterable[str]) -> Iterator[Head]:
        for statement in row:
            try:
                head = self._keys.check(statement)
            except UnprovenHeadError:
                self._report.add("rewritten", "a witness's statement is not signed by a key of any service")
                continue
            if head.service == self._report.service:
                yield head


class _Check:
    """One pass over leaves, with nodes and heads alongside."""

    def __init__(self, report: Report, keys: HeadKeys, witnessed: _Witnessed) -> None:
        self._report = report
        self._keys = keys
        self._witnessed = witnessed
        self._tree = merkle.Growing()
        self._block: list[bytes] = []
        self._agreed: dict[str, int] = {}
        self._signed_at: datetime | None = None
        self._shifted = False

    async def run(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        heads = _Cursor(connection, _HEADS)
        blocks = _Cursor(connection, _BLOCKS)
        await heads.step()
        await blocks.step()
        async for row in connection.cursor(_LEAVES, prefetch=READ_AHEAD):
            self._leaf(row)
            if len(self._block) == 1 << STEP:
                await self._compare_block(blocks)
            await self._compare_heads(heads)
        self._report.entries = self._tree.size
        await self._end(heads, blocks)

    def _leaf(self, row: asyncpg.Record) -> None:
        index, expected = int(row["leaf_index"]), self._tree.size
        if index != expected and not self._shifted:
            self._shifted = True  # from here on nothing stands where it was signed: said once
            self._report.add("removed", f"the leaves from index {expected} to {index - 1} are gone")
        leaf = bytes(row["leaf"])
        if row["id"] is None:
            self._report.add("removed", f"entry {row['entry_id']}, leaf {index}, is gone")
        elif entry_leaf(cast("Mapping[str, Any]", row)) != leaf:
            text = f"entry {row['id']} at position {row['position']}, leaf {index}, is not what was signed"
            self._report.add("changed", text)
        elif self._signed_at is not None and row["at"] < self._signed_at - LONGEST_TRANSACTION:
            self._report.add(
                "backdated",
                f"entry {row['id']} at position {row['position']}, leaf {index}, says {row['at']:%Y-%m-%d %H:%M} and was "
                f"not there when the head of {self._signed_at:%Y-%m-%d %H:%M} was signed",
            )
        self._tree.add(leaf)
        self._block.append(leaf)

    async def _compare_block(self, blocks: "_Cursor") -> None:
        index, found = (self._tree.size >> STEP) - 1, merkle.full(self._block)
        self._block.clear()
        row = blocks.row
        if row is None or int(row["node_index"]) != index:
            self._report.add("rearranged", f"the stored node over the leaves {_span(index)} is gone")
            return
        if bytes(row["hash"]) != found and not self._shifted:
            self._report.add(
                "rearranged", f"the leaves {_span(index)} are not those, or not in the order, that were signed"
            )
        await blocks.step()

    async def _compare_heads(self, heads: "_Cursor") -> None:
        size = self._tree.size
        while heads.row is not None and int(heads.row["tree_size"]) <= size:
            self._own_head(heads.row, size)
            await heads.step()
        for head in self._witnessed.up_to(size):
            self._report.witnessed += 1
            self._compare(head, size, "a witness holds")

    def _own_head(self, row: asyncpg.Record, size: int) -> None:
        self._report.heads += 1
        try:
            head = self._keys.check(row["statement"])
        except UnprovenHeadError:
            head = None
        told = Head(self._report.service, int(row["tree_size"]), bytes(row["root"]), row["signed_at"])
        if head != told:
            self._report.add("rewritten", f"the head of size {told.tree_size} is not signed by the service's key")
            return
        self._compare(head, size, "the service keeps")
        self._signed_at = head.signed_at

    def _compare(self, head: Head, size: int, whose: str) -> None:
        if head.root == self._tree.root:
            self._agreed[whose] = size
        else:
            self._report.add(
                "rewritten",
                f"the leaves from {self._agreed.get(whose, 0)} to {size - 1} do not give the root of the head of size {size}, signed "
                f"{head.signed_at:%Y-%m-%d %H:%M:%S}, that {whose}",
            )

    async def _end(self, heads: "_Cursor", blocks: "_Cursor") -> None:
        size, last = self._tree.size, 0
        while heads.row is not None:
            last = int(heads.row["tree_size"])
            await heads.step()
        for head in self._witnessed.rest():
            self._report.witnessed += 1
            last = max(last, head.tree_size)
        if last > size:
            self._report.add(
                "truncated", f"a head of size {last} was signed, and there are {size} leaves: {_tail(size, last)}"
            )
        elif size and not await heads.ends_at(size):
            self._report.add("unsigned", f"the leaves behind the newest head, up to {size - 1}, were added without one")
        if blocks.row is not None:
            self._report.add("rearranged", "there are stored nodes over leaves that are gone")


class _Cursor:
    """A query read row by row beside others."""

    def __init__(self, connection: "asyncpg.Connection[asyncpg.Record]", sql: str) -> None:
        self._rows: AsyncIterator[asyncpg.Record] = aiter(connection.cursor(sql, prefetch=READ_AHEAD))
        self._before: asyncpg.Record | None = None
        self.row: asyncpg.Record | None = None

    async def step(self) -> None:
        self._before = self.row or self._before
        self.row = await anext(self._rows, None)

    async def ends_at(self, size: int) -> bool:
        """Whether the last row was the head of this size."""
        return self._before is not None and int(self._before["tree_size"]) == size


def _span(block: int) -> str:
    return f"{block << STEP} to {((block + 1) << STEP) - 1}"


def _tail(size: int, last: int) -> str:
    return f"those from {size} to {last - 1} are gone"
