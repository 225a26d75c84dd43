"""Whoever got a record is told when it is corrected or disputed, and asked until they confirm (5 U.S.C. 552a(c)(4))."""

import asyncio
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
import pytest

from common.contracts.disclosure import AMENDMENT_EVENTS, DisclosureReleased, RecordAmended
from common.contracts.envelope import decode
from common.messaging.broker import Record
from disclosure import repository
from tests.disclosure.cases import base
from tests.disclosure.desk import RECIPIENT, Desk
from tests.disclosure.ears import Ears, event
from tests.disclosure.requests_desk import CONTESTED, REFUSAL, STATEMENT, Counter

SENT = {"sent_on": "2026-03-03", "channel": "registered-mail", "record": "RR-118"}


async def released(desk: Desk, basis: str, record: UUID) -> dict[str, Any]:
    answer = await desk.decide(await desk.asked(base(basis), transcripts=[record]), release=True)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def corrected(counter: Counter, record: UUID, outcome: str = "granted") -> str:
    """A request of the person to correct this record, decided so; gives its id."""
    filed = await counter.file("amendment", records=[str(record)])
    await counter.act(filed["id"], "acknowledgement")
    granted = {"outcome": "granted", "found": True, "records": [str(record)]}
    part = REFUSAL | {"outcome": "granted-in-part", "records": [str(record)]}
    refused = REFUSAL | {"records": [str(record)]}
    body = {"granted": granted, "granted-in-part": part, "refused": refused}[outcome]
    await counter.act(filed["id"], "decision", body)
    return str(filed["id"])


async def notices(counter: Counter, **params: Any) -> list[dict[str, Any]]:
    query = "&".join(f"{name}={value}" for name, value in params.items())
    found: list[dict[str, Any]] = (await counter.do("GET", f"/outgoing-notices?{query}", status=200))["items"]
    return found


async def amendments(desk: Desk) -> list[RecordAmended]:
    rows = await desk.store.fetch("SELECT * FROM outbox WHERE topic = 'record.amended' ORDER BY position")
    records = [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]
    return [decode(record, AMENDMENT_EVENTS).data for record in records]  # type: ignore[misc]


async def test_a_correction_goes_to_every_recipient_that_is_accounted_for(
    desk: Desk, counter: Counter, ears: Ears
) -> None:
    """(b)(7) ones too, though the person never sees them; not who got it under (b)(2), nor where nothing went."""
    record, other = await desk.transcript(), await desk.transcript()
    told = [(await released(desk, basis, record))["accounting_id"] for basis in ("routine-use-3", "b7")]
    for basis, of in (("b2", record), ("routine-use-3", other)):
        await released(desk, basis, of)
    nothing = await released(desk, "b6", record)
    late = await released(desk, "b6", record)
    for said in (nothing, late):
        if said is late:
            request = await corrected(counter, record)
        fact = DisclosureReleased(
            request_id=said["request_id"], grant_id=said["grant"]["id"], accounting_id=said["accounting_id"],
            outcome="expired", settled_at=desk.clock.now(),
        )  # fmt: skip
        await ears.hear([event(fact)])
    found = {one["accounting_id"]: one for one in await notices(counter)}
    assert set(found) == {*told, late["accounting_id"]}
    assert found[late["accounting_id"]]["state"] == "moot", "it was owed until it was heard that nothing went"
    assert {one["cause_id"] for one in found.values()} == {request}
    assert {one["due_on"] for one in found.values()} == {"2026-03-16"}
    assert [(str(f.record_id), str(f.amendment_id), f.kind) for f in await amendments(desk)] == [
        (str(record), request, "correction")
    ]
    letter = await counter.do("GET", f"/outgoing-notices/{found[told[0]]['id']}", status=200)
    assert (letter["name"], letter["address"]) == tuple(RECIPIENT.values())
    assert CONTESTED in letter["text"]
    assert "I moved in 2021." in letter["text"]
    assert not [e for e in await desk.audited() if "moved" in str(e)]


@pytest.mark.parametrize(("outcome", "number"), [("granted-in-part", 1), ("refused", 0)])
async def test_what_is_refused_corrects_nothing_and_a_part_is_told(
    desk: Desk, counter: Counter, outcome: str, number: int
) -> None:
    record = await desk.transcript()
    await released(desk, "routine-use-3", record)
    await corrected(counter, record, outcome)
    assert len(await notices(counter)) == len(await amendments(desk)) == number


async def test_a_statement_of_disagreement_goes_to_them_with_the_agency_s_reasons(desk: Desk, counter: Counter) -> None:
    record = await desk.transcript()
    await released(desk, "routine-use-3", record)
    request = await corrected(counter, record, "refused")
    await counter.do("POST", f"/me/individual-requests/{request}/review", role="customer", sub="customer-1")
    final = {"outcome": "refused", "found": True, "grounds": ["record-is-right"], "reason": "It stands."}
    await counter.act(request, "review/decision", final, sub="privacy_officer-2")
    assert await notices(counter) == []
    statement = {"portion": CONTESTED, "statement": STATEMENT}
    await counter.do(
        "POST", f"/me/individual-requests/{request}/statement", statement, role="customer", sub="customer-1"
    )
    await counter.act(request, "statement/answer", {"reasons": "What was said is kept as said."})
    [one] = await notices(counter)
    assert one["kind"] == "disagreement"
    letter = await counter.do("GET", f"/outgoing-notices/{one['id']}", status=200)
    for said in (CONTESTED, STATEMENT, "What was said is kept as said."):
        assert said in letter["text"]
    assert [fact.kind for fact in await amendments(desk)] == ["disagreement"]


async def test_a_receipt_is_chased_until_it_is_there(desk: Desk, counter: Counter) -> None:
    record = await desk.transcript()
    await released(desk, "routine-use-3", record)
    await corrected(counter, record)
    [one] = await notices(counter, state="due")
    path = f"/outgoing-notices/{one['id']}"
    early = await counter.send("POST", f"{path}/receipt", {"received_on": "2026-03-02", "record": "SLIP-1"})
    assert (early.status_code, early.json()["state"]) == (409, "due")
    counter.at(datetime(2026, 3, 17, 17, tzinfo=UTC))
    assert [n["overdue"] for n in await notices(counter, overdue="true")] == [True]
    ahead = await counter.send("POST", f"{path}/sending", SENT | {"sent_on": "2026-03-18"})
    assert ahead.status_code == 422
    sent = await counter.do("POST", f"{path}/sending", SENT)
    assert (sent["state"], sent["due_on"], sent["overdue"]) == ("sent", "2026-03-24", False)
    as_sent = await counter.do("GET", path, status=200)
    assert not [
        v
        for v in (CONTESTED.encode(), b"moved")
        if v in await desk.store.fetchval("SELECT letter FROM outgoing_notice")
    ]
    counter.at(datetime(2026, 3, 25, 17, tzinfo=UTC))
    assert len(await notices(counter, overdue="true")) == 1
    again = await counter.do("POST", f"{path}/sending", SENT | {"sent_on": "2026-03-25"})
    assert (again["state"], again["reminders"], again["sent_on"], again["due_on"]) == (
        "sent",
        1,
        "2026-03-03",
        "2026-04-08",
    )
    received = await counter.do("POST", f"{path}/receipt", {"received_on": "2026-03-25", "record": "SLIP-1"})
    assert (received["state"], received["received_on"]) == ("received", "2026-03-25")
    assert (await counter.do("GET", path, status=200))["text"] == as_sent["text"]
    assert (await counter.send("POST", f"{path}/sending", SENT)).status_code == 409
    assert (await counter.send("GET", f"/outgoing-notices/{record}")).status_code == 404


async def test_an_amendment_waits_for_a_release_in_hand_and_tells_its_recipient(
    desk: Desk, counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The release has written its accounting and is not committed when the amendment looks for prior recipients."""
    record = await desk.transcript()
    request_id = await desk.asked(base("routine-use-3"), transcripts=[record])
    filed = await counter.file("amendment", records=[str(record)])
    await counter.act(filed["id"], "acknowledgement")
    whole, written, go_on = repository.add_grant, asyncio.Event(), asyncio.Event()

    async def slowly(session: Any, grant: Any) -> None:
        await whole(session, grant)
        written.set()
        await go_on.wait()

    monkeypatch.setattr(repository, "add_grant", slowly)
    releasing = asyncio.create_task(desk.decide(request_id, release=True))
    await written.wait()
    granted = {"outcome": "granted", "found": True, "records": [str(record)]}
    amending = asyncio.create_task(counter.act(filed["id"], "decision", granted))
    await asyncio.sleep(0.3)
    assert not amending.done(), "it would have overlooked the release"
    go_on.set()
    said = (await releasing).json()
    await amending
    assert [one["accounting_id"] for one in await notices(counter)] == [said["accounting_id"]]
