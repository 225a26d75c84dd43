"""Whose protected data of which kind got out: exactly what the bytes that left held, by the package's reviews and copies. Pure."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from common.pii.taxonomy import Found, Taxonomy
from disclosure.incidents.law_files import Holds


@dataclass(frozen=True, slots=True)
class Held:
    """Something that an item held of somebody. `stayed`: it was in the copy; else it was seen and was to be concealed."""

    item: UUID
    person: UUID
    kind: str
    stayed: bool


@dataclass(frozen=True, slots=True)
class Affected:
    """Somebody, and the kinds of their data that got out. `protected`: those that ask for protection in this output."""

    person: UUID
    kinds: tuple[str, ...]
    protected: tuple[str, ...]


def got_out(
    holds: Holds, contents: Sequence[Held], *, failed: Collection[UUID] = (), missed: Iterable[Held] = ()
) -> list[Held]:
    """What of the contents got where it must not be.

    Args:
        failed: items that were misfiled or not redacted: all that was ever seen in them counts.
        missed: what was overlooked, as it is reported now.
    """
    overlooked = list(missed)
    if holds == "everything":
        return [one for one in contents if one.stayed] + overlooked
    if holds == "failed-items":
        return [one for one in contents if one.item in failed] + overlooked
    return overlooked


def affected(
    found: Sequence[Held],
    taxonomy: Taxonomy,
    *,
    entitled: Collection[UUID] = (),
    dead: Collection[UUID] = (),
) -> list[Affected]:
    """Who is affected, and by what.

    Linkage is looked at for each item: what is in one document can be read together. What no taxonomy lists (a number that an
    office gave) counts as protected.

    Args:
        entitled: people whose own data went to themselves. dead: people whose death is evidenced.
    """
    kinds: dict[UUID, set[str]] = {}
    protected: dict[UUID, set[str]] = {}
    for item in dict.fromkeys(one.item for one in found):
        here = [one for one in found if one.item == item]
        standing = _standing(here, taxonomy, dead)
        for one in here:
            if one.person in entitled or one.person in dead:
                continue
            kinds.setdefault(one.person, set()).add(one.kind)
            if standing[one.person, one.kind]:
                protected.setdefault(one.person, set()).add(one.kind)
    return [Affected(p, tuple(sorted(k)), tuple(sorted(protected.get(p, ())))) for p, k in sorted(kinds.items())]


def _standing(here: Sequence[Held], taxonomy: Taxonomy, dead: Collection[UUID]) -> Mapping[tuple[UUID, str], bool]:
    listed = [Found(one.kind, str(one.person)) for one in here if one.kind in taxonomy.types and one.person not in dead]
    asks = {
        (UUID(each.found.person), each.found.kind): each.standing in {"protected", "protected_by_linkage"}
        for each in taxonomy.classify(listed)
    }
    return {(one.person, one.kind): asks.get((one.person, one.kind), True) for one in here}
