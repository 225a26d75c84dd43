"""What there is of a package, for those who work on it and those who watch over it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from disclosure.matters import Desk, MatterStep, steps_of
from disclosure.packages import store
from disclosure.packages.desk import Recipient, recipient_of
from disclosure.packages.errors import UnknownPackageError
from disclosure.packages.tables import (
    ItemFinding,
    ItemReview,
    PackageApproval,
    PackageItem,
    PackageManifest,
    PackagePerson,
    ReleasePackage,
    Shipment,
)


@dataclass(frozen=True, slots=True)
class Dossier:
    """All there is of a package. `findings`: those of the latest review of each item, and of its copy."""

    package: ReleasePackage
    items: Sequence[PackageItem]
    reviews: Mapping[UUID, ItemReview]
    findings: Sequence[ItemFinding]
    people: Sequence[PackagePerson]
    steps: Sequence[MatterStep]
    approval: PackageApproval | None
    manifest: PackageManifest | None
    shipment: Shipment | None
    reported: Sequence[str]
    key_way: str | None
    recipient: Recipient = field(repr=False)


async def dossier(desk: Desk, package_id: UUID) -> Dossier:
    """Raises UnknownPackageError: there is none."""
    package = await store.package_of(desk.session, package_id)
    if package is None:
        raise UnknownPackageError
    items = await store.items_of(desk.session, package.id)
    reviews = {r.item_id: r for r in await store.reviews_of(desk.session, [i.id for i in items])}
    latest = {review.id for review in reviews.values()}
    findings = [f for f in await store.findings_of(desk.session, [i.id for i in items]) if f.review_id in latest]
    shipment = await store.shipment_of(desk.session, package.id)
    key = await store.key_of(desk.session, shipment.id) if shipment else None
    matters = [package.id, *(i.id for i in items), *([shipment.id] if shipment else [])]
    return Dossier(
        package=package,
        items=items,
        reviews=reviews,
        findings=findings,
        people=await store.persons_of(desk.session, package.id),
        steps=await steps_of(desk.session, matters),
        approval=await store.approval_of(desk.session, package.id),
        manifest=await store.manifest_of(desk.session, package.id),
        shipment=shipment,
        reported=await reported_of(desk, shipment.id) if shipment else (),
        key_way=key.way if key else None,
        recipient=recipient_of(desk, package),
    )


async def reported_of(desk: Desk, shipment_id: UUID) -> list[str]:
    """What the carrier reported so far."""
    return [one.event for one in await store.events_of(desk.session, shipment_id)]
