"""Packages on their way, and the media they travel on: by which way, tracked, wrapped, encrypted, the key apart, locked away."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from disclosure.settings import DisclosureSettings
from tests.disclosure.desk import Desk
from tests.disclosure.mailroom import EVENTS, LABEL, REGISTERED, WARNING, WRAPPED, Mailroom
from tests.plugins.kit import REFUSED, execute_as_owner

OWN = "Quentin Recipient, 219-09-9999."


async def test_a_package_is_sent_to_whom_it_is_for_and_to_nobody_else(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.approved(desk)
    for label, wrong in (
        (LABEL | {"name": "Quentin Recipiend"}, "name"),
        (LABEL | {"address": "9 Telltale Road"}, "address"),
    ):
        refused = await mailroom.send_off(package, addressed_to=label, status=422)
        assert [e["field"] for e in refused["errors"]] == [f"addressed_to.{wrong}"]
        assert "Recipien" not in str(refused)
    sent = await mailroom.send_off(package)
    assert (sent["state"], sent["events_due"]) == ("in-transit", list(EVENTS))
    assert (await mailroom.send_off(package, status=409))["state"] == "sent"


@pytest.mark.req("S2-051", "S2-069")
async def test_several_extracts_are_tracked_by_a_carrier_on_the_list(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.approved(desk, OWN, f"Again {OWN}")
    untracked = await mailroom.send_off(package, tracking_number="", status=422)
    assert untracked["missing"] == ["tracking_number"]
    plain = await mailroom.send_off(package, carrier="usps-first-class", status=422)
    assert [e["field"] for e in plain["errors"]] == ["carrier"]
    unknown = await mailroom.send_off(package, carrier="pigeon-post", status=422)
    assert [e["field"] for e in unknown["errors"]] == ["carrier"]
    assert (await mailroom.send_off(package))["extracts"] == 2
    one = await mailroom.approved(desk, OWN)
    sent = await mailroom.send_off(one, carrier="usps-first-class", tracking_number="")
    assert (sent["extracts"], sent["state"]) == (1, "finished")


@pytest.mark.req("S2-041")
@pytest.mark.parametrize("way", ["portal", "courier", "in-person", "e-mail"])
async def test_a_letter_to_a_verifier_goes_by_fax_mail_or_telephone(desk: Desk, mailroom: Mailroom, way: str) -> None:
    package = await mailroom.approved(desk, nature="verifier-letter")
    refused = await mailroom.send_off(package, way=way, carrier="", tracking_number="", status=422)
    assert [e["field"] for e in refused["errors"]] == ["way"]
    sent = await mailroom.send_off(package, way="fax", carrier="", tracking_number="")
    assert sent["state"] == "finished"


@pytest.mark.req("S2-073")
async def test_a_shipment_is_finished_with_the_last_of_four_events(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.approved(desk, OWN)
    sent = await mailroom.send_off(package)
    mailroom.clock.turn(seconds=60)
    for event in ("pickup", "delivery", "transfer"):
        assert (await mailroom.track(sent, event))["state"] == "in-transit"
    with pytest.raises(asyncpg.RestrictViolationError, match="events of its carrier are missing"):
        await mailroom.store.execute("UPDATE shipment SET state = 'finished'")
    await mailroom.track(sent, "pickup", status=409)
    early = (mailroom.clock.now() - timedelta(days=1)).isoformat()
    assert (await mailroom.track(sent, "receipt", status=422, at=early))["errors"][0]["field"] == "at"
    done = await mailroom.track(sent, "receipt")
    assert (done["state"], sorted(done["reported"])) == ("finished", sorted(EVENTS))
    package_now = await mailroom.do("GET", f"/release-packages/{package['id']}", status=200)
    assert package_now["state"] == "delivered"
    await mailroom.track(sent, "receipt", status=409)


@pytest.mark.req("S2-064", "S2-066")
async def test_a_medium_is_made_where_that_was_found_unavoidable_and_encrypted(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk)
    record = package["record"]
    assert (await mailroom.medium(record, necessity_id=None, status=422))["missing"] == ["necessity_id"]
    open_one = await mailroom.medium(record, encrypted=False, status=422)
    assert [e["field"] for e in open_one["errors"]] == ["encrypted"]
    made = await mailroom.medium(record)
    used = await mailroom.store.fetchval("SELECT necessity_id::text FROM medium")
    again = await mailroom.medium(record, necessity_id=used, status=422)
    assert [e["field"] for e in again["errors"]] == ["necessity_id"]
    other_file = await mailroom.medium(str(await desk.transcript()), record_id=record, status=422)
    assert [e["field"] for e in other_file["errors"]] == ["necessity_id"]
    assert (made["state"], made["possible"]) == ("at-rest", ["take-out", "store", "send", "lose", "destroy"])


@pytest.mark.req("S2-067")
async def test_a_received_medium_is_registered_with_the_suppliers_assurance(desk: Desk, mailroom: Mailroom) -> None:
    record = str(await desk.transcript())
    body = {
        "origin": "received",
        "kind": "cd",
        "record_id": record,
        "mark": "CD-17",
        "place": {"kind": "safe", "mark": "S2"},
    }
    bare = await mailroom.do("POST", "/media", body, role="analyst", status=422)
    assert bare["missing"] == ["supplier", "assurance"]
    assured = body | {"supplier": "DOE", "assurance": "DOE-ASSURANCE-2008"}
    assert (await mailroom.do("POST", "/media", assured, role="analyst"))["supplier"] == "DOE"


@pytest.mark.req("S2-025", "S2-026", "S2-027")
@pytest.mark.parametrize("warning", ["", WARNING.replace("Privacy Act", "law"), WARNING.rpartition("A government")[0]])
async def test_what_holds_data_of_others_bears_the_warning_word_for_word(
    desk: Desk, mailroom: Mailroom, warning: str
) -> None:
    record = str(await desk.transcript())
    body = {"origin": "received", "kind": "cd", "record_id": record, "mark": "CD-17", "place": {"kind": "safe", "mark": "S2"},
            "supplier": "DOE", "assurance": "A-1", "holds_others": True}  # fmt: skip
    refused = await mailroom.do("POST", "/media", body | {"warning": warning}, role="analyst", status=422)
    assert [e["field"] for e in refused["errors"]] == ["warning"]
    await mailroom.do("POST", "/media", body | {"warning": WARNING}, role="analyst")
    assert (await mailroom.do("GET", "/media", role="analyst", status=200))["warning"] == WARNING


@pytest.mark.req("S2-068")
async def test_a_medium_at_rest_is_locked_away(desk: Desk, mailroom: Mailroom, settings: DisclosureSettings) -> None:
    record = str(await desk.transcript())
    drawer = await mailroom.medium(record, place={"kind": "desk-drawer", "mark": "D-1"}, status=422)
    assert [e["field"] for e in drawer["errors"]] == ["place.kind"]
    made = await mailroom.medium(record)
    path = f"/media/{made['id']}/moves"
    assert (await mailroom.do("POST", path, {"act": "take-out"}, role="analyst"))["state"] == "in-use"
    nowhere = await mailroom.do("POST", path, {"act": "store"}, role="analyst", status=422)
    assert [e["field"] for e in nowhere["errors"]] == ["place.kind", "place.mark"]
    locked = {"act": "store", "place": {"kind": "locked-cabinet", "mark": "C-4"}}
    assert (await mailroom.do("POST", path, locked, role="analyst"))["place_mark"] == "C-4"
    with pytest.raises(asyncpg.CheckViolationError, match="what_rests_is_locked_away"):
        await mailroom.store.execute("UPDATE medium SET place_kind = 'desk-drawer'")
    with pytest.raises(asyncpg.RestrictViolationError, match="of one file for good"):
        await mailroom.store.execute("UPDATE medium SET record_id = gen_random_uuid()")
    thrown = await mailroom.do("POST", path, {"act": "destroy", "how": "wastebasket"}, role="analyst", status=422)
    assert [e["field"] for e in thrown["errors"]] == ["how"]
    gone = await mailroom.do("POST", path, {"act": "destroy", "how": "shredded"}, role="analyst")
    assert (gone["state"], gone["possible"]) == ("destroyed", [])


@pytest.mark.req("S2-070", "S2-071", "S2-072")
async def test_a_medium_goes_wrapped_with_its_certificate_and_its_key_goes_apart(
    desk: Desk, mailroom: Mailroom
) -> None:
    package = await mailroom.approved(desk, OWN)
    medium = await mailroom.medium(package["record"])
    bare = await mailroom.send_off(package, medium_id=medium["id"], status=422)
    assert bare["missing"] == [f"wrapping.{name}" for name in WRAPPED]
    for question in WRAPPED:
        torn = WRAPPED | {question: False}
        refused = await mailroom.send_off(package, medium_id=medium["id"], wrapping=torn, status=422)
        assert [e["field"] for e in refused["errors"]] == [f"wrapping.{question}"]
    received = await mailroom.do("POST", "/media", {
        "origin": "received", "kind": "cd", "record_id": package["record"], "mark": "CD-17", "supplier": "DOE",
        "assurance": "A-1", "place": {"kind": "safe", "mark": "S2"}}, role="analyst")  # fmt: skip
    raw = await mailroom.send_off(package, medium_id=received["id"], wrapping=WRAPPED, status=422)
    assert [e["field"] for e in raw["errors"]] == ["medium.encrypted", "medium.certificate", "medium_id"]
    sent = await mailroom.send_off(package, medium_id=medium["id"], wrapping=WRAPPED)
    path = f"/shipments/{sent['id']}/key"
    same_way = await mailroom.do("POST", path, {"way": "mail"}, role="analyst", status=422)
    assert [e["field"] for e in same_way["errors"]] == ["way"]
    inside = await mailroom.do("POST", path, {"way": "courier", "in_shipment": sent["id"]}, role="analyst", status=422)
    assert [e["field"] for e in inside["errors"]] == ["in_shipment"]
    apart = await mailroom.do("POST", path, {"way": "telephone"}, role="analyst")
    assert apart["key_sent_by_way"] == "telephone"
    await mailroom.do("POST", path, {"way": "portal"}, role="analyst", status=409)
    for event in EVENTS:
        await mailroom.track(sent, event)
    media = (await mailroom.do("GET", "/media?state=handed-over", role="analyst", status=200))["items"]
    assert [m["id"] for m in media] == [medium["id"]]


@pytest.mark.req("S2-005", "S2-017")
async def test_the_store_lets_nothing_out_that_is_not_reviewed_copied_and_approved(
    desk: Desk, mailroom: Mailroom, settings: DisclosureSettings
) -> None:
    package = await mailroom.opened(desk)
    item = await mailroom.item(package)
    await mailroom.review(package, item)
    store, now = mailroom.store, mailroom.clock.now()
    ship = (
        "INSERT INTO shipment VALUES (gen_random_uuid(), $1, NULL, 'fax', '', '', 0, '{}', '{}', 'finished', 'x', $2)"
    )
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await store.execute(ship, package["id"], now)
    approve = "INSERT INTO package_approval VALUES ($1, 'analyst-1', $2, $3)"
    for who in ("analyst-1", "supervisor-1"):
        with pytest.raises(asyncpg.RestrictViolationError, match="never approves"):
            await store.execute(approve, package["id"], who, now)
    await store.execute(approve, package["id"], "privacy_officer-9", now)
    manifest = "INSERT INTO package_manifest VALUES ($1, '{}', repeat('0', 64), $2)"
    with pytest.raises(asyncpg.RestrictViolationError, match="not reviewed and copied"):
        await store.execute(manifest, package["id"], now)
    with pytest.raises(asyncpg.CheckViolationError, match="a_copy_is_a_fresh_one"):
        await store.execute(
            "UPDATE package_item SET copy_sha256 = original_sha256, copied_by = 'x', copy_reference = 'c', state = 'copied'"
        )
    with pytest.raises(asyncpg.RestrictViolationError, match="no step led"):
        await store.execute("UPDATE release_package SET state = 'delivered'")
    with pytest.raises(asyncpg.CheckViolationError, match="asked_in_writing"):
        await store.execute("UPDATE release_package SET asked_signed = false")
    for table in ("item_review", "package_approval", "matter_step", "release_package"):
        for attempt in (f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
            with pytest.raises(REFUSED, match=r"never changed or removed|permission denied"):
                await store.execute(attempt)
        with pytest.raises(REFUSED):
            await execute_as_owner(settings.database_url.get_secret_value(), f"DELETE FROM {table}")


async def test_nobody_sends_twice_what_they_send_again(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.approved(desk, OWN)
    path = f"/release-packages/{package['id']}/shipments"
    sent: list[Any] = [await mailroom.do("POST", path, REGISTERED, role="analyst", key="one") for _ in range(2)]
    assert sent[0] == sent[1]
    assert await mailroom.store.fetchval("SELECT count(*) FROM shipment") == 1
