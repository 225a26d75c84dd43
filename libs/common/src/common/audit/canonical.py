"""The canonical form of an audit entry: the bytes that its leaf in the tree is the hash of.

A JSON object with every column of `audit_entry` under its name, keys in the order of their code points, no spaces, UTF-8, nothing
but what JSON demands escaped. `id` as text with hyphens, `at` in UTC with six decimals and a Z, lists in their order,
`position` as a number. A column that a later version adds appears only where it is not empty, so that what was written
before keeps its form. With Python's own library: `json.dumps(entry, sort_keys=True, ensure_ascii=False,
separators=(",", ":")).encode()`. The leaf is SHA-256(0x00 || these bytes).
"""

from collections.abc import Mapping
from typing import Any

import orjson

from common.audit.merkle import leaf_hash
from common.clock import rfc3339

COLUMNS = (
    "action", "at", "fields", "id", "outcome", "position", "purpose", "record_ids", "roles", "terminal", "terms",
    "trace_id", "user_id",
)  # fmt: skip
"""Every column, in the order of the canonical form."""

SELECTED = ", ".join(f"e.{column}" for column in COLUMNS)


def canonical(entry: Mapping[str, Any]) -> bytes:
    """The bytes that stand for this row of `audit_entry` for ever."""
    form = {column: entry[column] for column in COLUMNS}
    form["at"], form["id"] = rfc3339(entry["at"]), str(entry["id"])
    return orjson.dumps(form)


def entry_leaf(entry: Mapping[str, Any]) -> bytes:
    return leaf_hash(canonical(entry))
