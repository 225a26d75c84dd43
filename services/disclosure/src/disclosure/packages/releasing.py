"""Let a package go: approve it, send it by a way that is open to it, send the key apart, and follow it until it arrived."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from common.errors import FieldError, InvalidError
from common.ids import new_id
from common.pii.taxonomy import Taxonomy
from disclosure.matters import Desk, leads_to
from disclosure.packages import manifest, sending, store
from disclosure.packages.concealing import protected_among
from disclosure.packages.desk import Recipient, held, recipient_of, refuse_preparer
from disclosure.packages.errors import (
    AlreadyReportedError,
    NotApprovedError,
    NotReadyError,
    OwnPreparationError,
    UnknownMediumError,
    UnknownShipmentError,
)
from disclosure.packages.grounds import wrong_label
from disclosure.packages.law_files import machines_of_packages
from disclosure.packages.law_files import sending as sending_law
from disclosure.packages.tables import (
    ItemFinding,
    ItemReview,
    Medium,
    PackageApproval,
    PackageItem,
    PackageManifest,
    ReleasePackage,
    Shipment,
    ShipmentEvent,
    ShipmentKey,
)


@dataclass(frozen=True, slots=True)
class Sending:
    """How it is to be sent. `addressed_to`: what stands on the label, or whom it is handed or read to."""

    way: str
    addressed_to: Recipient = field(repr=False)
    carrier: str = ""
    tracking_number: str = ""
    wrapping: Mapping[str, bool] = field(default_factory=dict)
    medium_id: UUID | None = None
    warning: str = ""


async def approve(desk: Desk, package_id: UUID) -> ReleasePackage:
    """Approve a package; its manifest is made, and nothing of it changes any more (S2-017).

    Raises:
        OwnPreparationError: the actor prepared or reviewed something of it.
        NotReadyError: an item is not reviewed or not copied; each is named (S2-005, S2-019).
        InvalidError: the manifest would refer to unredacted content (S2-024).
    """
    package = await held(desk, package_id)
    leads_to(machines_of_packages()["package"], package, "approve")
    items = await store.items_of(desk.session, package.id)
    reviews = await _latest_reviews(desk, items)
    refuse_preparer(desk, package, items)
    if desk.actor in {r.reviewed_by for r in await store.reviews_of(desk.session, [i.id for i in items])}:
        raise OwnPreparationError("you reviewed something of it, so somebody else approves it")
    _refuse_unready(items, reviews)
    document = await _manifest(desk, package, items, reviews)
    desk.session.add(
        PackageApproval(
            package_id=package.id, opened_by=package.opened_by, approved_by=desk.actor, approved_at=desk.now
        )
    )
    await desk.session.flush()
    sha256 = manifest.digest(document)
    desk.session.add(
        PackageManifest(package_id=package.id, document=orjson.loads(document), sha256=sha256, made_at=desk.now)
    )
    await desk.step(machines_of_packages()["package"], package, "approve", codes={"manifest": sha256})
    return package


async def send_back(desk: Desk, package_id: UUID, reason: str) -> ReleasePackage:
    """Send it back to be worked on further. `reason`: a code.

    Raises:
        OwnPreparationError: the actor prepared it.
    """
    package = await held(desk, package_id)
    refuse_preparer(desk, package, await store.items_of(desk.session, package.id))
    await desk.step(machines_of_packages()["package"], package, "send-back", codes={"reason": reason})
    return package


async def withdraw(desk: Desk, package_id: UUID) -> ReleasePackage:
    """Give it up before it goes."""
    package = await held(desk, package_id)
    await desk.step(machines_of_packages()["package"], package, "withdraw")
    return package


async def send(desk: Desk, package_id: UUID, how: Sending, taxonomy: Taxonomy) -> Shipment:
    """Send an approved package.

    Raises:
        NotApprovedError: nobody approved it (S2-017).
        InvalidError: not by this way, carrier or medium, or not to them; everything that is wrong is named.
    """
    package = await held(desk, package_id)
    if package.state == "open":
        raise NotApprovedError
    leads_to(machines_of_packages()["package"], package, "send")
    medium = await _medium(desk, how.medium_id)
    contents = await contents_of(desk, package.id)
    extracts = _extracts(contents, taxonomy)
    wrong = sending.wrong_with(
        sending.Consignment(
            nature=package.nature,
            way=how.way,
            carrier=how.carrier,
            tracking_number=how.tracking_number,
            extracts=extracts,
            wrapping=how.wrapping,
            medium=_as_sent(medium),
            holds_others=any(one.because == "consent" for one in contents),
            warned=how.warning,
        )
    )
    physical = how.way in sending_law().ways and sending_law().ways[how.way].physical
    wrong += wrong_label(recipient_of(desk, package), how.addressed_to, with_address=physical)
    wrong += _wrong_medium(medium, {i.record_id for i in await store.items_of(desk.session, package.id)})
    if wrong:
        raise InvalidError("it cannot be sent so", errors=wrong, missing=sending.missing_in(wrong))
    return await _sent(desk, package, how, extracts, medium)


async def send_key(desk: Desk, shipment_id: UUID, *, way: str, in_shipment: UUID | None) -> Shipment:
    """Send the key to an encrypted medium, apart from it (S2-072).

    Raises:
        UnknownShipmentError: there is none.
        InvalidError: nothing in it is encrypted, or the key would go with it or by the same way.
        AlreadyReportedError: the key went before.
    """
    shipment = await _shipment(desk, shipment_id)
    if shipment.medium_id is None:
        raise InvalidError(
            "nothing in it is encrypted", errors=[FieldError("way", "there is no medium in this shipment")]
        )
    wrong = sending.wrong_key(shipment.way, way, same_shipment=in_shipment == shipment.id)
    if wrong:
        raise InvalidError("the key cannot go so", errors=wrong)
    if await store.key_of(desk.session, shipment.id) is not None:
        raise AlreadyReportedError
    desk.session.add(
        ShipmentKey(
            shipment_id=shipment.id, package_way=shipment.way, way=way, in_shipment=in_shipment, sent_by=desk.actor,
            sent_at=desk.now,
        )
    )  # fmt: skip
    await desk.session.flush()
    return shipment


async def track(desk: Desk, shipment_id: UUID, event: str, at: datetime) -> Shipment:
    """Enter what the carrier reports. The shipment is finished when all four events are here, and not before (S2-073).

    Raises:
        UnknownShipmentError, AlreadyReportedError: there is none; this was reported.
        NotNowError: it is finished.
        InvalidError: that has not happened yet, or happened before it was sent.
    """
    shipment = await _shipment(desk, shipment_id)
    known = {one.event for one in await store.events_of(desk.session, shipment.id)}
    finished = set(shipment.events_due) <= known | {event}
    machine = machines_of_packages()
    leads_to(machine["shipment"], shipment, "track", {"all_reported": finished})
    if event in known:
        raise AlreadyReportedError
    if not shipment.sent_at <= at <= desk.now:
        told = FieldError("at", "lies between the sending and now")
        raise InvalidError("that cannot have happened then", errors=[told])
    desk.session.add(ShipmentEvent(shipment_id=shipment.id, event=event, reported_at=at, entered_by=desk.actor))
    await desk.session.flush()
    await desk.step(machine["shipment"], shipment, "track", facts={"all_reported": finished}, codes={"event": event})
    if finished:
        package = await held(desk, shipment.package_id)
        await desk.step(machine["package"], package, "deliver")
        medium = await _medium(desk, shipment.medium_id)
        if medium is not None and medium.state == "in-transit":
            await desk.step(machine["medium"], medium, "deliver")
    return shipment


async def contents_of(desk: Desk, package_id: UUID) -> list[ItemFinding]:
    """Whose data of which kind are in the copies of a package, by its latest reviews and the search of its copies."""
    items = [i for i in await store.items_of(desk.session, package_id) if i.state == "copied"]
    latest = {review.id for review in (await _latest_reviews(desk, items)).values()}
    found = await store.findings_of(desk.session, [item.id for item in items])
    return [one for one in found if one.fate == "stays" and one.review_id in latest]


async def _latest_reviews(desk: Desk, items: Sequence[PackageItem]) -> dict[UUID, ItemReview]:
    return {review.item_id: review for review in await store.reviews_of(desk.session, [item.id for item in items])}


def _refuse_unready(items: Sequence[PackageItem], reviews: Mapping[UUID, ItemReview]) -> None:
    unreviewed = [i for i in items if i.id not in reviews]
    uncopied = [i for i in items if i.id in reviews and i.state not in {"copied", "left-out"}]
    missing = [f"items[{i.position}].review" for i in unreviewed] + [f"items[{i.position}].copy" for i in uncopied]
    if not any(i.state == "copied" for i in items):
        missing = missing or ["items"]
    if missing:
        raise NotReadyError(
            f"{len(unreviewed)} item(s) are not reviewed, and of {len(uncopied)} there is no clean copy",
            missing=missing,
        )


async def _manifest(
    desk: Desk, package: ReleasePackage, items: Sequence[PackageItem], reviews: Mapping[UUID, ItemReview]
) -> bytes:
    lines = [
        manifest.Line(
            item.position,
            item.form,
            item.copy_reference or "",
            item.copy_sha256 or "",
            tuple(h for h in (item.original_sha256, item.redacted_sha256) if h),
            str(reviews[item.id].id),
        )
        for item in items
        if item.state == "copied"
    ]
    unredacted = await store.unredacted_among(desk.session, [line.copy_sha256 for line in lines])
    try:
        return manifest.written(str(package.id), package.nature, lines, approved_by=desk.actor, unredacted=unredacted)
    except ValueError as error:
        wrong = FieldError("items", "one refers to unredacted content, so no manifest is made (S2 item 2)")
        raise InvalidError("the package holds what was not redacted", errors=[wrong]) from error


def _extracts(contents: Sequence[ItemFinding], taxonomy: Taxonomy) -> int:
    """How many items hold protected data of anybody."""
    kinds: dict[UUID, list[str]] = {}
    for one in contents:
        kinds.setdefault(one.item_id, []).append(one.kind)
    return sum(bool(protected_among(found, taxonomy)) for found in kinds.values())


async def _medium(desk: Desk, medium_id: UUID | None) -> Medium | None:
    if medium_id is None:
        return None
    medium = await store.medium_for_update(desk.session, medium_id)
    if medium is None:
        raise UnknownMediumError
    return medium


def _as_sent(medium: Medium | None) -> sending.OnMedium | None:
    if medium is None:
        return None
    return sending.OnMedium(
        encrypted=medium.encrypted, certificate=medium.certificate, holds_others=medium.holds_others
    )


def _wrong_medium(medium: Medium | None, records: set[UUID]) -> list[FieldError]:
    if medium is None:
        return []
    wrong = []
    if medium.origin == "received":
        wrong.append(
            FieldError("medium_id", "was received from a supplier and holds what nobody reviewed here (S2 item 2)")
        )
    if medium.record_id not in records:
        wrong.append(FieldError("medium_id", "belongs to another file (S2 item 2)"))
    return wrong


async def _sent(desk: Desk, package: ReleasePackage, how: Sending, extracts: int, medium: Medium | None) -> Shipment:
    machine = machines_of_packages()
    tracked = bool(how.tracking_number)
    due = sending.events_due(how.way, how.carrier, tracked=tracked or medium is not None)
    shipment = Shipment(
        id=new_id(),
        package_id=package.id,
        medium_id=how.medium_id,
        way=how.way,
        carrier=how.carrier,
        tracking_number=how.tracking_number,
        extracts=extracts,
        wrapping=dict(how.wrapping),
        events_due=list(due),
        sent_by=desk.actor,
        sent_at=desk.now,
    )
    await desk.step(machine["shipment"], shipment, "send", facts={"all_reported": not due}, codes={"way": how.way})
    await desk.step(machine["package"], package, "send", codes={"shipment": str(shipment.id)})
    if medium is not None:
        await desk.step(machine["medium"], medium, "send", codes={"shipment": str(shipment.id)})
    if not due:
        await desk.step(machine["package"], package, "deliver")
        if medium is not None:
            await desk.step(machine["medium"], medium, "deliver")
    return shipment


async def _shipment(desk: Desk, shipment_id: UUID) -> Shipment:
    shipment = await store.shipment_for_update(desk.session, shipment_id)
    if shipment is None:
        raise UnknownShipmentError
    return shipment
