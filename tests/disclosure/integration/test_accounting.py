"""The accounting of disclosures: what is accounted for, what became of it, and what the person concerned sees."""

import json
from base64 import urlsafe_b64decode
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from prometheus_client import REGISTRY

from common.contracts.chat import canonical
from common.contracts.disclosure import DisclosureReleased
from common.database import Database
from disclosure.settings import DisclosureSettings
from disclosure.use_cases import accounting
from tests.disclosure.cases import APPEAL, base
from tests.disclosure.desk import PERSON_ADDRESS, RECIPIENT, Desk
from tests.disclosure.ears import Ears, event
from tests.disclosure.mailroom import Mailroom, sha
from tests.disclosure.requests_desk import Counter


@pytest.fixture
async def database(settings: DisclosureSettings) -> Any:
    found = Database(settings, application="test")
    yield found
    await found.close()


async def released(desk: Desk, basis: str = "routine-use-7", *, transcript: UUID | None = None) -> dict[str, Any]:
    """An allowed release, as the officer is answered."""
    records = [transcript or await desk.transcript()]
    address = PERSON_ADDRESS if basis == "b8" else ""
    answer = await desk.decide(await desk.asked(base(basis), transcripts=records), release=True, person_address=address)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


def settled(said: dict[str, Any], outcome: str = "released", **changes: Any) -> DisclosureReleased:
    copies = [
        {"copy_id": uuid4(), "transcript_id": t, "layer": "redacted", "copy_hash": "a" * 64, "original_hash": "b" * 64}
        for t in said["grant"]["transcript_ids"]
    ]
    fields = {
        "request_id": said["request_id"], "grant_id": said["grant"]["id"], "accounting_id": said["accounting_id"],
        "outcome": outcome, "reason": "record-destroyed" if outcome == "refused" else "",
        "copies": copies if outcome == "released" else [], "settled_at": datetime.fromisoformat(said["decided_at"]),
    }  # fmt: skip
    return DisclosureReleased.model_validate(fields | changes)


async def lines(desk: Desk, transcript: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = (await desk.get("/v1/accountings", transcript_id=transcript)).json()["items"]
    return found


async def test_each_release_has_one_outcome_and_the_accounting_says_it(desk: Desk, ears: Ears) -> None:
    for outcome in ("released", "refused", "expired"):
        said = await released(desk)
        [transcript] = said["grant"]["transcript_ids"]
        assert [line["outcome"] for line in await lines(desk, transcript)] == ["awaited"]
        fact = settled(said, outcome)
        await ears.hear([event(fact), event(fact)])
        [line] = await lines(desk, transcript)
        assert (line["outcome"], len(line["copies"])) == (outcome, int(outcome == "released"))
    last = settled(said, "released")
    strange = settled(await released(desk), grant_id=str(uuid4()))
    await ears.hear([event(last)])
    await ears.hear([event(strange)])
    assert await desk.count("dead_letter") == 2, "another outcome, and a grant that was never signed"
    assert await desk.count("release_outcome") == 3
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)):
        await desk.store.execute("UPDATE release_outcome SET outcome = 'released'")


async def test_what_the_freedom_of_information_act_compels_is_not_accounted_for_and_contractors_are(desk: Desk) -> None:
    """5 U.S.C. 552a(c)(1): all but (b)(1) and (b)(2). Who works for the agency under routine uses 4 and 5 is no employee."""
    said = await released(desk, "b2")
    assert said["accounting_id"] is None
    assert [await desk.count(t) for t in ("release_grant", "accounting")] == [1, 0]
    assert not [v for v in RECIPIENT.values() if v in str(await desk.audited())]
    again = await desk.decide(UUID(said["request_id"]), release=True)
    assert again.status_code == 409
    for n, basis in enumerate(("routine-use-4", "routine-use-5"), 1):
        assert (await released(desk, basis))["accounting_id"]
        assert await desk.count("accounting") == n


async def test_who_holds_the_records_settles_the_grant_and_whoever_is_silent_is_seen(
    desk: Desk, database: Database
) -> None:
    for basis in (APPEAL, "routine-use-7"):
        await released(desk, basis)
    for hours, silent in ((0, 0), (2, 2)):
        desk.clock.turn(hours=hours)
        async with database.reading() as session:
            await accounting.watch(session, now=desk.clock.now())
        assert REGISTRY.get_sample_value("muniment_disclosure_grants_unsettled") == silent
    rows = await desk.store.fetch("SELECT DISTINCT holder FROM release_grant ORDER BY holder")
    assert [row["holder"] for row in rows] == ["production", "transcripts"]
    assert await desk.count("release_outcome") == 0


async def test_a_line_is_kept_for_five_years_at_least_and_nothing_removes_it(desk: Desk) -> None:
    desk.clock.turn(seconds=(datetime.fromisoformat("2028-02-29T17:00:00+00:00") - desk.clock.now()).total_seconds())
    said = await released(desk, "routine-use-3")
    [line] = await lines(desk, said["grant"]["transcript_ids"][0])
    assert line["keep_until_at_least"] == "2033-03-01"
    desk.clock.turn(hours=24 * 365 * 9)
    with pytest.raises((asyncpg.RestrictViolationError, asyncpg.InsufficientPrivilegeError)):
        await desk.store.execute("DELETE FROM accounting")


@pytest.mark.parametrize("outcome", ["released", "expired"])
async def test_a_package_takes_the_copy_that_was_made_for_its_release(
    desk: Desk, mailroom: Mailroom, ears: Ears, outcome: str
) -> None:
    package = await mailroom.opened(desk)
    item = await mailroom.item(package)
    await mailroom.review(package, item)
    row = await desk.store.fetchrow("SELECT id, request_id, accounting_id FROM release_grant")
    assert row is not None
    copy = {
        "copy_id": str(uuid4()), "transcript_id": package["record"], "layer": "redacted",
        "copy_hash": sha("the copy that went"), "original_hash": "b" * 64,
    }  # fmt: skip
    fact = DisclosureReleased(
        request_id=row["request_id"], grant_id=row["id"], accounting_id=row["accounting_id"], outcome=outcome,
        copies=[copy] if outcome == "released" else [], settled_at=desk.clock.now(),
    )  # fmt: skip
    await ears.hear([event(fact)])
    refused = await mailroom.copy(package, item, status=422)
    assert [e["field"] for e in refused["errors"]] == ["copy.sha256" if outcome == "released" else "copy"]
    right = 201 if outcome == "released" else 422
    await mailroom.copy(package, item, status=right, sha256=sha("the copy that went"))


async def own(counter: Counter, sub: str = "customer-1", **params: Any) -> dict[str, Any]:
    headers = counter.issuer.headers("customer", sub=sub)
    answer = await counter.client.get("/v1/me/accountings", params=params or None, headers=headers)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def theirs(counter: Counter, record: UUID, sub: str = "customer-1") -> None:
    """An official found, on a request of the person, that this record is theirs."""
    filed = await counter.file("access", sub=sub, records=[str(record)])
    granted = {"outcome": "granted", "found": True, "records": [str(record)]}
    await counter.act(filed["id"], "decision", granted)


async def test_the_person_sees_to_whom_their_record_went_and_can_prove_it(
    desk: Desk, counter: Counter, ears: Ears
) -> None:
    record, other = await desk.transcript(), await desk.transcript()
    said = await released(desk, "routine-use-3", transcript=record)
    await released(desk, "routine-use-3", transcript=other)
    assert (await own(counter))["items"] == [], "nobody found yet that a record is theirs"
    await theirs(counter, record)
    await ears.hear([event(settled(said))])
    found = await own(counter)
    assert found["records"] == [str(record)]
    [line] = found["items"]
    assert (line["id"], line["outcome"]) == (said["accounting_id"], "released")
    assert (line["recipient_name"], line["recipient_address"]) == tuple(RECIPIENT.values())
    assert "routine use 3" in line["citation"]
    keys = KeySet.import_key_set((await desk.client.get("/v1/keys")).json())
    signed = jwt.decode(found["statement"], keys)
    assert signed.header["typ"] == "accounting+jwt"
    assert signed.claims["sha256"] == sha256(canonical({n: found[n] for n in ("records", "items")})).hexdigest()
    assert (await own(counter, "customer-2"))["items"] == []


@pytest.mark.parametrize("among", [0, 1, 2])
async def test_what_went_for_law_enforcement_leaves_no_trace_in_the_person_s_view(
    desk: Desk, counter: Counter, among: int
) -> None:
    """552a(c)(3) excepts (b)(7): two people, alike but for it, cannot tell from anything they are shown who of them it was."""
    records = [await desk.transcript(), await desk.transcript()]
    for n in range(3):
        for record in records:
            await released(desk, "routine-use-3", transcript=record)
        if n == among:
            await released(desk, "b7", transcript=records[0])
    await theirs(counter, records[0], "customer-1")
    await theirs(counter, records[1], "customer-2")
    watched, plain = await own(counter, "customer-1"), await own(counter, "customer-2")
    assert shape(watched) == shape(plain)
    for limit in (1, 2, 3):
        assert [shape(page) for page in await pages(counter, "customer-1", limit)] == [
            shape(page) for page in await pages(counter, "customer-2", limit)
        ]
    officer = (await desk.get("/v1/accountings", transcript_id=str(records[0]))).json()["items"]
    assert sorted(line["basis"] for line in officer) == ["b7", *["routine-use-3"] * 3]
    shown = [e["record_ids"] for e in await desk.audited() if e["action"] == "disclosure.read-own-accounting"]
    hidden = next(line["id"] for line in officer if line["basis"] == "b7")
    assert all(hidden not in ids for ids in shown)


async def pages(counter: Counter, sub: str, limit: int) -> list[dict[str, Any]]:
    found = [await own(counter, sub, limit=limit)]
    while found[-1]["next_cursor"]:
        found.append(await own(counter, sub, limit=limit, cursor=found[-1]["next_cursor"]))
    return found


def shape(page: dict[str, Any]) -> Any:
    """All that a page shows but ids and what is signed over them."""
    claims = json.loads(urlsafe_b64decode(page["statement"].split(".")[1] + "=="))
    items = [{k: v for k, v in item.items() if k != "id"} for item in page["items"]]
    return items, page["next_cursor"] is not None, sorted(claims), set(page)


async def test_a_disclosure_for_health_or_safety_goes_with_word_to_the_person(desk: Desk, counter: Counter) -> None:
    """552a(b)(8): the notice is part of the same transaction; without an address nothing goes."""
    request_id = await desk.asked(base("b8"))
    without = await desk.decide(request_id, release=True)
    assert (without.status_code, without.json()["missing"]) == (422, ["release.person_address"])
    assert [await desk.count(t) for t in ("decision", "accounting", "release_grant")] == [0, 0, 0]
    needless = await desk.decide(await desk.asked(), release=True, person_address=PERSON_ADDRESS)
    assert needless.status_code == 422
    said = (await desk.decide(request_id, release=True, person_address=PERSON_ADDRESS)).json()
    [notice] = (await counter.do("GET", "/outgoing-notices", status=200))["items"]
    assert (notice["kind"], notice["accounting_id"], notice["state"]) == (
        "health-or-safety",
        said["accounting_id"],
        "due",
    )
    letter = await counter.do("GET", f"/outgoing-notices/{notice['id']}", status=200)
    assert letter["address"] == PERSON_ADDRESS
    assert RECIPIENT["recipient_name"] in letter["text"]
    assert "552a(b)(8)" in letter["text"]
    assert PERSON_ADDRESS.encode() not in await desk.store.fetchval("SELECT address FROM outgoing_notice")
