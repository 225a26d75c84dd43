"""Incidents from the first report to the filed record: who is affected, who is told in which order, and what is refused."""

import uuid
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from common.database import Database
from disclosure.app import make_jobs
from disclosure.settings import DisclosureSettings
from tests.disclosure.desk import Desk
from tests.disclosure.incident_desk import ASSESSED, CLOSING, PARTS, REPORTED, Watch
from tests.disclosure.mailroom import OTHER, PREPARER, sha
from tests.plugins.kit import REFUSED

OWN = "Quentin Recipient, 219-09-9999."


@pytest.fixture
async def watch(desk: Desk) -> Watch:
    return Watch(desk.client, desk.issuer, desk.store, desk.clock)


def names(answer: dict[str, Any]) -> list[str]:
    return [e["field"] for e in answer["errors"]]


@pytest.mark.req("S2-079")
async def test_a_copy_sent_to_somebody_else_opens_an_incident_with_both_tasks(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    opened = await watch.report_it(package_id=package["id"])
    assert opened["tasks"] == [{"task": "tell-district", "done": False}, {"task": "recapture", "done": False}]
    assert [(d["stands"], d["recapture_id"]) for d in opened["documents"]] == [("out", None)]
    assert [(a["kinds"], a["protected"]) for a in opened["affected"]] == [(["name", "social-security-number"],) * 2]
    unsent = await watch.approved(desk)
    stayed = await watch.report_it(package_id=unsent["id"], status=422)
    assert names(stayed) == ["package_id"]
    assert (await watch.report_it(status=422))["missing"] == ["package_id"]


@pytest.mark.req("S2-080")
@pytest.mark.parametrize("trigger", ["misfiled-release", "unredacted-release"])
async def test_a_release_with_what_was_not_to_be_in_it_opens_one_with_both_tasks(
    desk: Desk, watch: Watch, trigger: str
) -> None:
    package = await watch.opened(desk)
    good, bad = await watch.item(package, "one"), await watch.item(package, "two")
    seen = [{"person": "other", "kind": kind} for kind in ("name", "social-security-number")]
    await watch.review(package, good)
    await watch.copy(package, good, OWN)
    await watch.review(package, bad, "redact", people=[OTHER], findings=seen)
    await watch.copy(package, bad, "Blank.", redaction={"sha256": sha("r"), "how": "black-marker"})
    await watch.approve(package)
    await watch.send_off(package)
    assert (await watch.report_it(trigger, package_id=package["id"], status=422))["missing"] == ["failed_items"]
    foreign = await watch.report_it(trigger, package_id=package["id"], failed_items=[str(uuid.uuid4())], status=422)
    assert names(foreign) == ["items"]
    opened = await watch.report_it(trigger, package_id=package["id"], failed_items=[bad])
    assert [t["task"] for t in opened["tasks"]] == ["tell-district", "recapture"]
    assert [d["item_id"] for d in opened["documents"]] == [bad]
    people = {
        p["role"]: p["id"] for p in (await watch.do("GET", f"/release-packages/{package['id']}", status=200))["people"]
    }
    # Whose the release was got their own; what got out is what the other one's redaction was to conceal.
    assert [(a["person_id"], a["protected"]) for a in opened["affected"]] == [
        (people["co-worker"], ["name", "social-security-number"])
    ]


async def test_what_was_overlooked_is_entered_with_whose_it_is(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    item = (await watch.do("GET", f"/release-packages/{package['id']}", status=200))["items"][0]["id"]
    missed = [{"item_id": item, "person": "other", "kind": "medical-record"}]
    nobody = await watch.report_it("missed-pii", package_id=package["id"], missed=missed, status=422)
    assert names(nobody) == ["missed"]
    opened = await watch.report_it(
        "missed-pii", package_id=package["id"], missed=missed, people=[OTHER], certainty="suspected"
    )
    assert ([a["protected"] for a in opened["affected"]], opened["certainty"]) == ([["medical-record"]], "suspected")


async def test_a_lost_medium_and_a_curious_look_open_one(desk: Desk, watch: Watch) -> None:
    package = await watch.approved(desk, OWN)
    medium = await watch.medium(package["record"])
    wrapped = dict.fromkeys(("double_wrapped", "opaque", "sealed", "tamper_evident"), True)
    await watch.send_off(package, medium_id=medium["id"], wrapping=wrapped)
    early = await watch.report_it("lost-medium", medium_id=medium["id"], status=422)
    assert names(early) == ["medium_id"]
    await watch.do("POST", f"/media/{medium['id']}/moves", {"act": "lose"}, role="analyst")
    lost = await watch.report_it("lost-medium", medium_id=medium["id"])
    assert (lost["encrypted"], len(lost["affected"]), lost["documents"]) == (True, 1, [])
    look = await watch.store.fetchval("SELECT id FROM audit_entry WHERE action = 'package.send' LIMIT 1")
    unknown = {"audit_service": "disclosure", "audit_entry": str(uuid.uuid4())}
    assert names(await watch.report_it("curious-look", status=422, **unknown)) == ["audit_entry"]
    seen = await watch.report_it(
        "curious-look", audit_service="disclosure", audit_entry=str(look), role="auditor", sub="auditor-1"
    )
    assert package["id"] in seen["records"]
    elsewhere = {"audit_service": "transcripts", "audit_entry": str(uuid.uuid4())}
    assert (await watch.report_it("curious-look", status=422, **elsewhere))["missing"] == ["records"]


@pytest.mark.req("S2-085", "S2-086")
async def test_who_is_told_is_told_in_order_and_the_department_before_the_end(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    incident = await watch.report_it(package_id=package["id"])
    means = {"means": "telephone"}
    early = await watch.on(incident, "region-notice", means, role="office_admin", status=409)
    assert early["possible"] == ["tell-district"]
    await watch.on(incident, "report", REPORTED, role="regional_admin", status=409)
    await watch.on(incident, "closing", CLOSING, status=409)
    told = await watch.on(incident, "district-notice", means, role="analyst")
    assert (told["state"], told["tasks"][0]["done"]) == ("district-told", True)
    await watch.on(incident, "region-notice", means, role="office_admin")
    unreported = await watch.on(incident, "closing", CLOSING, status=409)
    assert unreported["possible"] == ["report"]
    assert (await watch.on(incident, "report", REPORTED, role="regional_admin"))["state"] == "reported"


@pytest.mark.req("S2-087", "S2-088", "S2-089")
async def test_a_report_says_every_part(desk: Desk, watch: Watch) -> None:
    incident = await watch.report_it("wrong-message", records=[str(await desk.transcript())], documents=["LETTER-1"])
    await watch.on(incident, "district-notice", {"means": "letter"}, role="analyst")
    await watch.on(incident, "region-notice", {"means": "letter"}, role="office_admin")
    for part in REPORTED:
        lacking = {k: v for k, v in REPORTED.items() if k != part}
        assert (await watch.on(incident, "report", lacking, role="regional_admin", status=422))["missing"] == [part]
    await watch.on(incident, "report", REPORTED, role="regional_admin")
    detail = await watch.standing(incident)
    assert (detail["report_reference"], detail["told"]["circumstances"]) == ("DOL-2026-11", "Mixed up.")


@pytest.mark.req("S2-084")
async def test_what_is_not_told_in_time_is_called_out_once(
    desk: Desk, watch: Watch, settings: DisclosureSettings, logged: list[dict[str, Any]]
) -> None:
    record = str(await desk.transcript())
    late, told = [await watch.report_it("wrong-message", records=[record], documents=["L-1"]) for _ in range(2)]
    await watch.on(told, "district-notice", {"means": "telephone"}, role="analyst")
    database = Database(settings, application="test")
    job, called = next(j for j in make_jobs(settings, watch.clock, database) if j.name == "incidents.alarm"), []
    for minutes in (59, 2, 2):
        watch.clock.turn(seconds=60 * minutes)
        await job.act()
        called.append(sum(e["event"] == "incident.district-not-told" for e in logged))
    await database.close()
    assert called == [0, 1, 1]
    assert [e["incident"] for e in logged if e["event"] == "incident.district-not-told"] == [late["id"]]
    overdue = (await watch.do("GET", "/incidents?overdue=true", status=200))["items"]
    assert [i["id"] for i in overdue] == [late["id"]]
    after = await watch.on(late, "district-notice", {"means": "telephone"}, role="analyst")
    clock = next(c for c in after["clocks"] if c["name"] == "district")
    assert (clock["late"], clock["authority"]) == (True, "S2 item 13(b): immediately")
    assert (await watch.standing(late))["steps"][-1]["codes"]["late"] is True


@pytest.mark.req("S2-090", "S2-092")
async def test_it_closes_when_all_is_back_weighed_and_told_and_not_before(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk, OWN, f"Again {OWN}")
    incident = await watch.report_it(package_id=package["id"])
    await watch.told(incident)
    recapture = await watch.asked(incident)
    first, second = (d["id"] for d in incident["documents"])
    assert (await watch.came_of(recapture, "return", (first, "refiled")))["state"] == "asked"
    partial = await watch.on(incident, "closing", CLOSING, status=409)
    assert partial["documents"] == [second]
    assert (await watch.came_of(recapture, "return", (second, "destroyed")))["state"] == "recovered"
    bare = await watch.on(incident, "closing", {}, status=422)
    person = incident["affected"][0]["person_id"]
    assert bare["missing"] == ["assessment", f"notices.{person}", "disposition", "filed_as"]
    await watch.weighed(incident)
    own = await watch.do(
        "POST", f"/incidents/{incident['id']}/closing", CLOSING, role="privacy_officer", sub="analyst-1", status=403
    )
    assert own["type"].endswith("own-incident")
    closed = await watch.on(incident, "closing", CLOSING)
    assert (closed["state"], closed["possible"]) == ("closed", [])
    told = await watch.store.fetch(
        "SELECT topic, key, value FROM outbox WHERE topic LIKE 'incident.%' ORDER BY position"
    )
    assert [(one["topic"], one["key"]) for one in told] == [
        ("incident.opened", incident["id"]),
        ("incident.closed", incident["id"]),
    ]
    facts = [orjson.loads(one["value"]) for one in told]
    assert [sorted(fact) for fact in facts] == [
        ["incident_id", "opened_at", "trigger"],
        ["closed_at", "incident_id", "opened_at"],
    ]
    detail = await watch.standing(incident)
    assert detail["told"]["disposition"] == CLOSING["disposition"]
    assert "your Social Security number" in detail["letters"][person]


async def test_the_risk_is_weighed_by_three_factors_and_never_found_lower(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    incident = await watch.report_it(package_id=package["id"])
    lacking = {
        "answers": {k: v for k, v in ASSESSED["answers"].items() if k != "type.intent"},
        "reasons": {"type": "x"},
    }
    refused = await watch.on(incident, "assessment", ASSESSED | lacking, status=422)
    assert refused["missing"] == ["answers.type.intent", "reasons.sensitivity", "reasons.likelihood"]
    own_kinds = {"answers": ASSESSED["answers"] | {"sensitivity.kinds": "none-known"}}
    assert names(await watch.on(incident, "assessment", ASSESSED | own_kinds, status=422)) == [
        "answers.sensitivity.kinds"
    ]
    assert names(await watch.on(incident, "assessment", ASSESSED | {"level": "low"}, status=422)) == ["level"]
    weighed = await watch.on(incident, "assessment", ASSESSED)
    assert (weighed["points"], weighed["level"]) == ({"sensitivity": 3, "likelihood": 2, "type": 1}, "high")


async def test_who_is_affected_is_told_or_not_for_a_reason_that_is_filed(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    incident = await watch.report_it(package_id=package["id"])
    notice = {"person_id": incident["affected"][0]["person_id"], "outcome": "sent", "means": "first-class-mail"}
    assert (await watch.on(incident, "notices", notice | {"parts": PARTS}, status=422))["missing"] == ["assessment"]
    await watch.on(incident, "assessment", ASSESSED)
    silent = await watch.on(incident, "notices", notice, status=422)
    assert silent["missing"] == [*(f"parts.{p}" for p in PARTS), "person.address"]
    spared = notice | {"outcome": "not-needed", "reason": "low-risk", "reference": "MEMO-1"}
    assert names(await watch.on(incident, "notices", spared, status=422)) == ["outcome"]
    whim = notice | {"outcome": "delayed", "reason": "low-risk", "reference": "MEMO-1"}
    assert names(await watch.on(incident, "notices", whim, status=422)) == ["reason"]
    assert names(await watch.on(incident, "notices", notice | {"person_id": str(uuid.uuid4())}, status=422)) == [
        "person_id"
    ]
    ordered = notice | {"outcome": "delayed", "reason": "law-enforcement", "reference": "AG-ORDER-1"}
    await watch.on(incident, "notices", ordered)
    await watch.on(incident, "notices", notice | {"means": "telephone", "parts": PARTS})
    await watch.on(incident, "notices", notice | {"means": "telephone", "parts": PARTS}, status=409)


async def test_help_against_the_harm_is_drafted_decided_by_somebody_else_and_accounted_for(
    desk: Desk, watch: Watch
) -> None:
    package = await watch.astray(desk)
    incident = await watch.report_it(package_id=package["id"])
    facts = {"tax.return-information": "absent", "elements": "name,address"}
    body = {
        "basis": "routine-use-8",
        "recipient_kind": "private-entity",
        "transcript_ids": [package["record"]],
        "facts": facts,
    }
    assert (await watch.on(incident, "disclosures", body, status=422))["missing"] == ["assessment"]
    await watch.on(incident, "assessment", ASSESSED)
    foreign = await watch.on(
        incident, "disclosures", body | {"transcript_ids": [str(await desk.transcript())]}, status=422
    )
    assert names(foreign) == ["transcript_ids"]
    request = uuid.UUID((await watch.on(incident, "disclosures", body))["request_id"])
    own = await desk.decide(request, sub="privacy_officer-1", release=True)
    assert own.status_code == 403
    for finding in ("recipient.appropriate", "breach.risk-of-harm", "breach.disclosure-necessary", "accuracy.reviewed"):
        assert (await desk.find(request, finding)).status_code == 201, finding
    decided = await desk.decide(request, release=True)
    assert decided.status_code == 201, decided.text
    assert await desk.count("accounting") == 2
    shown = await watch.store.fetchrow("SELECT facts ->> 'breach.reference' AS mark, facts ->> 'breach.status' AS status "
                                       "FROM decision WHERE request_id = $1", request)  # fmt: skip
    assert dict(shown or {}) == {"mark": incident["id"], "status": "confirmed"}
    helped = {"basis": "routine-use-9", "recipient_kind": "federal-agency", "transcript_ids": [package["record"]],
              "facts": facts | {"letter": "a", "recipient-breach.reference": "OTHER-1", "recipient-breach.status": "suspected"}}  # fmt: skip
    await watch.on(incident, "disclosures", helped)
    assert [d["basis"] for d in (await watch.standing(incident))["disclosures"]] == ["routine-use-8", "routine-use-9"]


async def test_the_log_of_a_quarter_holds_suspected_ones_and_names_nobody(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    await watch.report_it(package_id=package["id"], certainty="suspected")
    await watch.report_it("wrong-message", records=[package["record"]], documents=["L-1"], people_estimated=3)
    log = await watch.do("GET", "/incident-log?year=2026&quarter=1", role="auditor", status=200)
    assert (len(log["incidents"]), log["suspected"], log["confirmed"], log["people"]) == (2, 1, 1, 4)
    assert log["incidents"][0]["kinds"] == ["name", "social-security-number"]
    assert PREPARER not in str(log)
    empty = await watch.do("GET", "/incident-log?year=2025&quarter=4", role="auditor", status=200)
    assert empty["incidents"] == []


async def test_an_office_sees_its_own_incidents_and_others_not_even_that_they_are(desk: Desk, watch: Watch) -> None:
    record = str(await desk.transcript())
    incident = await watch.report_it("wrong-message", records=[record], documents=["L-1"])
    other: dict[str, Any] = {"role": "analyst", "sub": "analyst-9", "office": "S99", "region": "R9"}
    hidden = await watch.do("GET", f"/incidents/{incident['id']}", status=404, **other)
    nothing = await watch.do("GET", f"/incidents/{uuid.uuid4()}", status=404, **other)
    assert hidden["detail"] == nothing["detail"]
    await watch.on(incident, "district-notice", {"means": "letter"}, status=404, **other)
    assert (await watch.do("GET", "/incidents", status=200, **other))["items"] == []
    elsewhere = other | {"role": "regional_admin", "sub": "r-9"}
    assert (await watch.do("GET", "/incidents", status=200, **elsewhere))["items"] == []
    assert len((await watch.do("GET", "/incidents", role="regional_admin", status=200))["items"]) == 1
    future = (watch.clock.now() + timedelta(days=1)).isoformat()
    assert names(
        await watch.report_it("wrong-message", records=[record], documents=["L"], detected_at=future, status=422)
    ) == ["detected_at"]


async def test_words_and_names_are_sealed_and_the_store_keeps_what_was_reported(desk: Desk, watch: Watch) -> None:
    package = await watch.astray(desk)
    incident = await watch.report_it(package_id=package["id"])
    await watch.asked(incident)
    await watch.told(incident)
    await watch.weighed(incident)
    stored = ""
    tables = ("incident", "recapture", "incident_report", "incident_assessment", "incident_notification", "matter_step",
              "audit_entry", "idempotency_key")  # fmt: skip
    for table in tables:
        stored += str([dict(r) for r in await watch.store.fetch(f"SELECT * FROM {table}")])
    for words in ("zebra", "Hortense", "410-555-0123", "Mixed up", "A number that lasts", "Watch your accounts"):
        assert words not in stored
    for table in ("incident", "incident_person", "incident_report", "incident_assessment", "recapture"):
        with pytest.raises(REFUSED):
            await watch.store.execute(f"DELETE FROM {table}")
    with pytest.raises(asyncpg.RestrictViolationError, match="never changes"):
        await watch.store.execute("UPDATE incident SET detected_at = detected_at - interval '1 day'")
    with pytest.raises(asyncpg.RestrictViolationError, match="nobody closed it"):
        await watch.store.execute("UPDATE incident SET state = 'closed'")
    closing = "INSERT INTO incident_closing VALUES ($1, 'analyst-1', '\\x00', 'F', 'analyst-1', now())"
    with pytest.raises(asyncpg.CheckViolationError, match="who_reports_never_closes"):
        await watch.store.execute(closing, incident["id"])
