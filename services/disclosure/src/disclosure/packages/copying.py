"""Conceal what is to be concealed, and make a fresh, flat copy that is searched before it counts (S2-021 to S2-024)."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.pii.taxonomy import Taxonomy
from disclosure import accounting_store
from disclosure.matters import Desk, leads_to
from disclosure.packages import concealing, manifest, store
from disclosure.packages.desk import people
from disclosure.packages.errors import OwnPreparationError, UncleanCopyError
from disclosure.packages.law_files import machines_of_packages, sending
from disclosure.packages.preparing import held_item
from disclosure.packages.tables import ItemFinding, PackageItem, ReleasePackage


@dataclass(frozen=True, slots=True)
class Copy:
    """A second-generation copy as it was made.

    Attributes:
        redacted_sha256, how: the redacted work that it was made from; empty where nothing had to be concealed.
        texts: all that it tells, place by place: its text layer and its metadata. It is searched and not kept.
        earlier_versions: how many earlier states of the content the file still carries.
    """

    sha256: str
    reference: str
    redacted_sha256: str = ""
    how: str = ""
    texts: Mapping[str, str] = field(default_factory=dict, repr=False)
    earlier_versions: int = 0


async def copy_item(desk: Desk, package_id: UUID, item_id: UUID, copy: Copy, taxonomy: Taxonomy) -> ReleasePackage:
    """Enter the redacted work, if there is one, and the fresh, flat copy of it, after the copy was searched (S2-023).

    Raises:
        OwnPreparationError: the actor reviewed the item.
        InvalidError: nothing was concealed where it has to be, or a hash is that of something unredacted.
        UncleanCopyError: the copy tells something of somebody else; kind and place are named.
    """
    package, item = await held_item(desk, package_id, item_id)
    reviews = await store.reviews_of(desk.session, [item.id])
    if desk.actor in {review.reviewed_by for review in reviews}:
        raise OwnPreparationError("you reviewed this item, so somebody else makes the copy")
    machine = machines_of_packages()["item"]
    _refuse_redaction(item, copy)
    if item.state == "redaction-due":
        item.redacted_sha256, item.redacted_how = copy.redacted_sha256, copy.how
        await desk.step(machine, item, "redact", codes={"how": copy.how})
    leads_to(machine, item, "copy")
    await _refuse_hash(desk, item, copy)
    await _refuse_another_copy(desk, package, item, copy)
    searched = await _search(desk, package, copy, taxonomy, cleared=frozenset(reviews[-1].cleared))
    await _keep_contents(desk, package, item, searched.contents, reviews[-1].id)
    item.copy_sha256, item.copy_reference, item.copied_by = copy.sha256, copy.reference, desk.actor
    await desk.step(machine, item, "copy", codes={"places": len(copy.texts)})
    return package


def _refuse_redaction(item: PackageItem, copy: Copy) -> None:
    if item.state == "redaction-due":
        missing = [f"redaction.{n}" for n, v in (("sha256", copy.redacted_sha256), ("how", copy.how)) if not v]
        if missing:
            raise InvalidError("what is about somebody else has to be concealed first", missing=missing)
        if copy.how not in sending().concealing:
            told = f"is none of {', '.join(sending().concealing)}"
            raise InvalidError("that does not conceal", errors=[FieldError("redaction.how", told)])
        if copy.redacted_sha256 == item.original_sha256:
            raise InvalidError(
                "nothing was redacted", errors=[FieldError("redaction.sha256", "is the hash of the original")]
            )
    elif copy.redacted_sha256:
        raise InvalidError(
            "nothing has to be concealed here", errors=[FieldError("redaction", "is for what is redacted")]
        )


async def _refuse_hash(desk: Desk, item: PackageItem, copy: Copy) -> None:
    made_from = [h for h in (item.original_sha256, item.redacted_sha256) if h]
    wrong = manifest.wrong_hashes(copy.sha256, made_from, await store.unredacted_among(desk.session, [copy.sha256]))
    if copy.earlier_versions:
        wrong.append(FieldError("copy.earlier_versions", "a flat copy carries none of its earlier states (S2 item 2)"))
    if item.form == "electronic" and not copy.texts:
        wrong.append(
            FieldError("copy.text", "is needed: an electronic copy is searched before it goes (S2 items 2 and 9)")
        )
    if wrong:
        raise InvalidError("that is no fresh, flat copy", errors=wrong)


async def _refuse_another_copy(desk: Desk, package: ReleasePackage, item: PackageItem, copy: Copy) -> None:
    """Of a record that went on a grant, the copy is the one that the holder of the records made, and no other.

    Raises:
        InvalidError: it is another one, or nothing went.
    """
    settled = None
    if package.accounting_id is not None:
        settled = await accounting_store.outcome_of_accounting(desk.session, package.accounting_id)
    if settled is None:
        return
    if settled.outcome != "released":
        raise InvalidError("nothing went on the grant of this release", errors=[FieldError("copy", settled.outcome)])
    made = {one["copy_hash"] for one in settled.copies if one["transcript_id"] == str(item.record_id)}
    if made and copy.sha256 not in made:
        told = "is not that of the copy that was made for this release"
        raise InvalidError("that is another copy", errors=[FieldError("copy.sha256", told)])


async def _search(
    desk: Desk, package: ReleasePackage, copy: Copy, taxonomy: Taxonomy, *, cleared: frozenset[str]
) -> concealing.Searched:
    persons = await people(desk, package.id)
    # Long texts take a while; the loop serves others meanwhile.
    searched = await asyncio.to_thread(concealing.search, copy.texts, persons, taxonomy, cleared=cleared)
    if searched.residues:
        wrong = [
            FieldError(f"copy.{r.place}", f"still holds {r.kind}{' of ' + r.person if r.person else ''}")
            for r in searched.residues
        ]
        raise UncleanCopyError("something about somebody else was not concealed, and nothing was stored", errors=wrong)
    return searched


async def _keep_contents(
    desk: Desk, package: ReleasePackage, item: PackageItem, contents: frozenset[tuple[UUID, str]], review_id: UUID
) -> None:
    """Whose data of which kind the copy holds: if it ever goes astray, that is what got out."""
    fates = {one.id: concealing.fate(one) for one in await people(desk, package.id)}
    for person_id, kind in sorted(contents):
        becomes, because = fates[person_id]
        desk.session.add(
            ItemFinding(
                id=new_id(), item_id=item.id, person_id=person_id, kind=kind, place="copy", fate=becomes, because=because,
                found_in="copy", review_id=review_id, found_at=desk.now,
            )
        )  # fmt: skip
    await desk.session.flush()
