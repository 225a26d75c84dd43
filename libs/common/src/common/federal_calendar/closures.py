"""Days on which the President closed the agencies: data, since nobody can compute them.

An agency adds its own file (`MUNIMENT_CLOSURES_FILE`) when a new order comes before a new version of this package does.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from importlib.resources import files
from pathlib import Path

import yaml


@dataclass(frozen=True, slots=True)
class Closure:
    """Attributes:
    code: what it is called in proofs.
    authority: the order that says so.
    """

    day: date
    code: str
    authority: str


def load_closures(further: Path | None = None) -> tuple[Closure, ...]:
    """The closures of this package, and those of a file of the same form.

    Raises:
        ValueError: an entry lacks a day, a code or an authority, or a day stands twice; the text says which file.
        OSError: the further file cannot be read.
    """
    own = (files("common.federal_calendar") / "closures.yaml").read_text("utf-8")
    found = _read(own, "closures.yaml")
    if further is not None:
        known = {closure.day for closure in found}
        found += [c for c in _read(further.read_text("utf-8"), further.name) if c.day not in known]
    return tuple(sorted(found, key=lambda closure: closure.day))


def _read(text: str, name: str) -> list[Closure]:
    try:
        rows = list(yaml.safe_load(text)["closures"])
    except (yaml.YAMLError, KeyError, TypeError):
        raise ValueError(f"{name} holds no list `closures`") from None
    found = [_closure(row, f"{name}, entry {number}") for number, row in enumerate(rows, 1)]
    _refuse_repetition(found, name)
    return found


def _closure(row: object, where: str) -> Closure:
    if not isinstance(row, dict) or set(row) != {"day", "code", "authority"}:
        raise ValueError(f"{where}: needs exactly day, code and authority")
    day, code, authority = row["day"], row["code"], row["authority"]
    # A moment is a date for Python, and would never equal one.
    if type(day) is not date or not isinstance(code, str) or not isinstance(authority, str) or not (code and authority):
        raise ValueError(f"{where}: day is a date, code and authority are texts")
    return Closure(day, code, authority)


def _refuse_repetition(found: Iterable[Closure], name: str) -> None:
    seen: set[date] = set()
    for closure in found:
        if closure.day in seen:
            raise ValueError(f"{name}: {closure.day.isoformat()} stands twice")
        seen.add(closure.day)
