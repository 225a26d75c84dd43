"""The Merkle tree of RFC 9162, section 2.1, over SHA-256: roots and proofs. Pure; what is stored where is not known here.

A tree of n leaves is made of full subtrees: a node at (level, index) covers the leaves from index * 2**level on, 2**level of
them. Of these every fourth level is stored (level 0 are the leaves), which costs one hash in fifteen leaves and leaves
fifteen to combine at most for a node in between. Functions that need hashes take a look-up, and say beforehand which
(`stored_below`), so that one query fetches all.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256

STEP = 4
"""Every so many levels are stored."""

Place = tuple[int, int]
"""Level and index of a full subtree."""

Range = tuple[int, int]
"""Leaves from the first number up to, not including, the second."""

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right).digest()


def full_subtrees(part: Range) -> list[Place]:
    """The full subtrees that this range falls into, from left to right.

    Raises:
        ValueError: the range is not one that a tree splits into (it must begin at a multiple of its size's power of two).
    """
    start, end = part
    if start < 0 or end <= start or start % _power_at_least(end - start):
        raise ValueError("no tree has a node over this range")
    found = []
    while start < end:
        level = (end - start).bit_length() - 1
        found.append((level, start >> level))
        start += 1 << level
    return found


def stored_below(place: Place) -> list[Place]:
    """The stored nodes that this one is made of: itself, if it is stored."""
    level, index = place
    down = level % STEP
    return [(level - down, (index << down) + n) for n in range(1 << down)]


def needed(parts: Iterable[Range]) -> set[Place]:
    """All stored nodes that the roots of these ranges are made of."""
    return {stored for part in parts for place in full_subtrees(part) for stored in stored_below(place)}


def root_of(part: Range, stored: Callable[[Place], bytes]) -> bytes:
    """The root of the tree over these leaves: MTH(D[start:end])."""
    return _fold([full([stored(one) for one in stored_below(place)]) for place in full_subtrees(part)])


def full(hashes: Sequence[bytes]) -> bytes:
    """The root over a full row of nodes: one, two, four, eight, …"""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def _fold(roots: Sequence[bytes]) -> bytes:
    found = roots[-1]
    for left in reversed(roots[:-1]):
        found = node_hash(left, found)
    return found


def _power_at_least(number: int) -> int:
    return 1 << (number - 1).bit_length()


def _split(size: int) -> int:
    """The largest power of two smaller than this."""
    return 1 << ((size - 1).bit_length() - 1)


def inclusion_path(index: int, size: int) -> list[Range]:
    """The ranges whose roots are the audit path of a leaf, from the leaf up (RFC 9162, 2.1.3.1).

    Raises:
        ValueError: the tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError("the tree of this size has no such leaf")
    path: list[Range] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start = middle
    return path[::-1]


def consistency_path(first: int, second: int) -> list[Range]:
    """The ranges whose roots prove that a tree of the second size begins with one of the first (RFC 9162, 2.1.4.1).

    Raises:
        ValueError: the first tree is empty or larger.
    """
    if not 0 < first <= second:
        raise ValueError("a proof goes from a tree with leaves to one that is no smaller")
    return list(_consistency(first, (0, second), known=True)) if first < second else []


def _consistency(first: int, part: Range, *, known: bool) -> Iterator[Range]:
    start, end = part
    if first == end - start:
        if not known:
            yield part
        return
    middle = start + _split(end - start)
    if first <= middle - start:
        yield from _consistency(first, (start, middle), known=known)
        yield (middle, end)
    else:
        yield from _consistency(first - (middle - start), (middle, end), known=False)
        yield (start, middle)


def includes(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that this leaf stands at this index of the tree with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, found = index, size - 1, leaf
    for one in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            found = node_hash(one, found)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            found = node_hash(found, one)
        at, last = at >> 1, last >> 1
    return last == 0 and found == root


def extends(first: int, first_root: bytes, second: int, second_root: bytes, path: Sequence[bytes]) -> bool:
    """Whether the path proves that the second tree begins with the first (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not path and first_root == second_root
    hashes = [first_root, *path] if first & (first - 1) == 0 else list(path)
    if not hashes:
        return False
    at, last = first - 1, second - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = hashes[0]
    for one in hashes[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(one, old), node_hash(one, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, one)
        at, last = at >> 1, last >> 1
    return last == 0 and (old, new) == (first_root, second_root)


class Growing:
    """A root that grows leaf by leaf in memory that grows with the logarithm of their number."""

    def __init__(self) -> None:
        self.size = 0
        self._edge: list[tuple[int, bytes]] = []

    def add(self, leaf: bytes) -> None:
        level, found = 0, leaf
        while self._edge and self._edge[-1][0] == level:
            found = node_hash(self._edge.pop()[1], found)
            level += 1
        self._edge.append((level, found))
        self.size += 1

    @property
    def root(self) -> bytes:
        return _fold([one for _, one in self._edge]) if self._edge else EMPTY_ROOT
