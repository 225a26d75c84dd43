"""The tree is RFC 9162's: against its recursive definition, against published values, and proofs that hold and do not."""

import json
from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.audit import merkle
from common.audit.canonical import COLUMNS, canonical
from common.audit.merkle import Place, Range

LEAVES = [sha256(bytes([n])).digest() for n in range(130)]
KNOWN = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
"""Leaves and roots that implementations of Certificate Transparency are commonly tested with."""
KNOWN_ROOTS = {
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}

sizes = st.integers(1, len(LEAVES))


def definition(leaves: list[bytes]) -> bytes:
    """MTH as section 2.1.1 defines it."""
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\1" + definition(leaves[:split]) + definition(leaves[split:])).digest()


def stored(size: int) -> dict[Place, bytes]:
    """What a database would hold of a tree of this size."""
    found = {(0, n): leaf for n, leaf in enumerate(LEAVES[:size])}
    for level in (4, 8):
        for index in range(size >> level):
            found[level, index] = definition(LEAVES[index << level : (index + 1) << level])
    return found


def roots(parts: list[Range], size: int) -> list[bytes]:
    held = stored(size)
    assert merkle.needed(parts) <= set(held)
    return [merkle.root_of(part, held.__getitem__) for part in parts]


@pytest.mark.parametrize("size", KNOWN_ROOTS)
def test_roots_are_those_that_others_compute(size: int) -> None:
    growing = merkle.Growing()
    for text in KNOWN[:size]:
        growing.add(merkle.leaf_hash(bytes.fromhex(text)))
    assert growing.root.hex() == KNOWN_ROOTS[size]


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert merkle.Growing().root == merkle.EMPTY_ROOT == sha256(b"").digest()


@given(sizes)
def test_root_from_stored_nodes_and_growing_root_are_the_definition(size: int) -> None:
    growing = merkle.Growing()
    for leaf in LEAVES[:size]:
        growing.add(leaf)
    assert growing.root == roots([(0, size)], size)[0] == definition(LEAVES[:size])


@given(st.data())
def test_an_inclusion_proof_holds_for_its_leaf_at_its_place_alone(data: st.DataObject) -> None:
    size = data.draw(sizes)
    index = data.draw(st.integers(0, size - 1))
    path = roots(merkle.inclusion_path(index, size), size)
    root = definition(LEAVES[:size])
    assert merkle.includes(LEAVES[index], index, size, path, root)
    other = data.draw(st.integers(0, size))
    assert not merkle.includes(sha256(b"of no leaf").digest(), index, size, path, root)
    assert other == index or not merkle.includes(LEAVES[index], other, size, path, root)
    assert not merkle.includes(LEAVES[index], index, size, [*path, root], root)
    assert not path or not merkle.includes(LEAVES[index], index, size, path[:-1], root)


@given(st.data())
def test_a_consistency_proof_holds_between_its_two_trees_alone(data: st.DataObject) -> None:
    second = data.draw(sizes)
    first = data.draw(st.integers(1, second))
    path = roots(merkle.consistency_path(first, second), second)
    old, new = definition(LEAVES[:first]), definition(LEAVES[:second])
    assert merkle.extends(first, old, second, new, path)
    wrong = sha256(b"of no leaf").digest()
    assert not merkle.extends(first, wrong, second, new, path)
    assert not merkle.extends(first, old, second, wrong, path)
    assert not merkle.extends(second + 1, old, second, new, path)
    assert not merkle.extends(first, old, second, new, [*path, wrong])
    if path:
        at = data.draw(st.integers(0, len(path) - 1))
        assert not merkle.extends(first, old, second, new, [*path[:at], wrong, *path[at + 1 :]])
        assert not merkle.extends(first, old, second, new, path[:-1])


def test_what_no_tree_has_is_refused() -> None:
    for wrong in ((3, 5), (0, 0), (-1, 1), (4, 12)):
        with pytest.raises(ValueError, match="no tree has"):
            merkle.full_subtrees(wrong)
    with pytest.raises(ValueError, match="no such leaf"):
        merkle.inclusion_path(5, 5)
    for first, second in ((0, 5), (6, 5)):
        with pytest.raises(ValueError, match="with leaves"):
            merkle.consistency_path(first, second)
    assert not merkle.includes(LEAVES[0], 0, 0, [], LEAVES[0])


ENTRY: dict[str, Any] = {
    "id": UUID("0199c1d2-0000-7000-8000-000000000001"),
    "position": 7,
    "at": datetime(2026, 3, 2, 7, 0, 0, 5, tzinfo=timezone(timedelta(hours=-5))),
    "user_id": "ann",
    "roles": ["auditor"],
    "terminal": "10.0.0.7",
    "action": "thing.read",
    "record_ids": ["r-1"],
    "fields": ["a", "b"],
    "purpose": "audit",
    "outcome": "done",
    "trace_id": "",
    "terms": [],
}


def test_the_canonical_form_is_what_the_standard_library_writes() -> None:
    plain = ENTRY | {"id": str(ENTRY["id"]), "at": "2026-03-02T12:00:00.000005Z"}
    text = json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert canonical(ENTRY) == text.encode()
    assert tuple(sorted(COLUMNS)) == COLUMNS == tuple(sorted(ENTRY))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_every_text_has_one_form(text: str) -> None:
    entry = ENTRY | {"user_id": text, "fields": [text]}
    plain = entry | {"id": str(ENTRY["id"]), "at": "2026-03-02T12:00:00.000005Z"}
    assert canonical(entry) == json.dumps(plain, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_is_covered(column: str) -> None:
    other = {"id": UUID(int=1), "at": datetime(2027, 1, 1, tzinfo=UTC), "position": 8}.get(column, "other")
    assert canonical(ENTRY | {column: other}) != canonical(ENTRY)
