"""What officials do with requests, and what they cannot: each act with the case in which it is refused."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from tests.disclosure.requests_desk import NAME, REFUSAL, Counter
from tests.plugins.kit import REFUSED

GRANT: dict[str, Any] = {"outcome": "granted", "found": True}


async def granted_access(counter: Counter) -> tuple[str, str]:
    record = str(uuid4())
    request = (await counter.file("access", records=[record]))["id"]
    await counter.act(request, "decision", GRANT | {"records": [record]})
    return request, record


@pytest.mark.req("S1-119")
@pytest.mark.parametrize("ground", ["k2", "(j)(2)", "foia-b6", "because"])
async def test_no_exemption_withholds_anything(counter: Counter, ground: str) -> None:
    request = (await counter.file("access"))["id"]
    ruling = REFUSAL | {"grounds": [ground], "records": [str(uuid4())]}
    refused = await counter.send("POST", f"/individual-requests/{request}/decision", ruling)
    assert refused.status_code == 422
    assert [e["field"] for e in refused.json()["errors"]] == ["grounds[0]"]
    assert (await counter.detail(request))["state"] == "received"
    compiled = ruling | {"grounds": ["compiled-for-proceeding"], "references": {"proceeding.reference": "DOCKET-1"}}
    assert (await counter.act(request, "decision", compiled))["state"] == "refused"


@pytest.mark.parametrize("left_out", ["grounds", "reason", "official", "procedure"])
async def test_a_refusal_that_lacks_something_is_none(counter: Counter, left_out: str) -> None:
    request = (await counter.file())["id"]
    await counter.act(request, "acknowledgement")
    ruling = {k: v for k, v in REFUSAL.items() if k != left_out} | {"records": [str(uuid4())]}
    refused = await counter.send("POST", f"/individual-requests/{request}/decision", ruling)
    assert refused.status_code == 422
    assert {name.split(".")[0] for name in refused.json()["missing"]} == {left_out}
    no_address = REFUSAL | {"records": ruling["records"], "official": {"name": "Olga", "address": " "}}
    assert (await counter.send("POST", f"/individual-requests/{request}/decision", no_address)).status_code == 422


async def test_an_amendment_is_not_decided_before_it_is_acknowledged(counter: Counter) -> None:
    request = (await counter.file())["id"]
    early = await counter.send("POST", f"/individual-requests/{request}/decision", GRANT | {"records": [str(uuid4())]})
    assert early.status_code == 409
    assert early.json()["possible"] == ["acknowledge", "ask-back", "reroute", "withdraw"]
    await counter.act(request, "acknowledgement")
    assert (await counter.send("POST", f"/individual-requests/{request}/acknowledgement")).status_code == 409


@pytest.mark.req("S2-020")
async def test_a_copy_goes_after_other_peoples_data_was_looked_for_and_decided(counter: Counter) -> None:
    request, record = await granted_access(counter)
    delivery = {"form": "pdf"}
    unsearched = await counter.send("POST", f"/individual-requests/{request}/delivery", delivery)
    assert unsearched.json()["missing"] == [f"redactions.{record}"]
    text = f"  I am {NAME}. My son Peter Other has 457-55-5462. "
    search = {
        "transcript_id": record,
        "entries": [{"seq": 2, "text": text}],
        "requester": {"given": ["Quirina"], "family": "Telltale"},
    }
    found = (await counter.act(request, "redactions", search))["items"]
    assert [(f["entry_seq"], f["kind"]) for f in found] == [(2, "name"), (2, "social-security-number")]
    assert [text[f["span_start"] : f["span_end"]] for f in found] == ["Peter Other", "457-55-5462"]
    undecided = await counter.send("POST", f"/individual-requests/{request}/delivery", delivery)
    assert undecided.status_code == 422
    assert undecided.json()["missing"] == [f"redaction.{f['id']}" for f in found]
    path = f"/individual-requests/{request}/redactions"
    unreasoned = {"decisions": [{"id": found[0]["id"], "decision": "keep"}]}
    assert (await counter.send("PUT", path, unreasoned)).status_code == 422
    settled = {"decisions": [{"id": found[0]["id"], "decision": "keep", "reason": "consent"},
                             {"id": found[1]["id"], "decision": "redact"}]}  # fmt: skip
    await counter.do("PUT", path, settled, status=200)
    foreign = {"decisions": [{"id": str(uuid4()), "decision": "redact"}]}
    assert (await counter.send("PUT", path, foreign)).status_code == 422
    assert (await counter.act(request, "delivery", delivery))["state"] == "delivered"
    other_record = search | {"transcript_id": str(uuid4())}
    assert (await counter.send("POST", path, other_record)).status_code == 422


async def test_somebody_may_come_along_on_a_written_statement_and_only_copies_cost(counter: Counter) -> None:
    request, record = await granted_access(counter)
    await counter.act(request, "redactions", {"transcript_id": record, "entries": [{"seq": 1, "text": "Hello"}]})
    alone = {"form": "seen-in-person", "accompanied": True}
    path = f"/individual-requests/{request}/delivery"
    assert (await counter.send("POST", path, alone)).json()["errors"][0]["field"] == "companion_statement"
    costly = {"form": "paper", "fees": [{"charged_for": "search", "cents": 500}]}
    assert (await counter.send("POST", path, costly)).json()["errors"][0]["field"] == "fees[0].charged_for"
    paid = {"form": "paper", "fees": [{"charged_for": "copy", "cents": 120}]} | {
        "accompanied": True,
        "companion_statement": "SCAN-7",
    }
    assert (await counter.act(request, "delivery", paid))["state"] == "delivered"
    assert (await counter.detail(request))["steps"][-1]["codes"]["copy_fee_cents"] == 120


async def test_a_delay_is_told_with_a_day(counter: Counter) -> None:
    request = (await counter.file("access"))["id"]
    past = await counter.send("POST", f"/individual-requests/{request}/delay", {"until": "2026-03-02"})
    assert past.status_code == 422
    told = await counter.act(request, "delay", {"until": "2026-03-20"}, role="analyst")
    assert [(c["name"], c["due_on"]) for c in told["clocks"]] == [("promised", "2026-03-20")]
    amendment = (await counter.file())["id"]
    assert (
        await counter.send("POST", f"/individual-requests/{amendment}/delay", {"until": "2026-03-20"})
    ).status_code == 409


@pytest.mark.req("S1-117")
async def test_what_is_late_is_listed(counter: Counter) -> None:
    late, answered = (await counter.file())["id"], (await counter.file())["id"]
    await counter.act(answered, "acknowledgement")
    counter.clock.turn(days=30)
    found = await counter.do("GET", "/individual-requests?overdue=true", status=200)
    assert [(r["id"], r["clocks"][0]["overdue"]) for r in found["items"]] == [(late, True)]


async def test_only_the_heads_office_extends_a_review_and_once(counter: Counter) -> None:
    request = (await counter.refused())["id"]
    review = await counter.act(request, "review", {"received_on": "2026-03-02", "paper": "SCAN-8"}, role="analyst")
    due = next(c["due_on"] for c in review["clocks"] if c["name"] == "review")
    path = f"/individual-requests/{request}/review/extension"
    order = {"until": "2026-06-01", "good_cause": "The file is in court.", "order": "ORDER-3"}
    assert (await counter.send("POST", path, order, role="privacy_officer")).status_code == 403
    assert (await counter.send("POST", path, order | {"until": due}, role="hq_admin")).status_code == 422
    extended = await counter.do("POST", path, order, role="hq_admin")
    assert extended["state"] == "review-extended"
    assert {c["name"]: c["met_on"] for c in extended["clocks"]}["extension"] is None
    assert (await counter.send("POST", path, order | {"until": "2026-07-01"}, role="hq_admin")).status_code == 409


async def test_a_review_lies_between_the_refusal_and_today(counter: Counter) -> None:
    request = (await counter.refused())["id"]
    for day in ("2026-03-01", "2026-03-03"):
        refused = await counter.send(
            "POST", f"/individual-requests/{request}/review", {"received_on": day, "paper": "SCAN-8"}
        )
        assert refused.json()["errors"][0]["field"] == "received_on"


async def test_days_are_those_at_the_seat_of_the_agency(counter: Counter) -> None:
    """At two in the morning, UTC, it is the evening before there."""
    counter.at(datetime(2026, 3, 3, 2, tzinfo=UTC))
    request = await counter.refused()
    assert request["received_on"] == "2026-03-02"
    review = await counter.do("POST", f"/me/individual-requests/{request['id']}/review", role="customer")
    assert [c["started_on"] for c in review["clocks"] if c["name"] == "review"] == ["2026-03-02"]


async def test_what_comes_on_paper_later_is_signed_and_filed(counter: Counter) -> None:
    request = (await counter.refused())["id"]
    path = f"/individual-requests/{request}"
    unsigned = await counter.send("POST", path + "/review", {"received_on": "2026-03-02"})
    assert (unsigned.status_code, unsigned.json()["missing"]) == (422, ["body.paper"])
    await counter.act(request, "review", {"received_on": "2026-03-02", "paper": "SCAN-8"})
    final = {"outcome": "refused", "found": True, "grounds": ["record-is-right"], "reason": "It stands."}
    await counter.act(request, "review/decision", final, sub="privacy_officer-2")
    statement = {"portion": "x", "statement": "y"}
    unsigned = await counter.send("POST", path + "/statement", statement)
    assert (unsigned.status_code, unsigned.json()["missing"]) == (422, ["body.paper"])
    await counter.act(request, "statement", statement | {"paper": "SCAN-9"})
    steps = (await counter.detail(request))["steps"]
    assert [s["codes"]["paper"] for s in steps if "paper" in s["codes"]] == ["SCAN-8", "SCAN-9"]


async def test_a_review_can_reverse_a_refusal(counter: Counter) -> None:
    request = (await counter.refused("access"))["id"]
    await counter.do("POST", f"/me/individual-requests/{request}/review", role="customer")
    reversed_ = await counter.act(request, "review/decision", GRANT, sub="privacy_officer-2")
    assert (reversed_["state"], reversed_["clocks"][-1]["overdue"]) == ("granted-on-review", False)
    body = {"portion": "all", "statement": "no"}
    answer = await counter.send("POST", f"/me/individual-requests/{request}/statement", body, role="customer")
    assert answer.status_code == 409


async def test_a_request_can_be_withdrawn_until_it_is_decided(counter: Counter) -> None:
    by_mail = (await counter.take_in())["id"]
    assert (await counter.act(by_mail, "withdrawal", {"paper": "SCAN-9"}, role="analyst"))["state"] == "withdrawn"
    own = (await counter.file())["id"]
    withdrawn = await counter.do("POST", f"/me/individual-requests/{own}/withdrawal", role="customer")
    assert (withdrawn["state"], withdrawn["possible"], withdrawn["clocks"][0]["overdue"]) == ("withdrawn", [], False)
    refused = (await counter.refused())["id"]
    assert (
        await counter.send("POST", f"/individual-requests/{refused}/withdrawal", {"paper": "S-1"})
    ).status_code == 409


@pytest.mark.parametrize("act", ["acknowledgement", "question", "answer", "rerouting", "delay", "decision", "redactions",
                                 "delivery", "review", "review/decision", "statement", "statement/answer", "withdrawal"])  # fmt: skip
async def test_an_unknown_request_is_not_there(counter: Counter, act: str) -> None:
    bodies: dict[str, Any] = {
        "question": {"question": "Which?"},
        "answer": {"description": "That."},
        "rerouting": {"aim": "agency-records"},
        "delay": {"until": "2026-04-01"},
        "decision": GRANT,
        "redactions": {"transcript_id": str(uuid4()), "entries": [{"seq": 1, "text": "x"}]},
        "delivery": {"form": "pdf"},
        "review": {"received_on": "2026-03-02", "paper": "SCAN-8"},
        "review/decision": GRANT,
        "statement": {"portion": "x", "statement": "y", "paper": "SCAN-9"},
        "withdrawal": {"paper": "SCAN-9"},
        "statement/answer": {"reasons": "z"},
    }
    answer = await counter.send("POST", f"/individual-requests/{uuid4()}/{act}", bodies.get(act))
    assert answer.status_code == 404


async def test_nobody_is_the_official_of_their_own_request(counter: Counter) -> None:
    body = {"kind": "access", "system": "DHS/ALL-019"}
    own = (await counter.do("POST", "/me/individual-requests", body, role="privacy_officer"))["id"]
    for method, act, content in (
        ("POST", "/decision", GRANT | {"records": [str(uuid4())]}),
        ("POST", "/acknowledgement", None),
        ("POST", "/identity", {"facts": {}}),
        ("GET", "", None),
    ):
        refused = await counter.send(method, f"/individual-requests/{own}{act}", content)
        assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (403, "own-request")
    other = await counter.act(own, "decision", GRANT | {"records": [str(uuid4())]}, sub="privacy_officer-2")
    assert other["state"] == "granted"
    row = await counter.store.fetchrow("SELECT * FROM individual_decision")
    assert row is not None
    with pytest.raises(asyncpg.RestrictViolationError, match="who asks never decides"):
        await counter.store.execute(
            "INSERT INTO individual_decision SELECT (json_populate_record(d, $1)).* FROM individual_decision d",
            f'{{"id": "{uuid4()}", "decided_by": "privacy_officer-1"}}',
        )


async def test_the_store_itself_refuses_what_the_law_forbids(counter: Counter) -> None:
    request = (await counter.refused())["id"]
    store = counter.store
    first = await store.fetchrow("SELECT * FROM individual_decision")
    assert first is not None
    columns = [c for c in first.keys() if c != "id"]  # noqa: SIM118 - a record's keys

    async def again(**changes: Any) -> None:
        values = {**dict(first), "id": uuid4(), "stage": "review", "initial_stage": "initial",
                  "initial_by": first["decided_by"], "decided_by": "officer-9", "judicial_review_told": True,
                  **changes}  # fmt: skip
        places = ", ".join(f"${n}" for n in range(1, len(columns) + 2))
        await store.execute(f"INSERT INTO individual_decision (id, {', '.join(columns)}) VALUES ({places})",
                            values["id"], *(values[c] for c in columns))  # fmt: skip

    for changes, rule in (
        ({"decided_by": first["decided_by"]}, "who_refused_does_not_review"),
        ({"initial_by": "somebody-else"}, "reviews_that_decision"),
        ({"judicial_review_told": False}, "a_final_refusal_tells_of_judicial_review"),
        ({"verified": False}, "identity_is_proved"),
        ({"identity_id": uuid4()}, "passed_the_gate"),
        ({"reason": None}, "a_refusal_says_why"),
        ({"stage": "initial", "initial_by": None, "initial_stage": None, "official_address": " "},
         "a_refusal_names_who_reviews"),
    ):  # fmt: skip
        with pytest.raises(asyncpg.IntegrityConstraintViolationError, match=rule):
            await again(**changes)
    for statement in (
        "UPDATE individual_request SET state = 'granted'",
        "UPDATE individual_request SET received_on = received_on + 1",
        "DELETE FROM individual_request",
        "UPDATE individual_step SET actor = 'x'",
        "DELETE FROM individual_decision",
        "UPDATE individual_identity SET verified = true",
        f"INSERT INTO individual_step VALUES ('{request}', 9, 'decide', 'refused', 'granted', 'x', now(), '{{}}')",
    ):
        with pytest.raises((*REFUSED, asyncpg.RestrictViolationError)):
            await store.execute(statement)
