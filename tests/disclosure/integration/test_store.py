"""What the store itself refuses, whatever a program may try: it is the last wall before invariants 4 and 5."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlmodel import SQLModel

from common.testing import FixedClock, Issuer, client_of
from disclosure import tables
from disclosure.app import make_app
from disclosure.settings import DisclosureSettings
from tests.disclosure.desk import Desk
from tests.plugins.kit import REFUSED, execute_as_owner

Store: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


async def insert(store: Store, table: str, **values: Any) -> None:
    names = ", ".join(values)
    places = ", ".join(f"${n}" for n in range(1, len(values) + 1))
    await store.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", *values.values())


async def copy_with(store: Store, table: str, **changes: Any) -> None:
    """The last row of a table once more, with these changes."""
    row = await store.fetchrow(f"SELECT * FROM {table} ORDER BY id DESC LIMIT 1")
    assert row is not None
    await insert(store, table, **(dict(row) | changes))


async def decision_of(desk: Desk, outcome: str) -> UUID:
    facts = {
        "allow": {},
        "deny": {"archives.authority": "no-section"},
        "undecided": {"tax.return-information": "included"},
    }
    said = (await desk.decide(await desk.asked(), facts=facts[outcome])).json()
    assert said["outcome"] == outcome
    return UUID(said["id"])


async def test_the_one_who_asked_cannot_stand_as_the_one_who_decided(desk: Desk) -> None:
    await decision_of(desk, "deny")
    asked_by = await desk.store.fetchval("SELECT requested_by FROM decision")
    with pytest.raises(asyncpg.CheckViolationError, match="who_asks_never_approves"):
        await copy_with(desk.store, "decision", id=uuid4(), decided_by=asked_by)
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="decides_a_request"):
        await copy_with(desk.store, "decision", id=uuid4(), decided_by=asked_by, requested_by="somebody-else")


async def test_undecided_names_something_and_nothing_else_does(desk: Desk) -> None:
    await decision_of(desk, "undecided")
    with pytest.raises(asyncpg.CheckViolationError, match="undecided_names_what_is_missing"):
        await copy_with(desk.store, "decision", id=uuid4(), missing=[])
    with pytest.raises(asyncpg.CheckViolationError, match="undecided_names_what_is_missing"):
        await copy_with(desk.store, "decision", id=uuid4(), outcome="allow")


async def accounting(desk: Desk, decision_id: UUID, **changes: Any) -> dict[str, Any]:
    request_id = await desk.store.fetchval("SELECT request_id FROM decision WHERE id = $1", decision_id)
    return {
        "id": uuid4(), "decision_id": decision_id, "request_id": request_id, "outcome": "allow",
        "disclosed_at": desk.clock.now(), "nature": "copy", "basis": "routine-use-7", "purpose": "p",
        "recipient_kind": "k", "recipient_name": bytes(40), "recipient_address": bytes(40),
    } | changes  # fmt: skip


@pytest.mark.parametrize("outcome", ["deny", "undecided"])
async def test_only_an_allow_decision_can_be_accounted_for(desk: Desk, outcome: str) -> None:
    decision_id = await decision_of(desk, outcome)
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="accounts_for_a_decision"):
        await insert(desk.store, "accounting", **await accounting(desk, decision_id))
    with pytest.raises(asyncpg.CheckViolationError, match="accounts_for_an_allowance"):
        await insert(desk.store, "accounting", **await accounting(desk, decision_id, outcome=outcome))


@pytest.mark.parametrize("field", ["nature", "purpose", "recipient_name", "recipient_address"])
async def test_an_accounting_row_is_whole(desk: Desk, field: str) -> None:
    """5 U.S.C. 552a(c)(1)(A): date, nature, purpose. (B): name and address."""
    decision_id = await decision_of(desk, "allow")
    empty = b"" if field.startswith("recipient") else ""
    for nothing, error in ((empty, asyncpg.CheckViolationError), (None, asyncpg.NotNullViolationError)):
        with pytest.raises(error):
            await insert(desk.store, "accounting", **await accounting(desk, decision_id, **{field: nothing}))


async def grant(desk: Desk, decision_id: UUID, accounting_id: UUID | None, **changes: Any) -> None:
    now = desk.clock.now()
    row = await desk.store.fetchrow(
        "SELECT r.id, r.basis FROM decision AS d JOIN disclosure_request AS r ON r.id = d.request_id WHERE d.id = $1",
        decision_id,
    )
    assert row is not None
    values = {
        "id": uuid4(), "decision_id": decision_id, "accounting_id": accounting_id, "request_id": row["id"],
        "basis": row["basis"], "outcome": "allow", "holder": "transcripts", "layer": "original", "issued_at": now,
        "expires_at": now + timedelta(hours=1), "key_id": "k",
    } | changes  # fmt: skip
    await insert(desk.store, "release_grant", **values)


async def test_only_what_the_freedom_of_information_act_compels_goes_without_an_accounting_row(desk: Desk) -> None:
    allowed = await decision_of(desk, "allow")
    with pytest.raises(asyncpg.CheckViolationError, match="what_leaves_is_accounted_for"):
        await grant(desk, allowed, None)
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="grant_is_for_what_was_asked"):
        await grant(desk, allowed, None, basis="b2")
    denied = await decision_of(desk, "deny")
    with pytest.raises(asyncpg.ForeignKeyViolationError, match=r"grant_(hangs_on_its_decision|is_accounted_for)"):
        await grant(desk, denied, uuid4())


async def test_no_grant_without_an_accounting_row_of_its_own_decision(desk: Desk) -> None:
    allowed = await decision_of(desk, "allow")
    with pytest.raises(asyncpg.ForeignKeyViolationError, match="grant_is_accounted_for"):
        await grant(desk, allowed, uuid4())
    said = (await desk.decide(await desk.asked(), release=True)).json()
    with pytest.raises(asyncpg.UniqueViolationError, match="one_grant_an_accounting"):
        await grant(desk, allowed, UUID(said["accounting_id"]))
    with pytest.raises(asyncpg.UniqueViolationError, match=r"one_grant_a_(decision|request)"):
        await grant(desk, UUID(said["id"]), UUID(said["accounting_id"]))


async def test_nothing_goes_for_health_or_safety_without_word_to_the_person(desk: Desk) -> None:
    row = await accounting(desk, await decision_of(desk, "allow"), basis="b8")
    with pytest.raises(asyncpg.RestrictViolationError, match="no notice goes"):
        await insert(desk.store, "accounting", **row)
    assert await desk.count("accounting") == 0


@pytest.mark.parametrize("named", ["none", "another", "one more"])
async def test_a_grant_covers_exactly_the_records_that_were_decided_on(desk: Desk, named: str) -> None:
    transcript = await desk.transcript()
    decided = (await desk.decide(await desk.asked(transcripts=[transcript]))).json()
    row = await accounting(desk, UUID(decided["id"]))
    records = {"none": [], "another": [uuid4()], "one more": [transcript, uuid4()]}[named]
    with pytest.raises(asyncpg.RestrictViolationError, match="does not name the records"):
        async with desk.store.transaction():
            await insert(desk.store, "accounting", **row)
            for record in records:
                await insert(desk.store, "accounting_transcript", transcript_id=record, accounting_id=row["id"])
            await grant(desk, UUID(decided["id"]), row["id"])
    assert await desk.count("release_grant") == 0
    async with desk.store.transaction():
        await insert(desk.store, "accounting", **row)
        await insert(desk.store, "accounting_transcript", transcript_id=transcript, accounting_id=row["id"])
        await grant(desk, UUID(decided["id"]), row["id"])
    with pytest.raises(asyncpg.RestrictViolationError, match="does not name the records"):
        await insert(desk.store, "accounting_transcript", transcript_id=uuid4(), accounting_id=row["id"])


@pytest.mark.parametrize(
    "table",
    ["rule_set", "disclosure_request", "decision", "accounting", "accounting_transcript", "release_grant"],
)
async def test_history_is_never_changed_or_removed(desk: Desk, settings: DisclosureSettings, table: str) -> None:
    await desk.decide(await desk.asked(), release=True)
    column = {"rule_set": "version", "accounting_transcript": "transcript_id"}.get(table, "id")
    for attempt in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table} CASCADE"):
        with pytest.raises(REFUSED, match=r"never changed or removed|permission denied"):
            await desk.store.execute(attempt)
        with pytest.raises(asyncpg.RestrictViolationError, match="never changed or removed"):
            await execute_as_owner(settings.database_url.get_secret_value(), attempt)
    assert await desk.count(table) == 1


async def test_the_tables_in_code_are_those_of_the_store(store: Store) -> None:
    for table in tables.Base.metadata.tables.values():
        rows = await store.fetch(
            "SELECT column_name, is_nullable FROM information_schema.columns WHERE table_name = $1", table.name
        )
        assert {r["column_name"]: r["is_nullable"] == "YES" for r in rows} == {
            c.name: bool(c.nullable) for c in table.columns
        }, table.name
    assert tables.Base.metadata is not SQLModel.metadata


async def test_all_processes_of_the_embedded_profile_sign_with_one_key(
    settings: DisclosureSettings, issuer: Issuer, clock: FixedClock
) -> None:
    published = []
    for _ in range(2):
        async with client_of(make_app(settings, clock)) as client:
            published.append((await client.get("/v1/keys")).json())
    assert published[0] == published[1]


async def test_elsewhere_no_key_no_service(
    service_db: Callable[[str], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MUNIMENT_ISSUER", "https://login.agency.example")
    with pytest.raises(ValueError, match="MUNIMENT_GRANT_KEY_FILE"):
        make_app(DisclosureSettings(profile="standard"))
