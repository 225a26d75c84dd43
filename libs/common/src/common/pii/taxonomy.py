"""Which kinds of information identify a person, and how much they ask for (DEEOIC bulletin, Background; S2-007 to S2-013).

The kinds are data (`taxonomy.yaml`, and an agency's own file of the same form). This module is pure but for reading them.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, field_validator, model_validator

Class = Literal["protected", "non_sensitive", "indirect"]
Standing = Literal["protected", "protected_by_linkage", "non_sensitive", "indirect", "not_pii"]

PROTECTED: frozenset[Standing] = frozenset({"protected", "protected_by_linkage"})

Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,60}$")]


class Kind(BaseModel):
    """One kind of information about a person."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    group: Class = Field(alias="class")
    means: str = Field(min_length=10)
    ends_at_death: bool = False
    patterns: tuple[str, ...] = ()

    @field_validator("patterns")
    @classmethod
    def _can_be_read(cls, patterns: tuple[str, ...]) -> tuple[str, ...]:
        for pattern in patterns:
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"a pattern cannot be read: {error}") from None
        return patterns


class Linkage(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    protected_when_linked: frozenset[Class]


@dataclass(frozen=True, slots=True)
class Found:
    """Something of one kind that stands in an output.

    Attributes:
        kind: its kind, by the code of the taxonomy.
        person: an id of the person it is about, for this output only; empty where that is not known.
    """

    kind: str
    person: str = ""


@dataclass(frozen=True, slots=True)
class Death:
    """That a person is dead, and the mark under which the evidence of it is filed (a certificate, an entry of a register).

    Raises:
        ValueError: no evidence is named; a death that is only asserted changes nothing (S2-013).
    """

    evidence: str

    def __post_init__(self) -> None:
        if not self.evidence.strip():
            raise ValueError("a death counts only with its evidence: name the mark under which it is filed")


@dataclass(frozen=True, slots=True)
class Classified:
    """How one finding stands in this output, and why."""

    found: Found
    standing: Standing
    because: str


class Taxonomy(BaseModel):
    """All kinds, and when one of them asks for more than it would alone."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: str
    source: str
    linkage: Linkage
    types: Mapping[Code, Kind]

    @model_validator(mode="after")
    def _protected_needs_no_link(self) -> Self:
        if "protected" in self.linkage.protected_when_linked:
            raise ValueError("what is protected is so without a link")
        return self

    def kind(self, code: str) -> Kind:
        """Raises ValueError: there is no such kind. What is not known is never taken for harmless."""
        if code not in self.types:
            raise ValueError(f"no kind of the taxonomy: {code}")
        return self.types[code]

    def of_class(self, group: Class) -> frozenset[str]:
        return frozenset(code for code, kind in self.types.items() if kind.group == group)

    def classify(
        self, found: Iterable[Found], *, deceased: Mapping[str, Death] | None = None
    ) -> tuple[Classified, ...]:
        """How each finding of one output stands.

        What is in one output can be read together, so linkage does not ask whether two findings are about the same
        person: a name beside somebody else's birth date narrows down whose it is.

        Args:
            deceased: persons shown to be dead, by the id that `Found.person` carries. Their name, address and social
                security number are no PII any more and link to nothing; all else about them, and everything about anybody
                else in the same output, stays what it is (5 U.S.C. 552a speaks of living persons; S2-013, S2-014).

        Raises:
            ValueError: a finding is of a kind that the taxonomy does not know.
        """
        findings = tuple(found)
        kinds = {each.kind: self.kind(each.kind) for each in findings}
        dead = deceased or {}

        def is_over(each: Found) -> bool:
            return bool(each.person) and each.person in dead and kinds[each.kind].ends_at_death

        linked = any(kinds[f.kind].group == "protected" and not is_over(f) for f in findings)
        return tuple(self._standing(f, kinds[f.kind], over=is_over(f), linked=linked, dead=dead) for f in findings)

    def _standing(self, found: Found, kind: Kind, *, over: bool, linked: bool, dead: Mapping[str, Death]) -> Classified:
        if over:
            return Classified(found, "not_pii", f"the person is dead: {dead[found.person].evidence}")
        if linked and kind.group in self.linkage.protected_when_linked:
            return Classified(found, "protected_by_linkage", "something protected stands in the same output")
        return Classified(found, kind.group, f"{self.source}: {kind.group}")

    def extended(self, more: Mapping[str, Any]) -> "Taxonomy":
        """This taxonomy with the kinds of another document of the same form.

        Raises:
            ValueError: it holds something else than `types`, or lowers what a kind asks for.
        """
        if set(more) - {"types", "source"}:
            raise ValueError("an extension of the taxonomy holds `types`, and `source` if it likes, and nothing else")
        added = {code: Kind.model_validate(kind) for code, kind in (more.get("types") or {}).items()}
        for code, kind in added.items():
            known = self.types.get(code)
            if (
                known
                and known.group == "protected"
                and (kind.group != "protected" or kind.ends_at_death > known.ends_at_death)
            ):
                raise ValueError(f"{code} is protected, and an extension cannot ask for less")
        return Taxonomy(
            version=self.version,
            source=self.source,
            linkage=self.linkage,
            types={**self.types, **{code: self._merged(code, kind) for code, kind in added.items()}},
        )

    def _merged(self, code: str, kind: Kind) -> Kind:
        """A kind that is there already keeps the patterns it has."""
        known = self.types.get(code)
        return kind.model_copy(update={"patterns": (*known.patterns, *kind.patterns)}) if known else kind


def is_pii(classified: Iterable[Classified]) -> bool:
    """Whether anything of it identifies a person, alone or together (S2-007)."""
    return any(each.standing != "not_pii" for each in classified)


@cache
def load(extension: str = "") -> Taxonomy:
    """The platform's taxonomy, with the kinds of an agency's own file.

    Args:
        extension: path of that file; empty: none.

    Raises:
        ValueError: a file does not hold together; the text says where.
        OSError: the agency's file cannot be read.
    """
    own = Taxonomy.model_validate(yaml.safe_load((files("common.pii") / "taxonomy.yaml").read_text()))
    if not extension:
        return own
    try:
        more = yaml.safe_load(Path(extension).read_text(encoding="utf-8")) or {}
    except yaml.YAMLError:
        raise ValueError(f"{extension} is no YAML") from None
    if not isinstance(more, dict):
        raise ValueError(f"{extension} holds no `types`")  # noqa: TRY004 - the file is wrong, not the program
    return own.extended(more)
