"""No service can alter its own audit trail: its role may read and add, and owns nothing that would let it do more."""

import asyncio
from collections.abc import Awaitable, Callable
from importlib import import_module
from pathlib import Path

import asyncpg
import pytest

from common import audit
from common.audit.schema import APPEND_ONLY, QUEUE
from common.auth import Principal
from common.database import Database
from common.migrations import NotTheOwnerError, upgrade
from common.settings import ServiceSettings
from muniment.home import SERVICES
from tests.plugins.kit import execute_as_owner
from tests.plugins.messaging import AT

ServiceDb = Callable[[str], Awaitable[str]]

each_service = pytest.mark.parametrize("service", SERVICES)

TAMPERING = (
    *(f"UPDATE {table} SET {column} = {column}" for table, column in
      [("audit_entry", "user_id"), ("audit_leaf", "hash"), ("audit_node", "hash"), ("audit_head", "root"),
       ("audit_witness", "root")]),
    *(f"{verb} {table}" for verb in ("DELETE FROM", "TRUNCATE", "DROP TABLE") for table in APPEND_ONLY),
    "MERGE INTO audit_entry USING (SELECT 1) AS x ON true WHEN MATCHED THEN DELETE",
    "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "ALTER TABLE audit_entry DISABLE TRIGGER audit_entry_goes_to_the_tree",
    "ALTER TABLE audit_entry RENAME TO other",
    "ALTER TABLE audit_entry ADD COLUMN more int",
    "DROP TRIGGER audit_entry_append_only ON audit_entry",
    "CREATE TRIGGER mine BEFORE INSERT ON audit_entry EXECUTE FUNCTION audit_entry_is_append_only()",
    "CREATE RULE mine AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    "CREATE OR REPLACE FUNCTION audit_entry_goes_to_the_tree() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
    "DROP FUNCTION audit_entry_is_append_only() CASCADE",
    "CREATE TABLE audit_shadow (id int)",
    "SET session_replication_role = 'replica'",
    f"INSERT INTO {QUEUE} (position) VALUES (1)",
    f"UPDATE {QUEUE} SET position = 0",
)  # fmt: skip


async def written(url: str) -> None:
    """One entry, under the service's own role."""
    database = Database(ServiceSettings(database_url=url), application="test")
    look = audit.AuditEvent(Principal("ann", frozenset({"auditor"})), "10.0.0.7", "thing.read", "done")
    async with database.unit_of_work() as session:
        await audit.record(session, look, now=AT)
    await database.close()


@each_service
async def test_the_services_role_can_add_to_its_trail_and_change_nothing(service_db: ServiceDb, service: str) -> None:
    url = await service_db(service)
    await written(url)
    connection = await asyncpg.connect(url)
    for statement in TAMPERING:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(statement)
    with pytest.raises(asyncpg.PostgresError):
        await connection.execute(f"SET ROLE {service}_owner")
    assert await connection.fetchval("SELECT count(*) FROM audit_entry") == 1
    assert await connection.fetchval("SELECT count(*) FROM audit_pending") == 1
    await connection.close()


@each_service
@pytest.mark.parametrize("table", APPEND_ONLY)
async def test_the_owner_is_stopped_by_the_triggers(service_db: ServiceDb, service: str, table: str) -> None:
    url = await service_db(service)
    for statement in (f"DELETE FROM {table}", f"TRUNCATE {table}"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await execute_as_owner(url, statement)


@pytest.mark.req("S3-102", "S3-103")
@pytest.mark.parametrize("missing", ["user_id", "terminal"])
async def test_an_entry_without_user_or_terminal_cannot_be_written(service_db: ServiceDb, missing: str) -> None:
    connection = await asyncpg.connect(await service_db("retention"))
    row = {"user_id": "ann", "terminal": "10.0.0.7"} | {missing: ""}
    sql = (
        "INSERT INTO audit_entry (id, at, user_id, roles, terminal, action, record_ids, fields, purpose, outcome, "
        "trace_id) VALUES (gen_random_uuid(), now(), $1, '{}', $2, 'a', '{}', '{}', '', 'done', '')"
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await connection.execute(sql, row["user_id"], row["terminal"])
    await connection.close()


@each_service
async def test_under_its_own_role_a_service_is_not_migrated(service_db: ServiceDb, service: str) -> None:
    settings = ServiceSettings(database_url=await service_db(service))
    folder = Path(str(import_module(service).__file__)).parent / "migrations"
    with pytest.raises(NotTheOwnerError, match=f"{service}_owner"):
        await asyncio.to_thread(upgrade, folder, settings)
