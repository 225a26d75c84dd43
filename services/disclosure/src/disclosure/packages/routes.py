"""Routes of packages and shipments: parse, one act in one unit of work, translate."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from common.access import Look
from common.web.door import Guarded
from common.web.idempotency import IdempotencyKey
from disclosure.matter_desk import AtMatters, Cursor, Limit
from disclosure.matters import Desk
from disclosure.packages import bodies, copying, looking, preparing, releasing, reviewing, store
from disclosure.packages.answers import PackageDetailOut, PackageOut, PackagePage, PackageStateOut, ShipmentOut
from disclosure.packages.tables import ReleasePackage, Shipment

router = APIRouter(prefix="/v1", tags=["release packages"], route_class=Guarded)
STANDS: dict[str, Any] = {"status_code": 201, "response_model": PackageStateOut}
SHIPPED: dict[str, Any] = {"status_code": 201, "response_model": ShipmentOut}
_ONE = "/release-packages/{package_id}"
_ITEM = _ONE + "/items/{item_id}"


@router.post("/release-packages", operation_id="package.open", summary="Begin a package for one person", **STANDS)
async def open_package(at: AtMatters, body: bodies.PackageIn, key: IdempotencyKey = None) -> Response:
    """On a written and signed request, and on a decision: a release that is accounted for, or access that was granted."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        return await _standing(desk, look, await preparing.open_package(desk, body.opening(at.kinds)))

    return await at.act("package.open", act, key=key, body=body)


@router.get("/release-packages", operation_id="package.list", summary="Packages, by state")
async def list_packages(
    at: AtMatters,
    state: Annotated[str, Query(max_length=40)] = "",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> PackagePage:
    async with at.door.open("package.list") as look:
        rows = await store.packages_in(look.session, state=state, after=cursor, limit=limit)
        look.touch(*(row.id for row in rows))
        return PackagePage(
            items=[PackageOut.of(row) for row in rows], next_cursor=rows[-1].id if len(rows) == limit else None
        )


@router.get(_ONE, operation_id="package.read", summary="A package with its items, people, steps and manifest")
async def read(at: AtMatters, package_id: UUID) -> PackageDetailOut:
    keys = await at.keys()
    async with at.door.open("package.read", package_id, fields=["recipient_name", "recipient_address"]) as look:
        return PackageDetailOut.of_dossier(await looking.dossier(at.desk(look, keys), package_id))


@router.post(_ONE + "/items", operation_id="package.add-item", summary="List something that is wanted", **STANDS)
async def add_item(at: AtMatters, package_id: UUID, body: bodies.ItemIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        package = await preparing.add_item(
            desk, package_id, form=body.form, record_id=body.record_id, reference=body.reference,
            original_sha256=body.sha256,
        )  # fmt: skip
        look.touch(body.record_id)
        return await _standing(desk, look, package)

    return await at.act("package.add-item", act, key=key, body=body, matter_id=package_id)


@router.post(_ITEM + "/review", operation_id="package.review-item", summary="Enter that an item was read", **STANDS)
async def review_item(
    at: AtMatters, package_id: UUID, item_id: UUID, body: bodies.ReviewIn, key: IdempotencyKey = None
) -> Response:
    """By somebody who did not prepare it. What becomes of each finding follows from whose it is."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        package = await reviewing.review_item(desk, package_id, item_id, body.review(at.kinds), at.taxonomy)
        look.touch(item_id)
        return await _standing(desk, look, package)

    return await at.act("package.review-item", act, key=key, body=body, matter_id=package_id, part=item_id)


@router.post(_ITEM + "/copy", operation_id="package.copy-item", summary="Enter the clean copy of an item", **STANDS)
async def copy_item(
    at: AtMatters, package_id: UUID, item_id: UUID, body: bodies.CopyIn, key: IdempotencyKey = None
) -> Response:
    """Text layer and metadata of the copy are searched for other people's data; what is found is told by kind and place."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        package = await copying.copy_item(desk, package_id, item_id, body.copied(), at.taxonomy)
        look.touch(item_id)
        return await _standing(desk, look, package)

    return await at.act("package.copy-item", act, key=key, body=body, matter_id=package_id, part=item_id)


@router.post(_ONE + "/approval", operation_id="package.approve", summary="Approve a package, or send it back", **STANDS)
async def approve(at: AtMatters, package_id: UUID, body: bodies.ApprovalIn, key: IdempotencyKey = None) -> Response:
    """By somebody who neither prepared nor reviewed anything of it. The manifest is made with it, and all is fixed then."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        if body.outcome == "approved":
            return await _standing(desk, look, await releasing.approve(desk, package_id))
        return await _standing(desk, look, await releasing.send_back(desk, package_id, body.reason))

    return await at.act("package.approve", act, key=key, body=body, matter_id=package_id)


@router.post(_ONE + "/withdrawal", operation_id="package.withdraw", summary="Give a package up", **STANDS)
async def withdraw(at: AtMatters, package_id: UUID, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return await _standing(desk, look, await releasing.withdraw(desk, package_id))

    return await at.act("package.withdraw", act, key=key, body=bodies.In(), matter_id=package_id)


@router.post(_ONE + "/shipments", operation_id="package.send", summary="Send an approved package", **SHIPPED)
async def send(at: AtMatters, package_id: UUID, body: bodies.SendingIn, key: IdempotencyKey = None) -> Response:
    """Only by the ways and carriers that are open to it, to whom it is for, tracked and wrapped as it has to be."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        return await _shipped(desk, look, await releasing.send(desk, package_id, body.sending(), at.taxonomy))

    return await at.act("package.send", act, key=key, body=body, matter_id=package_id)


@router.post("/shipments/{shipment_id}/key", operation_id="shipment.send-key", summary="Send the key, apart", **SHIPPED)
async def send_key(at: AtMatters, shipment_id: UUID, body: bodies.KeyIn, key: IdempotencyKey = None) -> Response:
    async def act(desk: Desk, look: Look) -> BaseModel:
        return await _shipped(
            desk, look, await releasing.send_key(desk, shipment_id, way=body.way, in_shipment=body.in_shipment)
        )

    return await at.act("shipment.send-key", act, key=key, body=body, matter_id=shipment_id)


@router.post(
    "/shipments/{shipment_id}/events",
    operation_id="shipment.track",
    summary="Enter what the carrier reports",
    **SHIPPED,
)
async def track(at: AtMatters, shipment_id: UUID, body: bodies.CarrierEventIn, key: IdempotencyKey = None) -> Response:
    """With the last of pickup, receipt, transfer and delivery the shipment is finished, and not before."""

    async def act(desk: Desk, look: Look) -> BaseModel:
        return await _shipped(desk, look, await releasing.track(desk, shipment_id, body.event, body.at))

    return await at.act("shipment.track", act, key=key, body=body, matter_id=shipment_id)


async def _standing(desk: Desk, look: Look, package: ReleasePackage) -> PackageStateOut:
    look.touch(package.id)
    return PackageStateOut.of_dossier(await looking.dossier(desk, package.id))


async def _shipped(desk: Desk, look: Look, shipment: Shipment) -> ShipmentOut:
    look.touch(shipment.id, shipment.package_id)
    key = await store.key_of(desk.session, shipment.id)
    return ShipmentOut.of(shipment, await looking.reported_of(desk, shipment.id), key.way if key else None)
