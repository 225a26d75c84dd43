"""The stored tree: leaves and every fourth level of full subtrees, read and added to on a session's transaction."""

from collections.abc import Iterable, Sequence
from uuid import UUID

import asyncpg
from sqlalchemy.ext.asyncio import AsyncSession

from common.audit import merkle
from common.audit.heads import Head
from common.audit.merkle import STEP, Place, Range
from common.database import fetch_all

_NODES = """
SELECT 0 AS level, leaf_index AS node_index, hash FROM audit_leaf WHERE leaf_index = ANY($1::bigint[])
UNION ALL
SELECT level, node_index, hash FROM audit_node
WHERE (level, node_index) IN (SELECT * FROM unnest($2::int[], $3::bigint[]))
"""
_ADD_LEAVES = (
    "INSERT INTO audit_leaf (leaf_index, entry_id, hash) SELECT * FROM unnest($1::bigint[], $2::uuid[], $3::bytea[])"
)
_ADD_NODES = (
    "INSERT INTO audit_node (level, node_index, hash) SELECT * FROM unnest($1::int[], $2::bigint[], $3::bytea[])"
)
_SIZE = "SELECT coalesce(max(leaf_index) + 1, 0) AS size FROM audit_leaf"
_LAST_HEAD = "SELECT tree_size, root, signed_at, statement FROM audit_head ORDER BY tree_size DESC LIMIT 1"
_HEAD_AT = "SELECT tree_size, root, signed_at, statement FROM audit_head WHERE tree_size = $1"
_LEAF_OF = "SELECT leaf_index, hash FROM audit_leaf WHERE entry_id = $1"


class DamagedTreeError(Exception):
    """A node that must be stored is not: somebody took it away, or the tree was restored in part."""


async def size(session: AsyncSession) -> int:
    """How many leaves the tree holds."""
    return int((await fetch_all(session, _SIZE))[0]["size"])


async def last_head(session: AsyncSession) -> asyncpg.Record | None:
    """The newest signed head: tree_size, root, signed_at, statement."""
    found = await fetch_all(session, _LAST_HEAD)
    return found[0] if found else None


async def head_at(session: AsyncSession, tree_size: int) -> asyncpg.Record | None:
    """The signed head of exactly this size."""
    found = await fetch_all(session, _HEAD_AT, tree_size)
    return found[0] if found else None


async def leaf_of(session: AsyncSession, entry_id: UUID) -> asyncpg.Record | None:
    """Index and hash of the entry's leaf."""
    found = await fetch_all(session, _LEAF_OF, entry_id)
    return found[0] if found else None


async def nodes(session: AsyncSession, places: Iterable[Place]) -> dict[Place, bytes]:
    """Stored hashes by place, in one query.

    Raises:
        DamagedTreeError: one is not there.
    """
    wanted = set(places)
    leaves = [index for level, index in wanted if level == 0]
    inner = [place for place in wanted if place[0] > 0]
    rows = await fetch_all(session, _NODES, leaves, [level for level, _ in inner], [index for _, index in inner])
    found = {(int(row["level"]), int(row["node_index"])): bytes(row["hash"]) for row in rows}
    if len(found) != len(wanted):
        raise DamagedTreeError(f"{len(wanted) - len(found)} stored nodes are missing")
    return found


async def roots(session: AsyncSession, parts: Sequence[Range]) -> list[bytes]:
    """The roots over these ranges of leaves: what a proof is made of.

    Raises:
        DamagedTreeError: the stored tree has a hole.
    """
    stored = await nodes(session, merkle.needed(parts))
    return [merkle.root_of(part, stored.__getitem__) for part in parts]


async def append(
    session: AsyncSession, leaves: Sequence[tuple[UUID, bytes]], *, proven_from: int
) -> tuple[int, bytes, list[bytes]]:
    """Add leaves behind the last one. The caller holds the lock under which the tree grows.

    Args:
        leaves: entry and leaf hash, in the order in which they are to stand.
        proven_from: the size from which the growth is to be proven; 0 for none.

    Returns:
        The new size, the new root, and the consistency path from `proven_from` to it.

    Raises:
        DamagedTreeError: the stored tree has a hole.
    """
    before = await size(session)
    after = before + len(leaves)
    known: dict[Place, bytes] = {(0, before + n): leaf for n, (_, leaf) in enumerate(leaves)}
    path = merkle.consistency_path(proven_from, after) if 0 < proven_from < after else []
    wanted = merkle.needed([(0, after), *path]) | _old_siblings(before, after)
    old = {place for place in wanted if (place[1] + 1) << place[0] <= before}
    known |= await nodes(session, old)
    added = _completed(before, after, known)
    await fetch_all(
        session,
        _ADD_LEAVES,
        list(range(before, after)),
        [entry for entry, _ in leaves],
        [leaf for _, leaf in leaves],
    )
    if added:
        await fetch_all(session, _ADD_NODES, *map(list, zip(*((*place, known[place]) for place in added), strict=True)))
    look_up = known.__getitem__
    return after, merkle.root_of((0, after), look_up), [merkle.root_of(part, look_up) for part in path]


def _old_siblings(before: int, after: int) -> set[Place]:
    """Stored nodes that stand beside new ones below a subtree that is now full."""
    found: set[Place] = set()
    level = 0
    while after >> (level + STEP) > before >> (level + STEP):
        first = (before >> (level + STEP)) << STEP
        found |= {(level, index) for index in range(first, before >> level)}
        level += STEP
    return found


def _completed(before: int, after: int, known: dict[Place, bytes]) -> list[Place]:
    """Fill `known` with the stored nodes that became full; returns where they stand."""
    added: list[Place] = []
    level = STEP
    while after >> level:
        for index in range(before >> level, after >> level):
            below = [known[level - STEP, (index << STEP) + n] for n in range(1 << STEP)]
            known[level, index] = merkle.full(below)
            added.append((level, index))
        level += STEP
    return added


def head_of(service: str, row: asyncpg.Record) -> Head:
    """A stored head as its signature has it."""
    return Head(service, int(row["tree_size"]), bytes(row["root"]), row["signed_at"])
