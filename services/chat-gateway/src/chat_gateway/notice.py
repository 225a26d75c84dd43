"""The Privacy Act statement as data: every version in every language, with the digest of what is shown.

5 U.S.C. 552a(e)(3) asks for the authority and whether answering is voluntary, the principal purposes, the routine uses
and the effects of not answering; the internal uses are told besides (S3-073). The files in `statements/` are never
edited once they were in force: the version and the digest that a session keeps must always lead back to a text.
"""

import hashlib
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson

FOLDER = Path(__file__).parent / "statements"
REQUIRED = ("authority", "voluntary", "purposes", "internal_use", "routine_uses", "effects")
DEFAULT_LANGUAGE = "en"


@dataclass(frozen=True, slots=True)
class Section:
    id: str
    heading: str
    text: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Statement:
    """One version of the statement in one language.

    Attributes:
        effective_from: first day (UTC) on which it is the one in force.
        digest: SHA-256 over version, language, title and sections as sorted JSON without white space.
    """

    version: str
    language: str
    effective_from: date
    title: str
    sections: tuple[Section, ...]
    digest: str


class Statements:
    """All versions.

    Raises:
        ValueError: a section that the law asks for is missing, or a version lacks the default language.
    """

    def __init__(self, statements: Iterable[Statement]) -> None:
        self._all = sorted(statements, key=lambda s: (s.effective_from, s.version))
        for statement in self._all:
            missing = set(REQUIRED) - {section.id for section in statement.sections if all(section.text)}
            if missing:
                raise ValueError(f"statement {statement.version} ({statement.language}) lacks {sorted(missing)}")
            if not any(s.version == statement.version and s.language == DEFAULT_LANGUAGE for s in self._all):
                raise ValueError(f"statement {statement.version} is missing in the language {DEFAULT_LANGUAGE}")

    def current(self, now: datetime, language: str) -> Statement:
        """The statement in force, in this language if there is one, else in the default language.

        Raises:
            LookupError: none is in force yet.
        """
        in_force = [s for s in self._all if s.effective_from <= now.date()]
        if not in_force:
            raise LookupError("no statement is in force yet")
        newest = [s for s in in_force if s.version == in_force[-1].version]
        by_language = {s.language: s for s in newest}
        return by_language.get(language) or by_language[DEFAULT_LANGUAGE]

    def shown_as(self, digest: str) -> Statement | None:
        """The statement of this digest, in whichever language: whoever names it has had its text."""
        return next((s for s in self._all if s.digest == digest), None)

    def languages(self, version: str) -> list[str]:
        return sorted(s.language for s in self._all if s.version == version)


def parse(document: dict[str, Any]) -> Statement:
    """Read one file's content."""
    sections = tuple(Section(s["id"], s["heading"], tuple(s["text"])) for s in document["sections"])
    shown = {
        "version": document["version"],
        "language": document["language"],
        "title": document["title"],
        "sections": [{"id": s.id, "heading": s.heading, "text": list(s.text)} for s in sections],
    }
    digest = hashlib.sha256(orjson.dumps(shown, option=orjson.OPT_SORT_KEYS)).hexdigest()
    return Statement(
        document["version"], document["language"], document["effective_from"], document["title"], sections, digest
    )


def load(folder: Path = FOLDER) -> Statements:
    """Every statement of this package."""
    return Statements(parse(tomllib.loads(path.read_text("utf-8"))) for path in sorted(folder.glob("*.toml")))
