"""Statements that wait go together and in order, and a connection is given out alive without asking the server first."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import event, text

from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.database import Database, fetch_all, fetch_beside, later
from common.ids import new_id
from tests.plugins.messaging import AT
from tests.plugins.statements import statements

ADD = "INSERT INTO inbox (consumer_group, event_id) VALUES ($1, $2)"
FORGET = "DELETE FROM inbox WHERE consumer_group = $1"
KNOWN = "SELECT consumer_group, event_id FROM inbox WHERE consumer_group <> $1 ORDER BY seen_at, consumer_group"
LOOK = AuditEvent(Principal("ann", frozenset({"auditor"})), "t", "thing.read", "done")


async def groups(database: Database) -> list[str]:
    async with database.unit_of_work() as session:
        return [row["consumer_group"] for row in await fetch_all(session, KNOWN, "")]


async def test_what_waits_goes_with_the_last_question_which_sees_the_store_as_it_was(database: Database) -> None:
    with statements() as sent:
        async with database.unit_of_work() as session:
            await later(session, ADD, "a", new_id())
            await audit.record(session, LOOK, now=AT)
            assert await fetch_beside(session, KNOWN, "") == []
            assert [row["consumer_group"] for row in await fetch_all(session, KNOWN, "")] == ["a"]
        assert await groups(database) == ["a"]  # and the driver has told of all of them by now
    begin, both, other, commit = sent[:4]
    assert (begin, commit) == ("BEGIN;", "COMMIT;")
    assert "inbox" in both
    assert "audit_entry" in both
    assert other == KNOWN


async def test_a_question_after_it_sees_what_waited(database: Database) -> None:
    async with database.unit_of_work() as session:
        await later(session, ADD, "a", new_id())
        assert [row["consumer_group"] for row in await fetch_all(session, KNOWN, "")] == ["a"]


async def test_the_same_twice_is_done_in_order(database: Database) -> None:
    first, second = new_id(), new_id()
    async with database.unit_of_work() as session:
        await later(session, ADD, "a", first)
        await later(session, ADD, "b", second)
    async with database.unit_of_work() as session:
        rows = await fetch_all(session, KNOWN, "")
    assert [UUID(str(row["event_id"])) for row in rows] == [first, second]


async def test_what_waits_at_the_end_is_sent_and_what_fails_there_undoes_the_rest(database: Database) -> None:
    same = new_id()
    async with database.unit_of_work() as session:
        await later(session, ADD, "a", same)
    with pytest.raises(Exception, match="duplicate key"):
        async with database.unit_of_work() as session:
            await fetch_all(session, FORGET, "b")
            await later(session, ADD, "c", new_id())
            await session.execute(text("SELECT 1"))
            await later(session, ADD, "a", same)
    assert await groups(database) == ["a"]


async def test_nothing_that_waits_outlives_a_unit_of_work_that_failed(database: Database) -> None:
    with pytest.raises(RuntimeError, match="enough"):
        async with database.unit_of_work() as session:
            await later(session, ADD, "a", new_id())
            raise RuntimeError("enough")
    assert await groups(database) == []


async def test_a_connection_that_the_server_ended_is_not_given_out_again(database: Database, url: str) -> None:
    given: list[Any] = []
    event.listen(database.engine.sync_engine, "checkout", lambda c, *_: given.append(c.driver_connection))
    await groups(database)
    await groups(database)
    assert given[0] is given[1], "a pool gives out the same connection again"
    killer = await asyncpg.connect(url)
    await killer.execute("SELECT pg_terminate_backend($1)", given[0].get_server_pid())
    await killer.close()
    async with asyncio.timeout(30):
        while not given[0].is_closed():
            await asyncio.sleep(0.01)
    assert await groups(database) == []
    assert given[-1] is not given[0]


async def test_a_connection_that_lay_idle_is_asked_first(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    await groups(database)
    with statements() as sent:
        await groups(database)
        used = len(sent)
        monkeypatch.setattr("common.database.PING_AFTER_SECONDS", -1.0)
        await groups(database)
        await groups(database)
    assert len(sent) > 3 * used
