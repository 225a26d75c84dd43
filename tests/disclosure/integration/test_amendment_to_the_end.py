"""One request to amend, from intake to the statement of disagreement (5 U.S.C. 552a(d)(2) to (d)(4))."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from tests.disclosure.requests_desk import CONTESTED, REFUSAL, STATEMENT, Counter


@pytest.mark.req("S1-112", "S1-117")
async def test_an_amendment_goes_from_intake_to_the_statement_of_disagreement(counter: Counter) -> None:
    counter.at(datetime(2026, 11, 20, 17, tzinfo=UTC))
    record = str(uuid4())
    filed = await counter.file("amendment", records=[record])
    request = filed["id"]
    assert (filed["state"], filed["received_on"], filed["possible"]) == ("received", "2026-11-20", ["withdraw"])
    assert [(c["name"], c["due_on"], c["working_days"]) for c in filed["clocks"]] == [("acknowledge", "2026-12-07", 10)]
    assert {"day": "2026-11-26", "kind": "holiday", "code": "thanksgiving-day", "authority": "5 U.S.C. 6103(a)"} in (
        filed["clocks"][0]["skipped"]
    )
    counter.at(datetime(2026, 12, 7, 17, tzinfo=UTC))
    acknowledged = await counter.act(request, "acknowledgement")
    assert (acknowledged["state"], acknowledged["acknowledged_on"]) == ("acknowledged", "2026-12-07")
    assert [(c["met_on"], c["overdue"]) for c in acknowledged["clocks"]] == [("2026-12-07", False)]

    refused = await counter.act(request, "decision", REFUSAL | {"records": [record]})
    assert refused["state"] == "refused"
    told = (await counter.own(request))["letters"][-1]["text"]
    for said in ("Olga Reviewer", "6401 Security Boulevard", REFUSAL["reason"], REFUSAL["procedure"]):
        assert said in told

    review = await counter.do("POST", f"/me/individual-requests/{request}/review", role="customer")
    assert review["state"] == "review-requested"
    assert [c["due_on"] for c in review["clocks"] if c["name"] == "review"] == ["2027-01-21"]
    own = {"outcome": "refused", "found": True, "grounds": ["record-is-right"], "reason": "It stands."}
    by_the_same = await counter.send("POST", f"/individual-requests/{request}/review/decision", own)
    assert by_the_same.status_code == 403
    assert by_the_same.json()["type"].endswith("/own-refusal")
    final = await counter.act(request, "review/decision", own, sub="privacy_officer-2")
    assert final["state"] == "final-refusal"
    letter = (await counter.own(request))["letters"][-1]["text"]
    assert "civil action" in letter
    assert "552a(g)" in letter
    assert "concise statement" in letter

    body = {"portion": CONTESTED, "statement": STATEMENT}
    disputed = await counter.do("POST", f"/me/individual-requests/{request}/statement", body, role="customer")
    assert (disputed["state"], disputed["possible"]) == ("disputed", [])
    await counter.act(request, "statement/answer", {"reasons": "What was said is kept as said."})
    found = await counter.do("GET", f"/disputes?record_id={record}", status=200)
    assert [(d["portion"], d["statement"], d["answer"]) for d in found["items"]] == [
        (CONTESTED, STATEMENT, "What was said is kept as said.")
    ]
    acts = [step["act"] for step in (await counter.detail(request))["steps"]]
    assert acts == ["take-in", "acknowledge", "decide", "ask-review", "decide-review", "disagree", "answer-statement"]
