"""The manifest of a package: what leaves, by reference and hash, and who reviewed and approved it. Pure.

It refers to second-generation copies and to nothing else (S2-023, S2-024): whatever is known to be unredacted, here or in any
other package, keeps it from being made.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from common.errors import FieldError


@dataclass(frozen=True, slots=True)
class Line:
    """One item as the manifest lists it.

    Attributes:
        copy_reference: where the copy is kept. copy_sha256: hash of the copy, in hexadecimal.
        unredacted: hashes of what it was made from: the original and, if there is one, the redacted working copy.
        review: id of the review that stands.
    """

    position: int
    form: str
    copy_reference: str
    copy_sha256: str
    unredacted: tuple[str, ...]
    review: str


def wrong_hashes(copy: str, made_from: Sequence[str], unredacted: Collection[str]) -> list[FieldError]:
    """What keeps this hash from being that of a second-generation copy."""
    if copy in made_from:
        return [
            FieldError("copy.sha256", "is the hash of what the copy was made from: make a fresh, flat copy (S2 item 2)")
        ]
    if copy in unredacted:
        return [
            FieldError(
                "copy.sha256", "is the hash of something unredacted, which is on no copy that is sent (S2 item 2)"
            )
        ]
    return []


def written(
    package: str, nature: str, lines: Sequence[Line], *, approved_by: str, unredacted: Collection[str]
) -> bytes:
    """The manifest as canonical JSON.

    Raises:
        ValueError: a line refers to unredacted content, or there is none.
    """
    wrong = [line.position for line in lines if wrong_hashes(line.copy_sha256, line.unredacted, unredacted)]
    if wrong or not lines:
        raise ValueError(f"lines that refer to unredacted content: {wrong}" if lines else "a manifest of nothing")
    document: dict[str, Any] = {
        "package": package,
        "nature": nature,
        "approved_by": approved_by,
        "items": [
            {"position": line.position, "form": line.form, "copy": line.copy_reference, "sha256": line.copy_sha256,
             "review": line.review}
            for line in sorted(lines, key=lambda line: line.position)
        ],
    }  # fmt: skip
    return orjson.dumps(document, option=orjson.OPT_SORT_KEYS)


def digest(manifest: bytes) -> str:
    return hashlib.sha256(manifest).hexdigest()
