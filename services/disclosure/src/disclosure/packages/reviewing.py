"""Read an item from end to end: what of whom stands where, and what follows from it (S2-019)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.pii.detection import IDENTIFIERS
from common.pii.taxonomy import Taxonomy
from disclosure.matters import Desk, leads_to
from disclosure.packages import concealing
from disclosure.packages.desk import NewPerson, add_persons, people, refuse_preparer
from disclosure.packages.law_files import machines_of_packages, sending
from disclosure.packages.preparing import held_item
from disclosure.packages.tables import ItemFinding, ItemReview, PackageItem, ReleasePackage


@dataclass(frozen=True, slots=True)
class Seen:
    """Something that a reviewer saw: whose (an id, or a label of somebody new), of which kind, and where; never what."""

    person: str
    kind: str
    place: str


@dataclass(frozen=True, slots=True)
class Review:
    """What a reviewer found. `cleared`: kinds that look like a person's and are none's, each with a coded reason."""

    outcome: str
    seen: Sequence[Seen] = ()
    persons: Sequence[NewPerson] = ()
    cleared: Mapping[str, str] = field(default_factory=dict)


async def review_item(
    desk: Desk, package_id: UUID, item_id: UUID, review: Review, taxonomy: Taxonomy
) -> ReleasePackage:
    """Enter that an item was read from end to end, with everything in it that is about somebody (S2-019).

    Raises:
        OwnPreparationError: the actor prepared the package or listed the item.
        InvalidError: the outcome does not follow from what was seen.
    """
    package, item = await held_item(desk, package_id, item_id)
    refuse_preparer(desk, package, [item])
    leads_to(machines_of_packages()["item"], item, "review", {"outcome": review.outcome})
    _refuse_words(review, taxonomy)
    added = await add_persons(desk, package.id, review.persons)
    persons = {str(one.id): one for one in await people(desk, package.id)}
    persons |= {label: persons[str(made)] for label, made in added.items()}
    _refuse_outcome(review, persons)
    made = await _keep_review(desk, package, item, review)
    _keep_findings(desk, item, review.seen, persons, made)
    item.redacted_sha256 = item.redacted_how = item.copy_sha256 = item.copy_reference = item.copied_by = None
    codes = {"outcome": review.outcome, "seen": len(review.seen)}
    await desk.step(machines_of_packages()["item"], item, "review", facts={"outcome": review.outcome}, codes=codes)
    return package


def _refuse_words(review: Review, taxonomy: Taxonomy) -> None:
    known = set(taxonomy.types) | IDENTIFIERS
    told = "is no kind of the taxonomy; GET /v1/registers/pii-kinds lists them"
    wrong = [FieldError(f"findings[{n}].kind", told) for n, one in enumerate(review.seen) if one.kind not in known]
    if not set(review.cleared) <= known:
        wrong.append(FieldError("cleared", told))
    reasons = sending().not_personal
    if not set(review.cleared.values()) <= set(reasons):
        wrong.append(FieldError("cleared", f"each with one of these reasons: {', '.join(reasons)}"))
    if wrong:
        raise InvalidError("the review uses words that are not known", errors=wrong)


def _refuse_outcome(review: Review, persons: Mapping[str, concealing.Somebody]) -> None:
    """The outcome follows from what was seen: whose data stay is for the law and not for the reviewer to say."""
    wrong = [
        FieldError(f"findings[{n}].person", "is nobody of this package")
        for n, one in enumerate(review.seen)
        if one.person not in persons
    ]
    if wrong:
        raise InvalidError("it is not known whom the review speaks of", errors=wrong)
    others = [one for one in review.seen if concealing.fate(persons[one.person])[0] == "conceal"]
    if review.outcome == "clean" and others:
        told = FieldError("outcome", "something in it is about another living person, so it is to be redacted")
        raise InvalidError("the outcome does not follow from what was seen", errors=[told])
    if review.outcome == "redact" and not others:
        told = FieldError("findings", "is needed: what about whom has to be concealed")
        raise InvalidError("the outcome does not follow from what was seen", errors=[told], missing=["findings"])


async def _keep_review(desk: Desk, package: ReleasePackage, item: PackageItem, review: Review) -> UUID:
    made = new_id()
    desk.session.add(
        ItemReview(
            id=made,
            item_id=item.id,
            package_id=package.id,
            added_by=item.added_by,
            opened_by=package.opened_by,
            outcome=review.outcome,
            cleared=dict(review.cleared),
            reviewed_by=desk.actor,
            reviewed_at=desk.now,
        )
    )
    await desk.session.flush()
    return made


def _keep_findings(
    desk: Desk, item: PackageItem, seen: Sequence[Seen], persons: Mapping[str, concealing.Somebody], review_id: UUID
) -> None:
    for one in seen:
        somebody = persons[one.person]
        becomes, because = concealing.fate(somebody)
        desk.session.add(
            ItemFinding(
                id=new_id(), item_id=item.id, person_id=somebody.id, kind=one.kind, place=one.place, fate=becomes,
                because=because, found_in="review", review_id=review_id, found_at=desk.now,
            )
        )  # fmt: skip
