"""A grant lets production figures out once: the elements that it names, and what became of it is told back (invariant 4)."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import orjson
import pytest
from joserfc.jwk import ECKey

from common.contracts.disclosure import RELEASE_EVENTS, DisclosureDecided, DisclosureReleased, RecordAmended
from common.contracts.envelope import Envelope, EventData, decode, encode
from common.ids import new_id
from common.messaging.broker import ReceivedRecord, Record
from common.protection.making import make_service_keys
from common.protection.resealing import Rewriter
from common.protection.service_keys import TAKES_EFFECT
from common.releases import settling
from common.testing import Issuer, client_of
from production.app import make_app, make_subjects
from production.holdings import TABLES
from tests.plugins.grants import claims_of, sign, signing_key, write_keys
from tests.production.integration.conftest import Store
from tests.production.work import KEYRING, SSN, action

PIN, RECEIPT, ANUMBER = "telltale-7", "EAC1234567890", "A219099999"
ELEMENTS = ["actions", "hours", "user-id"]


@dataclass
class Figures:
    """A release desk at production."""

    store: Store
    client: httpx.AsyncClient
    issuer: Issuer
    key: ECKey
    claims: dict[str, Any] = field(default_factory=dict)

    def grant(self, *records: object, typ: str = "release-grant+jwt", key: ECKey | None = None, **changes: Any) -> str:
        named = {"elements": ELEMENTS, "layer": "figures", "basis": "all-019.performance-appeal"} | changes
        self.claims = claims_of("production", *map(str, records), now=self.store.clock.now(), **named)
        return sign(self.claims, key or self.key, typ=typ)

    async def post(self, path: str, body: Any, *, sub: str = "privacy_officer-1") -> httpx.Response:
        headers = self.issuer.headers("privacy_officer", sub=sub) | {"Idempotency-Key": str(uuid4())}
        return await self.client.post(f"/v1{path}", json=body, headers=headers)

    async def redeem(self, token: str, **who: str) -> httpx.Response:
        return await self.post("/releases", {"grant": token}, **who)

    async def copy(self, record: object, *, sub: str = "privacy_officer-1") -> httpx.Response:
        path = f"/v1/releases/{self.claims['jti']}/copies/{record}"
        return await self.client.get(path, headers=self.issuer.headers("privacy_officer", sub=sub))

    async def worked(self) -> UUID:
        """Two pieces of work of one employee, and one of another; gives our own id of the first."""
        first = action(pii={"employee_pin": PIN, "case_number": RECEIPT})
        second = action(pii={"employee_pin": PIN, "case_number": ANUMBER}, hour_type="overtime")
        await self.store.hear_data(first, second, action(outcome="somebody else's"))
        return await self.store.employee(PIN)

    async def told(self) -> list[DisclosureReleased]:
        rows = await self.store.rows(
            "SELECT topic, key, value, headers FROM outbox WHERE topic = 'disclosure.released' ORDER BY position"
        )
        records = [Record(r["topic"], r["key"], r["value"], orjson.loads(r["headers"])) for r in rows]
        return [decode(record, RELEASE_EVENTS).data for record in records]  # type: ignore[misc]

    async def hear(self, *facts: EventData) -> None:
        by_topic = {s.topics[0]: s for s in make_subjects(self.store.settings, self.store.clock, KEYRING)}
        for fact in facts:
            record = encode(
                Envelope(new_id(), fact.event_type, "/muniment/disclosure", fact.key, self.store.clock.now(), fact)
            )
            received = ReceivedRecord(record.topic, 0, self.store.offset, record.key, record.value, record.headers)
            await self.store.consumer_of(by_topic[record.topic]).handle([received])
            self.store.offset += 1


@pytest.fixture
async def figures(store: Store, issuer: Issuer, tmp_path: Path) -> AsyncIterator[Figures]:
    key = signing_key()
    settings = store.settings.model_copy(update={"grant_keys": write_keys(tmp_path, key)})
    async with client_of(make_app(settings, clock=store.clock, keyring=KEYRING)) as client:
        yield Figures(store, client, issuer, key)


@pytest.mark.req("S3-083")
async def test_a_grant_lets_the_named_elements_out_once_and_it_is_told(figures: Figures) -> None:
    employee = await figures.worked()
    token = figures.grant(employee)
    answers = await asyncio.gather(*(figures.redeem(token) for _ in range(3)))
    assert sorted(a.status_code for a in answers) == [201, 409, 409]
    said = next(a.json() for a in answers if a.status_code == 201)
    [copy] = said["copies"]
    fetched = await figures.copy(employee)
    assert (fetched.status_code, hashlib.sha256(fetched.content).hexdigest()) == (200, copy["copy_hash"])
    document = fetched.json()
    assert (document["user_id"], document["elements"]) == (PIN, ELEMENTS)
    assert [(one["actions"], one["minutes"], one["hour_type"]) for one in document["work"]] == [
        (1, 25, "overtime"), (1, 25, "regular")
    ]  # fmt: skip
    assert "passed on" in document["marking"]
    assert not [one for one in (RECEIPT, ANUMBER, "S01", "somebody else's", str(employee)) if one in fetched.text]
    [fact] = await figures.told()
    assert (fact.outcome, fact.copies[0].copy_hash, str(fact.accounting_id)) == (
        "released", copy["copy_hash"], figures.claims["accounting_id"],
    )  # fmt: skip
    trail = await figures.store.rows("SELECT action, outcome, fields FROM audit_entry ORDER BY position")
    assert [(r["action"], r["outcome"]) for r in trail if r["outcome"] == "done"] == [
        ("figures.redeem", "done"), ("figures.copy", "done")
    ]  # fmt: skip
    assert (await figures.redeem(token)).json()["type"].endswith("/grant-used")
    assert (await figures.copy(employee, sub="privacy_officer-2")).status_code == 404


async def test_numbers_of_cases_go_where_they_were_named_and_one_action_goes_alone(figures: Figures) -> None:
    employee = await figures.worked()
    await figures.redeem(figures.grant(employee, elements=["case-ids"]))
    assert (await figures.copy(employee)).json()["cases"] == [ANUMBER, RECEIPT]
    rows = await figures.store.rows("SELECT action_id FROM action WHERE receipt = $1", RECEIPT)
    only = rows[0]["action_id"]
    await figures.redeem(figures.grant(only, elements=["case-ids", "office"]))
    document = (await figures.copy(only)).json()
    assert (document["cases"], document["offices"][0]["office"]) == ([RECEIPT], "S01")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "transcripts"}, "audience"),
        ({"iss": "somebody"}, "forged"),
        ({"exp": 1_700_000_000}, "expired"),
        ({"nbf": 4_000_000_000}, "not-yet"),
        ({"typ": "finding+jwt"}, "forged"),
        ({"elements": []}, "elements"),
    ],
)
async def test_what_is_no_grant_for_these_figures_lets_nothing_out(
    figures: Figures, changes: dict[str, Any], reason: str
) -> None:
    answer = await figures.redeem(figures.grant(await figures.worked(), **changes))
    assert (answer.status_code, answer.json()["reason"]) == (403, reason)
    assert (await figures.redeem(figures.grant(new_id(), key=signing_key()))).json()["reason"] == "forged"
    assert await figures.store.count("grant_use") == 0
    assert {r["outcome"] for r in await figures.store.rows("SELECT outcome FROM audit_entry")} == {"refused"}


async def test_an_unknown_record_and_a_grant_handed_back_are_settled_as_refused(figures: Figures) -> None:
    employee = await figures.worked()
    said = (await figures.redeem(figures.grant(new_id(), employee))).json()
    assert (said["outcome"], said["reason"], said["copies"]) == ("refused", "record-unknown", [])
    token = figures.grant(employee)
    back = await figures.post("/releases/refusals", {"grant": token, "reason": "wrong-recipient"})
    assert back.json()["outcome"] == "refused"
    assert (await figures.redeem(token)).status_code == 409
    assert [(f.outcome, f.reason) for f in await figures.told()] == [
        ("refused", "record-unknown"), ("refused", "wrong-recipient")
    ]  # fmt: skip
    shown = await figures.client.get(
        f"/v1/releases/{figures.claims['jti']}", headers=figures.issuer.headers("privacy_officer")
    )
    assert shown.json()["reason"] == "wrong-recipient"


async def test_a_grant_for_which_nobody_comes_is_settled_by_the_clock(figures: Figures) -> None:
    store = figures.store
    token = figures.grant(await figures.worked(), exp=4_000_000_000)
    claims = figures.claims
    heard = {
        "request_id": claims["request_id"], "decision_id": claims["decision_id"], "outcome": "allow", "basis": "b6",
        "rule_version": "DHS/ALL-019/2015+0", "transcript_ids": claims["transcript_ids"], "grant_holder": "production",
        "decided_at": store.clock.now(), "accounting_id": claims["accounting_id"], "grant_id": claims["jti"],
        "grant_expires_at": claims["exp"],
    }  # fmt: skip
    others = heard | {"grant_holder": "transcripts", "grant_id": str(new_id())}
    await figures.hear(DisclosureDecided.model_validate(heard), DisclosureDecided.model_validate(others))
    for hours, settled in ((0, 0), (10**6, 1), (1, 0)):
        store.clock.turn(hours=hours)
        async with store.database.unit_of_work() as session:
            assert await settling.expire(session, holder="production", now=store.clock.now()) == settled
    [fact] = await figures.told()
    assert (fact.outcome, str(fact.grant_id)) == ("expired", claims["jti"])
    store.clock.turn(hours=-(10**6) - 1)
    assert (await figures.redeem(token)).status_code == 409


async def test_amendments_of_the_record_go_with_every_copy(figures: Figures) -> None:
    employee = await figures.worked()
    fact = RecordAmended(
        record_id=employee, amendment_id=new_id(), kind="disagreement", amended_at=figures.store.clock.now()
    )
    await figures.hear(fact, fact)
    await figures.redeem(figures.grant(employee))
    [noted] = (await figures.copy(employee)).json()["notations"]
    assert (noted["kind"], noted["reference"]) == ("disagreement", str(fact.amendment_id))


async def test_what_went_is_sealed_written_anew_and_let_go_when_its_days_are_over(figures: Figures) -> None:
    employee = await figures.worked()
    await figures.redeem(figures.grant(employee))
    for table in ("outbox", "audit_entry", "release_copy", "idempotency_key", "grant_use"):
        rows = await figures.store.rows(f"SELECT t::text AS line FROM {table} AS t")
        assert rows
        assert not [r for r in rows if PIN in r["line"] or PIN.encode().hex() in r["line"]], table
    connection = await asyncpg.connect(figures.store.url)
    for statement in (
        "UPDATE release_copy SET content = content || 'x'",
        "UPDATE release_copy SET layer = 'x'",
        "DELETE FROM release_copy",
        "UPDATE grant_use SET outcome = 'expired'",
        "DELETE FROM notation",
    ):
        with pytest.raises(asyncpg.RestrictViolationError):
            await connection.execute(statement)
    await connection.close()
    keys = make_service_keys(figures.store.settings, "production", figures.store.clock)
    await keys.add_version()
    figures.store.clock.turn(seconds=TAKES_EFFECT.total_seconds() * 3)
    [kept] = [kept for kept in TABLES if kept.table == "release_copy"]
    progress = await Rewriter(figures.store.database, await keys.ready()).reseal(kept)
    assert (progress.done, progress.left) == (1, 0)
    assert (await figures.copy(employee)).json()["user_id"] == PIN
    figures.store.clock.turn(hours=25)
    assert (await figures.copy(employee)).status_code == 410
    async with figures.store.database.unit_of_work() as session:
        await settling.forget_bytes(session, now=figures.store.clock.now())
    assert [r["content"] for r in await figures.store.rows("SELECT content FROM release_copy")] == [None]


async def test_a_social_security_number_gets_in_by_no_release_either(figures: Figures) -> None:
    token = figures.grant(await figures.worked())
    headers = figures.issuer.headers("privacy_officer")
    for path, body, more in (
        ("/v1/releases", {"grant": f"{SSN} is no grant at all"}, {}),
        ("/v1/releases", {"grant": token, "remark": SSN}, {}),
        ("/v1/releases", {"grant": token}, {"Idempotency-Key": SSN}),
    ):
        answer = await figures.client.post(path, json=body, headers=headers | {"Idempotency-Key": "k"} | more)
        assert answer.status_code == 422
    assert await figures.store.count("grant_use") == 0
