"""Proofs of rows: that what is shown is what was committed to when it was entered, and that the entry stands in the signed tree.

A proof is what `GET /v1/audit/proofs/inclusion` answers (RFC 9162, 2.1.3), all of one export against one tree.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import asyncpg

from common.audit import merkle, tree
from common.audit.canonical import SELECTED, canonical
from common.audit.heads import b64
from common.database import ReadSession, fetch_all
from disclosure.auditing.asked import Register
from disclosure.auditing.rows import Row
from disclosure.commitments import PREFIX, commitment

ACTS: Mapping[Register, tuple[str, ...]] = {
    "requests": ("disclosure.ask",),
    "decisions": ("disclosure.decide",),
    "accountings": ("disclosure.decide",),
    "individual-requests": ("individual.file-own", "individual.take-in"),
}
"""The operations by which rows of a register are made: their audit entries name the row."""

Covers = Literal["content", "act", "nothing"]

_ENTRIES = f"""
SELECT l.leaf_index, {SELECTED} FROM audit_entry e JOIN audit_leaf l ON l.entry_id = e.id
WHERE e.outcome = 'done' AND e.action = ANY($1::text[]) AND e.record_ids && $2::text[] AND l.leaf_index < $3
ORDER BY e.position
"""


@dataclass(frozen=True, slots=True)
class Tree:
    """The signed tree that proofs are made against. `head` is None where nothing is signed yet."""

    size: int = 0
    root: bytes = b""
    statement: str | None = None


@dataclass(frozen=True, slots=True)
class Proof:
    """What is proven of a row.

    Attributes:
        covers: content - everything shown of it; act - that it was made, when and by whom; nothing - see `because`.
        proof: the entry's leaf with its path; None where nothing is proven.
        because: why nothing, or the act alone, is proven.
    """

    covers: Covers
    proof: Mapping[str, Any] | None
    because: str = ""


async def newest(session: ReadSession) -> Tree:
    found = await tree.last_head(session)
    return Tree(int(found["tree_size"]), bytes(found["root"]), found["statement"]) if found else Tree()


async def of(session: ReadSession, register: Register, rows: Sequence[Row], against: Tree) -> list[Proof]:
    """The proofs of these rows, in their order."""
    entries = await fetch_all(session, _ENTRIES, list(ACTS[register]), [str(r.id) for r in rows], against.size)
    by_record: dict[str, list[asyncpg.Record]] = {}
    for entry in entries:
        for record in entry["record_ids"]:
            by_record.setdefault(record, []).append(entry)
    judged = [_judged(row, by_record.get(str(row.id), [])) for row in rows]
    paths = await _paths(session, {int(e["leaf_index"]) for _, e, _ in judged if e is not None}, against.size)
    return [_proof(covers, entry, because, paths, against) for covers, entry, because in judged]


def _judged(row: Row, entries: Sequence[asyncpg.Record]) -> tuple[Covers, asyncpg.Record | None, str]:
    if not entries:
        return "nothing", None, "no entry of the tree names it: it came as an event, or is newer than the tree"
    if row.document is None:
        return "act", entries[0], "no commitment to what it holds was made"
    wanted = commitment(row.document)
    for entry in entries:
        if wanted in entry["fields"]:
            return "content", entry, ""
    if any(name.startswith(PREFIX) for entry in entries for name in entry["fields"]):
        return "nothing", None, "CHANGED: what the store holds is not what was committed to when it was entered"
    return "act", entries[0], "no commitment to what it holds was made"


async def _paths(session: ReadSession, indexes: set[int], size: int) -> dict[int, list[str]]:
    """The audit paths of these leaves, with one query for all."""
    ranges = {index: merkle.inclusion_path(index, size) for index in sorted(indexes)}
    every = list(dict.fromkeys(part for path in ranges.values() for part in path))
    roots = dict(zip(every, await tree.roots(session, every), strict=True)) if every else {}
    return {index: [b64(roots[part]) for part in path] for index, path in ranges.items()}


def _proof(
    covers: Covers, entry: asyncpg.Record | None, because: str, paths: Mapping[int, list[str]], against: Tree
) -> Proof:
    if entry is None:
        return Proof(covers, None, because)
    index = int(entry["leaf_index"])
    shown = {
        "tree_size": against.size,
        "leaf_index": index,
        "inclusion_path": paths[index],
        "leaf_input": canonical(dict(entry)).decode(),
        "root_hash": b64(against.root),
    }
    return Proof(covers, shown, because)
