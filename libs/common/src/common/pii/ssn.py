"""Finds social security numbers (S3 2.5: the reporting tools neither use nor store them; invariant 10). Pure.

A number counts when the Social Security Administration could have issued it: area 001 to 899 without 666, group 01 to 99,
serial 0001 to 9999; written in three groups with separators, or as nine digits that stand alone. What also has digits and
is none: receipt numbers (three letters, ten digits), A-Numbers (an A before the digits), parts of longer numbers, decimal
fractions, UUIDs, times. Where it is doubtful it counts: a refused number can be sent again in its proper form.

`PATTERN` is written so that Python and PostgreSQL understand it alike: the database's constraints carry the same rule.
"""

import base64
import binascii
import re
from collections.abc import Collection, Iterator
from typing import Any

import orjson

from common.pii.folding import fold

_AREA = "(?!000|666|9[0-9][0-9])[0-9][0-9][0-9]"
_GROUP = "(?!00)[0-9][0-9]"
_SERIAL = "(?!0000)[0-9][0-9][0-9][0-9]"
_BETWEEN = r"[-._/\s][-._/\s]?[-._/\s]?"
_GROUPED = f"(?<![0-9]){_AREA}{_BETWEEN}{_GROUP}{_BETWEEN}{_SERIAL}(?![0-9])"
_ALONE = (
    r"(?:(?<![0-9A-Za-z])|(?<=[Ss][Ss][Nn]))"  # "SSN" may touch its digits; other letters make another number of them
    r"(?<![^0-9A-Za-z]A[-#])(?<!^A[-#])"  # an A-Number
    r"(?<![0-9]\.)"  # the fraction of a number
    f"{_AREA}{_GROUP}{_SERIAL}"
    r"(?![0-9A-Za-z])"
)
PATTERN = f"{_GROUPED}|{_ALONE}"

_SSN = re.compile(PATTERN, re.ASCII)
# What every number must look like at the least: first with every digit as 0 and every separator as -, then by a pattern.
_OUTLINE = bytes(ord("0") if chr(c).isdigit() else ord("-") if chr(c) in "-._/ \t\n\r\f\v" else c for c in range(128))
_OUTLINE += bytes(range(128, 256))
_PERHAPS = re.compile(rb"(?<![0-9])[0-9]{3}[-._/\s]{0,3}[0-9]{2}[-._/\s]{0,3}[0-9]{4}(?![0-9])")
_NAMES = frozenset({"ssn", "socialsecuritynumber", "socialsecurityno", "socialsecuritynum"})

WHOLE = "(content)"
UNKNOWN = "(unknown field)"


def holds_ssn(text: str) -> bool:
    """Whether a social security number stands anywhere in the text, also when it is written in another script's digits,
    with other dashes or spaces, or with invisible characters between.
    """
    plain = fold(text).text
    return _may_hold(plain.encode("utf-8", "replace")) and _SSN.search(plain) is not None


def find_ssn(text: str) -> list[tuple[int, int]]:
    """Where in the text (start, end) each social security number stands that `holds_ssn` would find."""
    folded = fold(text)
    if not _may_hold(folded.text.encode("utf-8", "replace")):
        return []
    return [folded.origin(*match.span()) for match in _SSN.finditer(folded.text)]


def fields_with_ssn(content: bytes, known: Collection[str]) -> tuple[str, ...]:
    """The fields of a JSON text in which a social security number stands; empty when there is none.

    A field that is named after the number and holds any digit counts too. Content that is no JSON is searched as text.

    Args:
        known: names of fields that may be repeated in the answer; a name that a stranger gave may itself be personal.
    """
    if content.isascii() and not _hides(content) and not _may_hold(content):
        return ()
    try:
        document = orjson.loads(content)
    except orjson.JSONDecodeError:
        return (WHOLE,) if holds_ssn(content.decode("utf-8", "replace")) else ()
    found = tuple(dict.fromkeys(_written(path, known) for path, value in _leaves(document) if _is_one(path, value)))
    if not found and holds_ssn(content.decode()):
        return (WHOLE,)  # a name that stands twice: only its last value was read
    return found


def _may_hold(content: bytes) -> bool:
    """Cheap and too wide; every event passes here."""
    outline = content.translate(_OUTLINE).replace(b"--", b"-").replace(b"--", b"-")
    if b"000000000" not in outline and b"000-00-0000" not in outline:
        return False
    return _PERHAPS.search(content) is not None


def _hides(content: bytes) -> bool:
    """Whether a search of the bytes could miss a number: escapes, a name that says it, content encoded once more."""
    lowered = content.lower()
    return b"\\" in content or b"ssn" in lowered or b"social" in lowered or b"data_base64" in lowered


def _leaves(document: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every name and every single value with the path to it. No recursion: a stranger decides how deep it goes."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            for name, inner in value.items():
                yield (*path, name), name
                waiting.append(((*path, name), inner))
        elif isinstance(value, list):
            waiting.extend(((*path, f"[{n}]"), inner) for n, inner in enumerate(value))
        else:
            yield path, value


def _is_one(path: tuple[str, ...], value: Any) -> bool:
    if isinstance(value, bool) or value is None:
        return False
    text = str(value)
    if path and re.sub(r"[^a-z]", "", path[-1].lower()) in _NAMES and re.search(r"\d", text):
        return True
    if path and path[-1] == "data_base64":
        try:
            return bool(fields_with_ssn(base64.b64decode(text), ()))
        except (ValueError, binascii.Error):
            return False
    return holds_ssn(text)


def _written(path: tuple[str, ...], known: Collection[str]) -> str:
    return ".".join(p if p in known or p.startswith("[") else UNKNOWN for p in path) or WHOLE
