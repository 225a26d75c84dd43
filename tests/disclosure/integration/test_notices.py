"""The notices can be read, a changed one is held against the past, and decisions are told in three wordings."""

import json
from typing import Any
from uuid import uuid4

import httpx
import pytest

from disclosure import rulebook
from disclosure.question import TaxSpan
from tests.disclosure.cases import base, with_facts
from tests.disclosure.desk import LOOK, Desk


async def test_a_notice_is_read_with_the_state_of_each_routine_use(desk: Desk) -> None:
    said = (await desk.get("/v1/notices/60-0383", role="customer")).json()
    assert said["rule_version"] == rulebook.current().version
    assert {one["state"] for one in said["states"]} == {"in-effect"}
    assert len(said["states"]) == 12
    page = await desk.get("/v1/notices/DHS-ALL-019", role="customer", format="markdown")
    assert page.headers["content-type"].startswith("text/markdown")
    assert page.text.startswith("# System of records DHS/ALL-019")
    assert (await desk.get("/v1/notices/99-9999", role="customer")).status_code == 404


async def compare(desk: Desk, notice: dict[str, Any], role: str = "auditor") -> httpx.Response:
    headers = desk.headers(role, "auditor-3", str(uuid4())) | LOOK
    return await desk.client.post("/v1/notice-differences", json={"notice": notice}, headers=headers)


async def test_a_changed_notice_is_held_against_every_past_decision(desk: Desk) -> None:
    kept = [(await desk.decide(await desk.asked(base(b)))).json()["id"] for b in ("routine-use-7", "routine-use-10")]
    short = await desk.asked(with_facts(base("routine-use-7"), {}, "archives.request"))
    kept.append((await desk.decide(short)).json()["id"])
    notice = (await desk.get("/v1/notices/60-0383")).json()["notice"]
    same = [json.loads(line) for line in (await compare(desk, notice)).text.splitlines()]
    assert [line["tally"] for line in same] == [{"decisions": 3, "same": 3, "different": 0, "other_notice": 0}]
    (seventh,) = [u for u in notice["routine_uses"] if u["id"] == "routine-use-7"]
    seventh["elements"][1] = {**seventh["elements"][1], "fact": "archives.inspector", "asks": "Who inspects there?"}
    *lines, last = [json.loads(line) for line in (await compare(desk, notice)).text.splitlines()]
    assert last["tally"] == {"decisions": 3, "same": 1, "different": 2, "other_notice": 0}
    assert {(line["decision_id"], line["then"], line["now"]) for line in lines} == {
        (kept[0], "allow", "undecided"),
        (kept[2], "undecided", "undecided"),
    }
    assert all(line["because"] == ["archives.inspector"] for line in lines)
    assert await desk.count("decision") == 3
    assert [row["action"] for row in await desk.audited()].count("disclosure.compare-notice") == 2


async def test_what_is_no_notice_is_refused_and_not_everybody_compares(desk: Desk) -> None:
    assert (await compare(desk, {"system": "60-0383"})).status_code == 422
    notice = (await desk.get("/v1/notices/60-0383")).json()["notice"]
    assert (await compare(desk, notice, role="analyst")).status_code == 403


async def test_three_readers_get_three_wordings_of_one_proof(desk: Desk) -> None:
    transcript = await desk.transcript()
    late = uuid4()
    question = with_facts(base("routine-use-1"), {}, "inquiry.request")
    request_id = await desk.asked(question, transcripts=[transcript, late])
    decided = (await desk.decide(request_id, spans=[TaxSpan(transcript, 2, 3)])).json()["id"]
    said = {
        reader: (await desk.get(f"/v1/decisions/{decided}/wording", **{"for": reader})).json()
        for reader in ("person", "requester", "auditor")
    }
    assert said["person"]["verdict"].startswith("Nothing about you is given to: Office of a Member of Congress")
    assert "[inquiry.request]" in "".join(said["requester"]["points"])
    assert str(late) not in json.dumps(said["requester"])
    assert "open within the agency" in "".join(said["requester"]["points"])
    steps = (await desk.get(f"/v1/decisions/{decided}")).json()["steps"]
    assert len(said["auditor"]["points"]) == len(steps)
    for step, point in zip(steps, said["auditor"]["points"], strict=True):
        assert step["fact"] in point
        assert step["citation"] in point
    assert (await desk.get(f"/v1/decisions/{uuid4()}/wording", **{"for": "person"})).status_code == 404
    assert (await desk.get(f"/v1/decisions/{decided}/wording", **{"for": "press"})).status_code == 422


@pytest.mark.parametrize("reader", ["person", "requester", "auditor"])
async def test_what_is_withheld_by_law_is_said(desk: Desk, reader: str) -> None:
    transcript = await desk.transcript()
    request_id = await desk.asked(transcripts=[transcript])
    decided = (await desk.decide(request_id, spans=[TaxSpan(transcript, 2, 3)])).json()
    assert decided["outcome"] == "allow"
    points = (await desk.get(f"/v1/decisions/{decided['id']}/wording", **{"for": reader})).json()["points"]
    assert any("withheld" in point.lower() or "stays with the agency" in point for point in points)
