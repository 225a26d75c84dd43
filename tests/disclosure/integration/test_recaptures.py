"""Recaptures: how something is asked back, what comes of it, and the way of a refusal to the National Office."""

from typing import Any

import asyncpg
import pytest

from tests.disclosure.desk import Desk
from tests.disclosure.incident_desk import ASKING, CLOSING, Watch


@pytest.fixture
async def watch(desk: Desk) -> Watch:
    return Watch(desk.client, desk.issuer, desk.store, desk.clock)


async def something_out(desk: Desk, watch: Watch) -> dict[str, Any]:
    record = str(await desk.transcript())
    return await watch.report_it("wrong-message", records=[record], documents=["LETTER-1", "LETTER-2"])


@pytest.mark.req("S2-081", "S2-082", "S2-083")
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"method": "e-mail"}, "method"),
        ({"method": "registered-mail"}, "registered_number"),
        ({"envelope_offered": False}, "envelope_offered"),
        ({"return_to": "regional-office"}, "return_to"),
    ],
)
async def test_it_is_asked_back_as_the_bulletin_says(
    desk: Desk, watch: Watch, change: dict[str, Any], field: str
) -> None:
    incident = await something_out(desk, watch)
    refused = await watch.on(incident, "recaptures", ASKING | change, role="analyst", status=422)
    assert [e["field"] for e in refused["errors"]] == [field]
    mailed = await watch.asked(incident, method="registered-mail", registered_number="RE123456785US")
    assert (mailed["state"], mailed["registered_number"]) == ("asked", "RE123456785US")
    again = await watch.on(incident, "recaptures", ASKING, role="analyst", status=422)
    assert [e["field"] for e in again["errors"]] == ["documents"]


@pytest.mark.req("S2-083")
async def test_what_comes_back_is_filed_again_or_destroyed(desk: Desk, watch: Watch) -> None:
    incident = await something_out(desk, watch)
    recapture = await watch.asked(incident)
    first, second = (d["id"] for d in incident["documents"])
    assert (await watch.came_of(recapture, "return", status=422))["missing"] == ["documents"]
    kept = await watch.came_of(recapture, "return", (first, ""), status=422)
    assert kept["missing"] == ["documents[0].outcome"]
    await watch.came_of(recapture, "return", (first, "destroyed"))
    twice = await watch.came_of(recapture, "return", (first, "refiled"), status=422)
    assert [e["field"] for e in twice["errors"]] == ["documents[0].id"]
    await watch.came_of(recapture, "not-answer")
    assert (await watch.came_of(recapture, "return", (second, "refiled")))["state"] == "recovered"
    assert [d["stands"] for d in (await watch.standing(incident))["documents"]] == ["destroyed", "refiled"]


@pytest.mark.req("S2-091")
async def test_every_recapture_of_an_office_is_on_its_list_open_or_closed(desk: Desk, watch: Watch) -> None:
    incidents = [await something_out(desk, watch) for _ in range(2)]
    open_one, closed = [await watch.asked(incident) for incident in incidents]
    await watch.came_of(closed, "return", *((d["id"], "refiled") for d in incidents[1]["documents"]))
    other: dict[str, Any] = {"role": "analyst", "sub": "analyst-9", "office": "S99", "region": "R9"}
    elsewhere = await watch.do("POST", "/incidents", {
        "trigger": "wrong-message", "certainty": "confirmed", "detected_at": watch.clock.now().isoformat(),
        "records": [str(await desk.transcript())], "documents": ["L-9"]}, **other)  # fmt: skip
    await watch.on(elsewhere, "recaptures", ASKING, **other)
    listed = (await watch.do("GET", "/recaptures", role="analyst", status=200))["items"]
    assert [(r["id"], r["open"]) for r in listed] == [(open_one["id"], True), (closed["id"], False)]
    everywhere = (await watch.do("GET", "/recaptures", status=200))["items"]
    assert len(everywhere) == 3
    theirs = (await watch.do("GET", "/recaptures?office=S99", status=200))["items"]
    assert [r["office"] for r in theirs] == ["S99"]


@pytest.mark.req("S2-094", "S2-095", "S2-096")
async def test_a_refusal_goes_to_the_national_office_through_the_region_and_on_with_its_advice_only(
    desk: Desk, watch: Watch
) -> None:
    incident = await something_out(desk, watch)
    recapture = await watch.asked(incident)
    sign_off, advice = f"/recaptures/{recapture['id']}/sign-off", f"/recaptures/{recapture['id']}/advice"
    await watch.do("POST", sign_off, role="regional_admin", status=409)
    refused = await watch.came_of(recapture, "refuse")
    assert (refused["state"], refused["possible"]) == ("refused", ["sign-off"])
    for act in ("return", "ask-again", "give-up", "escalate"):
        back = [(incident["documents"][0]["id"], "refiled")] if act == "return" else []
        assert (await watch.came_of(recapture, act, *back, status=409))["possible"] == ["sign-off"]
    own = await watch.do("POST", sign_off, role="regional_admin", sub="analyst-1", status=403)
    assert own["type"].endswith("own-incident")
    with pytest.raises(asyncpg.CheckViolationError, match="the_national_office_comes_after_the_region"):
        await watch.store.execute("UPDATE recapture SET state = 'escalated'")
    await watch.do("POST", sign_off, role="regional_admin")
    assert (await watch.came_of(recapture, "escalate"))["state"] == "escalated"
    for act in ("give-up", "ask-again", "refuse"):
        assert (await watch.came_of(recapture, act, status=409))["possible"] == ["advise"]
    assert (await watch.do("POST", advice, {"advice": "  "}, role="hq_admin", status=422))["missing"] == ["advice"]
    advised = await watch.do("POST", advice, {"advice": "Leave it, quokka words."}, role="hq_admin")
    assert advised["possible"] == ["ask-again", "return", "give-up"]
    assert (await watch.came_of(recapture, "give-up"))["state"] == "given-up"
    await watch.told(incident)
    await watch.weighed(incident)
    assert (await watch.on(incident, "closing", CLOSING))["state"] == "closed-unrecovered"
    detail = await watch.standing(incident)
    assert [h["advice"] for h in detail["holders"]] == ["Leave it, quokka words."]
