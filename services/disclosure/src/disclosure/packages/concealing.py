"""What of an item goes and what is concealed, and whether a copy still tells anything that it must not. Pure.

The reviewer says what stands where about whom; the law says what becomes of it: the requester's own stays, a dead person's
stays (the right to privacy ends with their life), everybody else's is concealed unless they consented in writing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from common.pii import detection
from common.pii.particulars import Person
from common.pii.taxonomy import Taxonomy

Fate = Literal["stays", "conceal"]
Because = Literal["requester", "deceased", "consent", "about-somebody-else"]


@dataclass(frozen=True, slots=True)
class Somebody:
    """A person in a package. `known` is how they can be recognised in a text; nothing of it is shown.

    Attributes:
        consent: mark of their written consent; empty: there is none.
    """

    id: UUID
    role: str
    evidence_of_death: str = ""
    consent: str = ""
    known: Person = field(default_factory=lambda: Person(id="nobody"), repr=False)

    @property
    def requester(self) -> bool:
        return self.role == "requester"


@dataclass(frozen=True, slots=True)
class Residue:
    """Something in a copy that is not to be there: where, of which kind, and about whom if that is known."""

    place: str
    kind: str
    person: str


@dataclass(frozen=True, slots=True)
class Searched:
    """What a search of a copy found: what must not be there, and whose data of which kind go with it."""

    residues: tuple[Residue, ...]
    contents: frozenset[tuple[UUID, str]]


def fate(person: Somebody) -> tuple[Fate, Because]:
    """What becomes of this person's data in a package for the requester (S2-014, S2-021, S2-059, S2-060)."""
    if person.requester:
        return "stays", "requester"
    if person.evidence_of_death.strip():
        return "stays", "deceased"
    if person.consent.strip():
        return "stays", "consent"
    return "conceal", "about-somebody-else"


def search(
    texts: Mapping[str, str], persons: Sequence[Somebody], taxonomy: Taxonomy, *, cleared: frozenset[str] = frozenset()
) -> Searched:
    """Look through everything that a copy tells: its text layer and its metadata, place by place.

    What is recognised by its form alone and is nobody's known particular counts as somebody else's, unless it lies within a
    known particular of somebody whose data stay.

    Args:
        cleared: kinds that the reviewer found to be no person's in this item.
    """
    known = [one.known.model_copy(update={"id": str(one.id)}) for one in persons]
    stays = {str(one.id) for one in persons if fate(one)[0] == "stays"}
    residues: list[Residue] = []
    contents: set[tuple[UUID, str]] = set()
    for place, text in texts.items():
        found = detection.find(text, place, known, taxonomy)
        own = [(f.start, f.end) for f in found if f.person in stays]
        contents |= {(UUID(f.person), f.kind) for f in found if f.person in stays}
        residues += [
            Residue(place, f.kind, f.person) for f in found if f.person not in stays and not _let(f, own, cleared)
        ]
    return Searched(tuple(dict.fromkeys(residues)), frozenset(contents))


def _let(found: detection.Finding, own: Sequence[tuple[int, int]], cleared: frozenset[str]) -> bool:
    """A known particular of somebody else is never let through."""
    if found.person:
        return any(s <= found.start and found.end <= e for s, e in own)
    within = any(s < found.end and found.start < e for s, e in own)
    return found.kind in cleared or found.kind == detection.WORK_PHONE or within


def protected_among(kinds: Sequence[str], taxonomy: Taxonomy) -> frozenset[str]:
    """Those of these kinds that ask for protection where all of them stand together. Numbers of an office count as well."""
    return frozenset(_protected(kinds, taxonomy))


def _protected(kinds: Sequence[str], taxonomy: Taxonomy) -> Iterator[str]:
    listed = {kind: taxonomy.kind(kind).group for kind in kinds if kind in taxonomy.types}
    asks = {"protected"} | (taxonomy.linkage.protected_when_linked if "protected" in listed.values() else set())
    yield from (kind for kind in kinds if listed.get(kind, "protected") in asks)
