"""Entries of packages, shipments and media in the service's store. Every function runs in the caller's unit of work."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import col, or_, select

from common.database import ReadSession, WriteSession
from disclosure.packages.tables import (
    ItemFinding,
    ItemReview,
    MediaNecessity,
    Medium,
    PackageApproval,
    PackageItem,
    PackageManifest,
    PackagePerson,
    ReleasePackage,
    Shipment,
    ShipmentEvent,
    ShipmentKey,
)


async def package_of(session: ReadSession, package_id: UUID) -> ReleasePackage | None:
    return await session.get(ReleasePackage, package_id)


async def package_for_update(session: WriteSession, package_id: UUID) -> ReleasePackage | None:
    """The package, held until the unit of work ends: its acts come one after the other."""
    query = select(ReleasePackage).where(col(ReleasePackage.id) == package_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def packages_in(session: ReadSession, *, state: str, after: UUID | None, limit: int) -> Sequence[ReleasePackage]:
    """Packages, oldest first. `state`: only those in it; empty: in any."""
    query = select(ReleasePackage)
    if state:
        query = query.where(col(ReleasePackage.state) == state)
    if after is not None:
        query = query.where(col(ReleasePackage.id) > after)
    return (await session.execute(query.order_by(col(ReleasePackage.id)).limit(limit))).scalars().all()


async def persons_of(session: ReadSession, package_id: UUID) -> Sequence[PackagePerson]:
    query = select(PackagePerson).where(col(PackagePerson.package_id) == package_id)
    return (await session.execute(query.order_by(col(PackagePerson.id)))).scalars().all()


async def items_of(session: ReadSession, package_id: UUID) -> Sequence[PackageItem]:
    query = select(PackageItem).where(col(PackageItem.package_id) == package_id)
    return (await session.execute(query.order_by(col(PackageItem.position)))).scalars().all()


async def reviews_of(session: ReadSession, item_ids: Sequence[UUID]) -> Sequence[ItemReview]:
    """Reviews of these items, first to last."""
    query = select(ItemReview).where(col(ItemReview.item_id).in_(item_ids)).order_by(col(ItemReview.id))
    return (await session.execute(query)).scalars().all()


async def findings_of(session: ReadSession, item_ids: Sequence[UUID]) -> Sequence[ItemFinding]:
    query = select(ItemFinding).where(col(ItemFinding.item_id).in_(item_ids)).order_by(col(ItemFinding.id))
    return (await session.execute(query)).scalars().all()


async def unredacted_among(session: ReadSession, hashes: Sequence[str]) -> frozenset[str]:
    """Those of these hashes that are known, in any package, as an original or a redacted working copy."""
    query = select(PackageItem).where(
        or_(col(PackageItem.original_sha256).in_(hashes), col(PackageItem.redacted_sha256).in_(hashes))
    )
    rows = (await session.execute(query)).scalars().all()
    known = {row.original_sha256 for row in rows} | {row.redacted_sha256 for row in rows if row.redacted_sha256}
    return frozenset(known.intersection(hashes))


async def approval_of(session: ReadSession, package_id: UUID) -> PackageApproval | None:
    return await session.get(PackageApproval, package_id)


async def manifest_of(session: ReadSession, package_id: UUID) -> PackageManifest | None:
    return await session.get(PackageManifest, package_id)


async def necessity_of(session: ReadSession, necessity_id: UUID) -> MediaNecessity | None:
    return await session.get(MediaNecessity, necessity_id)


async def is_used(session: ReadSession, necessity_id: UUID) -> bool:
    """Whether a medium was made on this approval."""
    query = select(Medium.id).where(col(Medium.necessity_id) == necessity_id)
    return (await session.execute(query)).first() is not None


async def medium_for_update(session: WriteSession, medium_id: UUID) -> Medium | None:
    query = select(Medium).where(col(Medium.id) == medium_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def media_in(session: ReadSession, *, state: str, after: UUID | None, limit: int) -> Sequence[Medium]:
    """Media, oldest first. `state`: only those in it; empty: in any."""
    query = select(Medium)
    if state:
        query = query.where(col(Medium.state) == state)
    if after is not None:
        query = query.where(col(Medium.id) > after)
    return (await session.execute(query.order_by(col(Medium.id)).limit(limit))).scalars().all()


async def shipment_of(session: ReadSession, package_id: UUID) -> Shipment | None:
    query = select(Shipment).where(col(Shipment.package_id) == package_id)
    return (await session.execute(query)).scalar_one_or_none()


async def shipment_with(session: ReadSession, medium_id: UUID) -> Shipment | None:
    """The latest shipment that this medium went with."""
    query = select(Shipment).where(col(Shipment.medium_id) == medium_id).order_by(col(Shipment.id).desc())
    return (await session.execute(query.limit(1))).scalar_one_or_none()


async def shipment_for_update(session: WriteSession, shipment_id: UUID) -> Shipment | None:
    query = select(Shipment).where(col(Shipment.id) == shipment_id).with_for_update()
    return (await session.execute(query)).scalar_one_or_none()


async def events_of(session: ReadSession, shipment_id: UUID) -> Sequence[ShipmentEvent]:
    query = select(ShipmentEvent).where(col(ShipmentEvent.shipment_id) == shipment_id)
    return (await session.execute(query.order_by(col(ShipmentEvent.reported_at)))).scalars().all()


async def key_of(session: ReadSession, shipment_id: UUID) -> ShipmentKey | None:
    return await session.get(ShipmentKey, shipment_id)
