"""A new version of the service's own key: everything that is kept under it is written anew, and stays what it was."""

from argparse import Namespace
from uuid import uuid4

import asyncpg
import pytest

from common.errors import OperatorError
from common.protection import reseal_command
from common.protection.resealing import HeldError
from common.protection.service_keys import version_of
from disclosure.holdings import TABLES, make_holdings
from disclosure.settings import DisclosureSettings
from tests.disclosure.cases import base
from tests.disclosure.desk import PERSON_ADDRESS, RECIPIENT, Desk
from tests.disclosure.incident_desk import Watch
from tests.disclosure.mailroom import Mailroom
from tests.disclosure.requests_desk import CONTESTED, STATEMENT, Counter
from tests.plugins.kit import execute_as_owner


async def ask(settings: DisclosureSettings, option: str = "") -> int:
    """What the operator's command does."""
    options = Namespace(**{name: name == option for name in ("new_version", "status", "retire")})
    return await reseal_command.run("disclosure", settings, make_holdings(settings), options)


async def versions(store: "asyncpg.Connection[asyncpg.Record]") -> dict[str, set[int]]:
    """Of which versions each column's values are."""
    found = {}
    for kept in TABLES:
        for column in kept.columns:
            rows = await store.fetch(f"SELECT {column} FROM {kept.table} WHERE {column} IS NOT NULL")
            found[f"{kept.table}.{column}"] = {version_of(row[column]) for row in rows}
    return found


async def test_everything_is_written_anew_and_opens_as_before(
    desk: Desk, counter: Counter, mailroom: Mailroom, settings: DisclosureSettings, capsys: pytest.CaptureFixture[str]
) -> None:
    package = await mailroom.opened(desk)
    watch = Watch(desk.client, desk.issuer, desk.store, desk.clock)
    incident = await watch.to_the_end(desk)
    refused = await counter.refused()
    await counter.do("POST", f"/me/individual-requests/{refused['id']}/review", role="customer", sub="customer-1")
    review = {"outcome": "refused", "found": True, "grounds": ["record-is-right"], "reason": "It stands."}
    await counter.act(refused["id"], "review/decision", review, sub="privacy_officer-2")
    disagreement = {"portion": CONTESTED, "statement": STATEMENT}
    path = f"/me/individual-requests/{refused['id']}/statement"
    await counter.do("POST", path, disagreement, role="customer", sub="customer-1")
    await counter.act(refused["id"], "statement/answer", {"reasons": "It says what was said."})
    decided = await desk.decide(await desk.asked(), release=True)
    assert decided.status_code == 201, decided.text
    told = await desk.decide(await desk.asked(base("b8")), release=True, person_address=PERSON_ADDRESS)
    assert told.status_code == 201, told.text
    [notice] = (await counter.do("GET", "/outgoing-notices", status=200))["items"]
    sent = {"sent_on": notice["due_on"], "channel": "mail", "record": "RR-1"}
    await counter.do("POST", f"/outgoing-notices/{notice['id']}/sending", sent)
    assert (disclosed := await of_recipient(desk))
    before = (await counter.own(refused["id"]), await counter.detail(refused["id"]))
    packed, ended = (
        await counter.do("GET", f"/release-packages/{package['id']}", status=200),
        await watch.standing(incident),
    )
    assert set(map(frozenset, (await versions(desk.store)).values())) == {frozenset({1})}

    assert await ask(settings, "new_version") == 0
    assert await ask(settings) == 1, "not yet: it is not written with"
    with pytest.raises(HeldError):
        await ask(settings, "retire")
    await desk.store.execute("UPDATE service_key SET used_from = '2026-03-01' WHERE version = 2")
    desk.clock.turn(hours=1)
    later = (await counter.file(records=[str(uuid4())]))["id"]
    with pytest.raises(HeldError, match="accounting"):
        await ask(settings, "retire")
    assert [r["id"] for r in (await own_list(counter))["items"]] == [refused["id"], later], "found under both"

    assert await ask(settings) == 0
    assert await ask(settings, "retire") == 0
    assert set(map(frozenset, (await versions(desk.store)).values())) == {frozenset({2})}
    desk.clock.turn(hours=1)
    assert (await counter.own(refused["id"]), await counter.detail(refused["id"])) == before
    assert await counter.do("GET", f"/release-packages/{package['id']}", status=200) == packed
    assert await watch.standing(incident) == ended
    assert [r["id"] for r in (await own_list(counter))["items"]] == [refused["id"], later]
    released = await desk.store.fetchval("SELECT transcript_id FROM accounting_transcript LIMIT 1")
    told = await desk.get("/v1/accountings", transcript_id=released)
    assert RECIPIENT["recipient_name"] in told.text
    assert await of_recipient(desk) == disclosed

    said = capsys.readouterr().out
    number = await desk.count("accounting")
    assert f"accounting: {number} of {number} rows rewritten" in said
    acts = [(e["action"], e["record_ids"]) for e in await desk.audited() if e["action"].startswith("service_key.")]
    assert acts == [(f"service_key.{act}", ["version:2"]) for act in ("add", "reseal", "retire")]


async def of_recipient(desk: Desk) -> list[dict[str, str]]:
    """The rows of the accounting that an auditor finds by the recipient's name."""
    answer = await desk.client.post(
        "/v1/audits/accountings/search",
        json={"recipient_name": RECIPIENT["recipient_name"]},
        headers=desk.issuer.headers("auditor") | {"Purpose-Of-Use": "audit"},
    )
    found: list[dict[str, str]] = answer.json()["items"]
    return found


async def own_list(counter: Counter) -> dict[str, list[dict[str, str]]]:
    return await counter.do("GET", "/me/individual-requests", role="customer", sub="customer-1", status=200)


async def test_what_a_decision_said_cannot_be_swapped_under_the_same_version(desk: Desk, counter: Counter) -> None:
    refused = await counter.refused()
    other = await counter.refused(reason="The conversation says what was said in its.")
    for table, column, key in (
        ("individual_decision", "reason", "request_id"),
        ("individual_request", "account_sealed", "id"),
        ("individual_request", "account", "id"),
    ):
        swap = (
            f"UPDATE {table} SET {column} = (SELECT {column} FROM {table} WHERE {key} = $2::text::uuid) "
            f"WHERE {key} = $1::text::uuid"
        )
        if column == "account":
            swap = f"UPDATE {table} SET account = decode('0001' || md5('x') || md5('y'), 'hex') WHERE {key}::text IN ($1, $2)"
        with pytest.raises(asyncpg.RestrictViolationError):
            await desk.store.execute(swap, refused["id"], other["id"])


async def test_a_database_that_was_not_migrated_is_said_to_be_so(settings: DisclosureSettings) -> None:
    await execute_as_owner(
        settings.database_url.get_secret_value(), "ALTER TABLE accounting RENAME TO accounting_before"
    )
    with pytest.raises(OperatorError, match="migrate first"):
        await ask(settings, "status")
