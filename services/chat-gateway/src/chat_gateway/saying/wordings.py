"""Fixed words for occasions on which nobody may choose their own: the acknowledgement to strangers, the way to telephone and
letter (S2-043, S2-044, S2-055, S2-057, S2-058). They have no places to fill in, so that nothing of anybody can stand in them.
"""

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Any

DEFAULT_LANGUAGE = "en"
PLACEHOLDERS = frozenset("{}[]<>$%")


@dataclass(frozen=True, slots=True)
class Wording:
    """One version in one language."""

    id: str
    version: int
    language: str
    effective_from: date
    for_strangers: bool
    cites: str
    text: str


class Wordings:
    """All of them.

    Raises:
        ValueError: one stands twice, lacks the default language, or has a place to fill in.
    """

    def __init__(self, listed: Iterable[Wording]) -> None:
        every = list(listed)
        self._all = {(w.id, w.version, w.language): w for w in every}
        if len(self._all) != len(every):
            raise ValueError("a wording stands twice")
        for wording in every:
            if (wording.id, wording.version, DEFAULT_LANGUAGE) not in self._all:
                raise ValueError(f"{wording.id} {wording.version} is missing in the language {DEFAULT_LANGUAGE}")
            if PLACEHOLDERS.intersection(wording.text):
                raise ValueError(f"{wording.id} {wording.version} has a place to fill in")

    def ids(self) -> Sequence[str]:
        return sorted({name for name, _, _ in self._all})

    def current(self, name: str, language: str, today: date) -> Wording | None:
        """The version in force, in this language if there is one, else in the default language."""
        versions = [v for (n, v, _), w in self._all.items() if n == name and w.effective_from <= today]
        if not versions:
            return None
        newest = max(versions)
        return self._all.get((name, newest, language)) or self._all[name, newest, DEFAULT_LANGUAGE]


def parse(document: dict[str, Any]) -> Wording:
    """Read one file's content."""
    return Wording(**{**document, "text": " ".join(document["text"].split())})


@cache
def wordings() -> Wordings:
    """Every wording of this package."""
    folder = files("chat_gateway") / "wordings"
    texts = sorted((f.name, f.read_text("utf-8")) for f in folder.iterdir() if f.name.endswith(".toml"))
    return Wordings(parse(tomllib.loads(text)) for _, text in texts)
