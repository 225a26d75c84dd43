"""A request that creates is done once however often it is sent; an audit entry is written once and for ever."""

import asyncio

import asyncpg
import pytest
from fastapi import Response
from pydantic import BaseModel
from sqlalchemy import text

from common import audit
from common.audit import AuditEvent
from common.auth import Principal
from common.database import Database, fetch_all
from common.errors import ConflictError, InvalidError
from common.web.idempotency import once
from tests.plugins.messaging import AT, rows

ANN = Principal("ann", frozenset({"case_system"}))
BOB = Principal("bob", frozenset({"case_system"}))


class Order(BaseModel):
    what: str


async def send(
    database: Database, order: Order, *, key: str | None = "k1", who: Principal = ANN, made: list[str] | None = None
) -> Response:
    async def make() -> Order:
        if made is not None:
            made.append(order.what)
        await asyncio.sleep(0.02)
        return order

    async with database.unit_of_work() as session:
        return await once(session, principal=who, operation="order", key=key, request=order, make=make)


async def test_sent_again_it_is_answered_again_and_not_done_again(database: Database) -> None:
    made: list[str] = []
    first = await send(database, Order(what="a"), made=made)
    again = await send(database, Order(what="a"), made=made)
    assert made == ["a"]
    assert (first.status_code, first.body) == (again.status_code, again.body) == (201, b'{"what":"a"}')
    assert again.headers["idempotent-replay"] == "true"


async def test_sent_at_once_it_is_done_once(database: Database) -> None:
    made: list[str] = []
    answers = await asyncio.gather(*(send(database, Order(what="a"), made=made) for _ in range(5)))
    assert made == ["a"]
    assert {bytes(a.body) for a in answers} == {b'{"what":"a"}'}


async def test_another_request_under_the_same_key_is_refused_and_callers_have_their_own_keys(
    database: Database,
) -> None:
    await send(database, Order(what="a"))
    with pytest.raises(ConflictError):
        await send(database, Order(what="b"))
    assert (await send(database, Order(what="b"), who=BOB)).body == b'{"what":"b"}'


@pytest.mark.parametrize("key", [None, "", "x" * 201])
async def test_a_key_is_needed(database: Database, key: str | None) -> None:
    with pytest.raises(InvalidError) as refused:
        await send(database, Order(what="a"), key=key)
    assert refused.value.missing == ("header.Idempotency-Key",)


async def test_a_failure_keeps_no_key(database: Database) -> None:
    async def fail() -> Order:
        raise ConflictError("not now")

    with pytest.raises(ConflictError):
        async with database.unit_of_work() as session:
            await once(session, principal=ANN, operation="order", key="k1", request=Order(what="a"), make=fail)
    assert (await send(database, Order(what="a"))).status_code == 201


LOOK = AuditEvent(ANN, "10.0.0.7", "transcript.read", "done", ["t-1"], ["entries"], "quality_review")


async def test_an_entry_says_who_where_when_what_why_and_how_it_ended(database: Database) -> None:
    async with database.unit_of_work() as session:
        await audit.record(session, LOOK, now=AT)
    (entry,) = await rows(database, "SELECT * FROM audit_entry")
    assert (entry["user_id"], entry["terminal"], entry["at"]) == ("ann", "10.0.0.7", AT)
    assert (entry["action"], entry["record_ids"], entry["fields"]) == ("transcript.read", ["t-1"], ["entries"])
    assert (entry["purpose"], entry["outcome"], entry["roles"]) == ("quality_review", "done", ["case_system"])


@pytest.mark.parametrize(
    "change", ["UPDATE audit_entry SET user_id = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"]
)
async def test_an_entry_is_never_changed_or_removed(database: Database, change: str) -> None:
    async with database.unit_of_work() as session:
        await audit.record(session, LOOK, now=AT)
    with pytest.raises(asyncpg.RestrictViolationError):
        async with database.unit_of_work() as session:
            await fetch_all(session, change)
    assert len(await rows(database, "SELECT 1 FROM audit_entry")) == 1


async def test_an_entry_falls_with_the_act_it_belongs_to(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.unit_of_work() as session:
            await audit.record(session, LOOK, now=AT)
            raise RuntimeError
    assert await rows(database, "SELECT 1 FROM audit_entry") == []


async def test_reading_cannot_write(database: Database) -> None:
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await rows(database, "INSERT INTO inbox (consumer_group, event_id) VALUES ('g', gen_random_uuid()) RETURNING 1")


async def test_outside_a_unit_of_work_nothing_is_written(database: Database) -> None:
    session = database._sessions()
    with pytest.raises(RuntimeError, match="unit of work"):
        await audit.record(session, LOOK, now=AT)
    await session.execute(text("SELECT 1"))
    await session.close()
