"""Policies, trainings and what people sign: which text is in force when, and whose acknowledgement still counts
(S1-099 to S1-102; S2-001, S2-002, S2-016; S3-066, S3-099, S3-108).

A text that was published is never edited: its file carries the digest of what it says, and does not load when the two
disagree. A changed text is a new version.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache, lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import Any, Literal, Self

import orjson
import yaml
from pydantic import BaseModel, ConfigDict, Field, model_validator

Kind = Literal["policy", "training", "sanctions", "rules-of-behaviour"]
Review = Literal["none", "due", "expired"]

GRACE = timedelta(days=30)
"""So long after a new version took effect the acknowledgement of the one before it still counts."""

REVIEW_AHEAD = timedelta(days=60)
"""So long before a policy expires somebody is told that it has to be reviewed."""

ACKNOWLEDGEMENTS: Mapping[str, str] = {
    "training_version": "security-and-privacy-awareness",
    "tool_training_version": "production-tools",
    "sanctions_version": "sanctions",
    "policy_version": "protecting-pii",
    "rules_version": "rules-of-behaviour",
}
"""Claim of an employee's token → the document whose version it names."""

_DIGEST_SHOWN = 12


class Section(BaseModel):
    """`covers`: what somebody who was told this was told about, by code."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9-]+$")
    heading: str
    covers: tuple[str, ...] = ()
    text: tuple[str, ...] = Field(min_length=1)


class Document(BaseModel):
    """One version of one text.

    Attributes:
        effective_on, expires_on: first day on which it is in force, and the first on which it no longer is (None: until it is
            replaced). An expired policy still binds whoever acknowledged it, and asks for a review.
        digest: SHA-256 over id, version, title and sections as sorted JSON, hexadecimal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z-]+$")
    kind: Kind
    version: str
    previous: str | None
    title: str
    source: str
    applies_to: str
    issued_on: date
    effective_on: date
    expires_on: date | None
    sections: tuple[Section, ...] = Field(min_length=1)
    digest: str = Field(pattern=r"^[0-9a-f]{64}$")

    @property
    def content_id(self) -> str:
        """What an acknowledgement names: the version and the beginning of the digest of what was read."""
        return f"{self.id}/{self.version}+{self.digest[:_DIGEST_SHOWN]}"

    @property
    def covers(self) -> frozenset[str]:
        return frozenset(topic for section in self.sections for topic in section.covers)

    @model_validator(mode="after")
    def _is_what_was_published(self) -> Self:
        if self.digest != digest_of(self.model_dump(mode="json")):
            raise ValueError(
                f"{self.id} {self.version}: the text was edited after it was published; make a new version"
            )
        if self.effective_on < self.issued_on or (self.expires_on and self.expires_on <= self.effective_on):
            raise ValueError(f"{self.id} {self.version}: issued, effective and expiring days are not in this order")
        return self


@dataclass(frozen=True, slots=True)
class Documents:
    """All versions of all texts, each text's oldest first.

    Raises:
        ValueError: the versions of a text do not follow one another.
    """

    texts: Mapping[str, tuple[Document, ...]]

    def __post_init__(self) -> None:
        for name, versions in self.texts.items():
            if versions[0].previous is not None:
                raise ValueError(f"{name}: the first version names a previous one")
            for before, after in pairwise(versions):
                if after.previous != before.version or after.effective_on <= before.effective_on:
                    raise ValueError(f"{name}: version {after.version} does not follow version {before.version}")

    @classmethod
    def of(cls, documents: Iterable[Document]) -> Self:
        ordered = sorted(documents, key=lambda d: (d.id, d.effective_on))
        return cls({name: tuple(d for d in ordered if d.id == name) for name in dict.fromkeys(d.id for d in ordered)})

    def current(self, name: str, today: date) -> Document | None:
        """The newest version that has taken effect; also when it has expired, since nothing replaced it."""
        begun = [document for document in self.texts[name] if document.effective_on <= today]
        return begun[-1] if begun else None

    def accepted(self, name: str, today: date) -> frozenset[str]:
        """The content ids whose acknowledgement counts today: of the current version, and for a while of the one before."""
        current = self.current(name, today)
        if current is None:
            return frozenset()
        found = {current.content_id}
        if current.previous is not None and today < current.effective_on + GRACE:
            found |= {d.content_id for d in self.texts[name] if d.version == current.previous}
        return frozenset(found)

    def review(self, name: str, today: date) -> Review:
        """Whether somebody has to review the text: its current version has expired, or is about to (S2-001)."""
        current = self.current(name, today)
        if current is None or current.expires_on is None:
            return "none"
        if current.expires_on <= today:
            return "expired"
        return "due" if current.expires_on - REVIEW_AHEAD <= today else "none"

    def to_review(self, today: date) -> tuple[str, ...]:
        return tuple(name for name in self.texts if self.review(name, today) != "none")


@lru_cache(maxsize=8)
def accepted_versions(today: date) -> Mapping[str, frozenset[str]]:
    """Claim of an employee's token → the content ids whose acknowledgement counts on this day (UTC).

    Cheap enough to be asked with every request: a day's answer is kept.
    """
    return {claim: documents().accepted(name, today) for claim, name in ACKNOWLEDGEMENTS.items()}


def current_versions(today: date) -> Mapping[str, str]:
    """Claim of an employee's token → the content id that somebody who acknowledges it on this day (UTC) is given."""
    found = {claim: documents().current(name, today) for claim, name in ACKNOWLEDGEMENTS.items()}
    return {claim: document.content_id for claim, document in found.items() if document is not None}


def digest_of(document: Mapping[str, Any]) -> str:
    said = {key: document[key] for key in ("id", "version", "title")}
    said["sections"] = [
        {"id": s["id"], "heading": s["heading"], "covers": list(s.get("covers", ())), "text": list(s["text"])}
        for s in document["sections"]
    ]
    return hashlib.sha256(orjson.dumps(said, option=orjson.OPT_SORT_KEYS)).hexdigest()


@cache
def documents() -> Documents:
    """The texts that lie in this package.

    Raises:
        ValueError: a text was edited after it was published, or the versions do not hold together.
    """
    folder = files("common.registers") / "documents"
    read = (yaml.safe_load(file.read_text()) for file in folder.iterdir() if file.name.endswith(".yaml"))
    return Documents.of(Document.model_validate(document) for document in read)
