"""Packages: opened on a signed request, reviewed item by item, copied clean, approved by a third person; each with its refusal."""

from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.disclosure.desk import Desk
from tests.disclosure.mailroom import ASKED, OTHER, PREPARER, REQUESTER, REVIEWER, Mailroom, sha

REDACTION = {"sha256": sha("the redacted work"), "how": "overwritten"}
SEEN = [{"person": "other", "kind": "social-security-number", "place": "p1"}]


@pytest.mark.req("S2-061")
@pytest.mark.parametrize("asked", [{"form": "oral"}, {"form": "telephone"}, {"signed": False}])
async def test_a_copy_is_made_on_a_written_and_signed_request_only(
    desk: Desk, mailroom: Mailroom, asked: dict[str, Any]
) -> None:
    made = await mailroom.opened(desk)
    assert (made["state"], made["possible"]) == ("open", ["send-back", "approve", "withdraw"])
    body = {
        "nature": "copy-of-file",
        "accounting_id": made["accounting_id"],
        "asked": ASKED | asked,
        "people": [REQUESTER],
    }
    refused = await mailroom.do("POST", "/release-packages", body, role="analyst", status=422)
    assert [e["field"] for e in refused["errors"]] == [f"asked.{next(iter(asked))}"]


async def test_a_package_rests_on_a_release_or_on_granted_access_and_on_nothing_else(
    desk: Desk, mailroom: Mailroom
) -> None:
    body = {"nature": "copy-of-file", "asked": ASKED, "people": [REQUESTER]}
    nothing = await mailroom.do("POST", "/release-packages", body, role="analyst", status=422)
    assert nothing["missing"] == ["accounting_id", "request_id"]
    for ground in ("accounting_id", "request_id"):
        unknown = await mailroom.do(
            "POST", "/release-packages", body | {ground: str(uuid4())}, role="analyst", status=422
        )
        assert [e["field"] for e in unknown["errors"]] == [ground]
    record, other = str(uuid4()), str(uuid4())
    filed = (await mailroom.file("access", records=[record]))["id"]
    early = await mailroom.do("POST", "/release-packages", body | {"request_id": filed}, role="analyst", status=422)
    assert early["errors"][0]["field"] == "request_id"
    await mailroom.act(filed, "decision", {"outcome": "granted", "found": True, "records": [record]})
    nobody = await mailroom.do("POST", "/release-packages", body | {"request_id": filed}, role="analyst", status=422)
    assert nobody["missing"] == ["recipient.name", "recipient.address"]
    to = {"recipient": {"name": "Quentin Recipient", "address": "1 Main Street"}}
    made = await mailroom.do(
        "POST", "/release-packages", body | to | {"request_id": filed}, role="analyst", sub=PREPARER
    )
    await mailroom.item(made | {"record": record})
    foreign = {"form": "paper", "record_id": other, "reference": "DOC-9", "sha256": sha("x")}
    path = f"/release-packages/{made['id']}/items"
    refused = await mailroom.do("POST", path, foreign, role="analyst", sub=PREPARER, status=422)
    assert refused["errors"][0]["field"] == "record_id"
    detail = await mailroom.do("GET", f"/release-packages/{made['id']}", status=200)
    assert (detail["recipient_name"], detail["recipient_address"]) == ("Quentin Recipient", "1 Main Street")


async def test_a_package_goes_to_whom_the_accounting_names(desk: Desk, mailroom: Mailroom) -> None:
    made = await mailroom.opened(desk)
    body = {"nature": "extracts", "accounting_id": made["accounting_id"], "asked": ASKED, "people": [REQUESTER]}
    elsewhere = {"recipient": {"name": "Quentin Recipient", "address": "77 Other Road"}}
    refused = await mailroom.do("POST", "/release-packages", body | elsewhere, role="analyst", status=422)
    assert [e["field"] for e in refused["errors"]] == ["recipient.address"]
    assert "77 Other Road" not in str(refused)
    same = {"recipient": {"name": "quentin  recipient", "address": "9 telltale lane washington, DC 20500"}}
    await mailroom.do("POST", "/release-packages", body | same, role="analyst")


@pytest.mark.req("S2-005", "S2-019")
async def test_an_item_that_nobody_reviewed_stops_the_release(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk)
    assert (await mailroom.approve(package, status=422))["missing"] == ["items"]
    first, second = await mailroom.item(package, "one"), await mailroom.item(package, "two")
    reviewed = await mailroom.review(package, first)
    assert [(i["reviewed_by"], i["outcome"]) for i in reviewed["items"]] == [(REVIEWER, "clean"), (None, None)]
    stopped = await mailroom.approve(package, status=422)
    assert (stopped["type"].rsplit("/")[-1].split(":")[-1], stopped["missing"]) == (
        "not-ready",
        ["items[2].review", "items[1].copy"],
    )
    early = await mailroom.do("POST", f"/release-packages/{package['id']}/items/{second}/copy",
                              {"copy": {"sha256": sha("c"), "reference": "C", "text": [{"seq": 1, "text": "x"}]}},
                              role="analyst", sub=PREPARER, status=409)  # fmt: skip
    assert early["possible"] == ["review"]
    await mailroom.copy(package, first)
    await mailroom.review(package, second, "misfiled")
    assert (await mailroom.approve(package))["state"] == "approved"
    manifest = (await mailroom.do("GET", f"/release-packages/{package['id']}", status=200))["manifest"]
    assert [i["position"] for i in manifest["items"]] == [1]


@pytest.mark.req("S2-021")
async def test_what_is_about_somebody_else_is_concealed_and_a_copy_that_tells_it_is_refused(
    desk: Desk, mailroom: Mailroom
) -> None:
    package = await mailroom.opened(desk)
    item = await mailroom.item(package)
    careless = await mailroom.review(package, item, "clean", people=[OTHER], findings=SEEN, status=422)
    assert careless["errors"][0]["field"] == "outcome"
    idle = await mailroom.review(package, item, "redact", status=422)
    assert idle["missing"] == ["findings"]
    await mailroom.review(package, item, "redact", people=[OTHER], findings=SEEN)
    assert (await mailroom.copy(package, item, status=422))["missing"] == ["redaction.sha256", "redaction.how"]
    for left in (
        "His number is 457-55-5462.",
        "Peter Otherman said so.",
        "He was born on March 4, 1961.",
        "Call 410-555-0123.",
    ):
        refused = await mailroom.copy(package, item, left, redaction=REDACTION, status=422)
        assert refused["type"].endswith("unclean-copy")
        assert [e["field"] for e in refused["errors"]] == ["copy.text[1]"]
        assert "Otherman" not in str(refused)
        assert "457" not in str(refused)
    hidden: dict[str, Any] = {"metadata": {"Author": "Peter Otherman"}, "redaction": REDACTION}
    assert (await mailroom.copy(package, item, status=422, **hidden))["errors"][0]["field"] == "copy.metadata[0]"
    own = "Quentin Recipient, 219-09-9999: your colleague [concealed] was there."
    made = await mailroom.copy(package, item, own, redaction=REDACTION)
    assert made["items"][0]["state"] == "copied"
    kinds = {p["role"]: (p["stays"], p["concealed"]) for p in made["people"]}
    assert kinds == {
        "requester": (["name", "social-security-number"], []),
        "co-worker": ([], ["social-security-number"]),
    }


@pytest.mark.req("S2-023", "S2-024")
async def test_only_a_fresh_flat_copy_gets_into_a_manifest(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk)
    item, other = await mailroom.item(package), await mailroom.item(package, "another original")
    await mailroom.review(package, item, "redact", people=[OTHER], findings=SEEN)
    for wrong in (
        {"sha256": sha("the original")},
        {"sha256": REDACTION["sha256"]},
        {"sha256": sha("another original")},
    ):
        refused = await mailroom.copy(package, item, redaction=REDACTION, status=422, **wrong)
        assert [e["field"] for e in refused["errors"]] == ["copy.sha256"]
    layered = await mailroom.copy(package, item, redaction=REDACTION, earlier_versions=1, status=422)
    assert [e["field"] for e in layered["errors"]] == ["copy.earlier_versions"]
    undone = await mailroom.copy(
        package, item, redaction={"sha256": sha("the original"), "how": "overwritten"}, status=422
    )
    assert [e["field"] for e in undone["errors"]] == ["redaction.sha256"]
    await mailroom.copy(package, item, redaction=REDACTION)
    await mailroom.review(package, other, "misfiled")
    await mailroom.approve(package)
    manifest = (await mailroom.do("GET", f"/release-packages/{package['id']}", status=200))["manifest"]
    assert [i["sha256"] for i in manifest["items"]] == [sha(f"copy of {item}")]
    unredacted = {sha("the original"), sha("another original"), REDACTION["sha256"]}
    assert not any(one in str(manifest) for one in unredacted)


@pytest.mark.req("S2-014", "S2-059", "S2-060")
async def test_a_dead_persons_data_may_go_and_those_of_the_living_beside_them_may_not(
    desk: Desk, mailroom: Mailroom
) -> None:
    claimant = {"label": "dead", "role": "claimant", "given": ["Dora"], "family": "Departed", "ssn": "219-09-1111"}
    widower = {"label": "living", "role": "beneficiary", "given": ["Walter"], "family": "Widower", "ssn": "457-55-5463"}
    people = [REQUESTER, claimant, widower]
    package = await mailroom.opened(desk)
    body = {"nature": "deceased-inquiry", "accounting_id": package["accounting_id"], "asked": ASKED, "people": people}
    asserted = await mailroom.do("POST", "/release-packages", body, role="analyst", status=422)
    assert asserted["missing"] == ["people.claimant.evidence_of_death"]
    evidenced = [REQUESTER, claimant | {"evidence_of_death": "CERT-9"}, widower]
    made = await mailroom.do("POST", "/release-packages", body | {"people": evidenced}, role="analyst", sub=PREPARER)
    made["record"] = package["record"]
    item = await mailroom.item(made)
    persons = {p["role"]: p["id"] for p in made["people"]}
    found = [{"person": persons["claimant"], "kind": "social-security-number"}]
    await mailroom.review(made, item, "clean", findings=found)
    text = "Dora Departed, 219-09-1111. Her husband Walter Widower, 457-55-5463, is paid."
    masked = await mailroom.copy(made, item, text, status=422)
    assert {e["message"].split(" of ")[0] for e in masked["errors"]} == {
        "still holds name",
        "still holds social-security-number",
    }
    assert all(persons["beneficiary"] in e["message"] for e in masked["errors"])
    out = await mailroom.copy(made, item, "Dora Departed, 219-09-1111. Her husband, [concealed], is paid.")
    assert {p["role"]: p["stays"] for p in out["people"]}["claimant"] == ["name", "social-security-number"]


@pytest.mark.req("S2-063")
@pytest.mark.parametrize("form", ["paper", "electronic"])
async def test_paper_and_files_take_the_same_steps(desk: Desk, mailroom: Mailroom, form: str) -> None:
    package = await mailroom.opened(desk)
    item = await mailroom.item(package, form=form)
    early = await mailroom.copy(package, item, status=409)
    assert early["possible"] == ["review"]
    await mailroom.review(package, item, "redact", people=[OTHER], findings=SEEN)
    assert (await mailroom.copy(package, item, status=422))["missing"] == ["redaction.sha256", "redaction.how"]
    await mailroom.copy(package, item, redaction=REDACTION)
    steps = (await mailroom.do("GET", f"/release-packages/{package['id']}", status=200))["steps"]
    assert [s["act"] for s in steps if s["matter"] == "item"] == ["list", "review", "redact", "copy"]


async def test_an_electronic_copy_that_nobody_can_search_does_not_go(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk)
    item = await mailroom.item(package)
    await mailroom.review(package, item)
    silent = {"copy": {"sha256": sha("c"), "reference": "C"}}
    path = f"/release-packages/{package['id']}/items/{item}/copy"
    refused = await mailroom.do("POST", path, silent, role="analyst", sub=PREPARER, status=422)
    assert [e["field"] for e in refused["errors"]] == ["copy.text"]


async def test_a_reviewer_clears_what_is_no_persons_with_a_reason(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk, people=[REQUESTER, OTHER])
    item = await mailroom.item(package)
    unknown = await mailroom.review(package, item, cleared={"personal-telephone": "because"}, status=422)
    assert [e["field"] for e in unknown["errors"]] == ["cleared"]
    await mailroom.review(
        package, item, cleared={"personal-telephone": "agency-contact", "social-security-number": "of-no-person"}
    )
    known = await mailroom.copy(package, item, "457-55-5462", status=422)
    assert [e["field"] for e in known["errors"]] == ["copy.text[1]"]  # whose it is, is known: that cannot be cleared
    await mailroom.copy(package, item, "Call the office: 410-555-0123.")


@pytest.mark.req("S2-017")
async def test_preparer_reviewer_and_approver_are_three_people(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk)
    item = await mailroom.item(package)
    own = await mailroom.review(package, item, sub=PREPARER, role="analyst", status=403)
    assert own["type"].endswith("own-preparation")
    await mailroom.review(package, item, sub="privacy_officer-2", role="privacy_officer")
    assert (await mailroom.copy(package, item, sub="privacy_officer-2", status=403))["type"].endswith("own-preparation")
    await mailroom.copy(package, item)
    unapproved = await mailroom.send_off(package, status=403)
    assert (unapproved["type"].rsplit("/")[-1].split(":")[-1], unapproved["missing"]) == ("not-approved", ["approval"])
    reviewer = await mailroom.approve(package, sub="privacy_officer-2", status=403)
    assert reviewer["type"].endswith("own-preparation")
    returned = await mailroom.do(
        "POST", f"/release-packages/{package['id']}/approval", {"outcome": "sent-back", "reason": "incomplete"}
    )
    assert returned["state"] == "open"
    assert (await mailroom.approve(package))["approved_by"] == "privacy_officer-1"
    late = await mailroom.do("POST", f"/release-packages/{package['id']}/items",
                             {"form": "paper", "record_id": package["record"], "reference": "D", "sha256": sha("y")},
                             role="analyst", status=409)  # fmt: skip
    assert late["possible"] == ["send", "withdraw"]
    assert (await mailroom.review(package, item, status=409))["state"] == "approved"
    gone = await mailroom.do("POST", f"/release-packages/{package['id']}/withdrawal", role="analyst")
    assert (gone["state"], gone["possible"]) == ("withdrawn", [])


async def test_people_are_sealed_and_nothing_of_them_is_told(desk: Desk, mailroom: Mailroom) -> None:
    package = await mailroom.opened(desk, people=[REQUESTER, OTHER])
    await mailroom.item(package)
    detail = await mailroom.do("GET", f"/release-packages/{package['id']}", status=200)
    listed = await mailroom.do("GET", "/release-packages?state=open", status=200)
    assert [p["id"] for p in listed["items"]] == [package["id"]]
    stored = ""
    for table in ("release_package", "package_person", "package_item", "matter_step", "audit_entry", "idempotency_key"):
        stored += str([dict(r) for r in await mailroom.store.fetch(f"SELECT * FROM {table}")])
    for value in ("Otherman", "457-55-5462", "1961-03-04", "Quentin", "Telltale Lane"):
        assert value not in stored
        assert value not in str(package)
    assert "Otherman" not in str(detail)
    double = {"nature": "extracts", "accounting_id": package["accounting_id"], "asked": ASKED, "people": [OTHER, OTHER]}
    assert (await mailroom.do("POST", "/release-packages", double, role="analyst", status=422))["errors"][0][
        "field"
    ] == "people"
    bad = [REQUESTER, OTHER | {"ssn": "12345"}]
    number = await mailroom.do("POST", "/release-packages", double | {"people": bad}, role="analyst", status=422)
    assert number["errors"][0]["field"] == "people[1].ssn"
    careless = {"form": "paper", "record_id": package["record"], "reference": "219-09-9999", "sha256": sha("x")}
    path = f"/release-packages/{package['id']}/items"
    marked = await mailroom.do("POST", path, careless, role="analyst", status=422)
    assert (marked["errors"][0]["field"], "219" in str(marked)) == ("body.reference", False)
    unknown = await mailroom.send("GET", f"/release-packages/{UUID(int=7)}")
    assert unknown.status_code == 404
