"""Alembic for every service: one small `env.py` calls `run`, and `upgrade` brings a database to the newest state.

Migrations run under the role that owns the schema (`transcripts_owner`); the service runs under the role without the
suffix, which is given what it needs at the end of each run: rows of its own tables, and of the audit trail reading and
adding only. It owns nothing, so it can neither drop a table nor switch a trigger off.
"""

import asyncio
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, pool, text

from common.audit.schema import APPEND_ONLY, QUEUE
from common.database import make_engine
from common.errors import OperatorError
from common.settings import ServiceSettings

# Two processes that migrate at once take turns.
_TURN = 7_351_209
OWNER = "_owner"
"""What the name of the role that owns the schema has more than the service's."""

_GRANTS = """
GRANT USAGE ON SCHEMA public TO {role};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role};
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role};
REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {role};
REVOKE UPDATE, DELETE ON {append_only} FROM {role};
REVOKE INSERT, UPDATE ON {queue} FROM {role};
"""


class NotTheOwnerError(OperatorError):
    """The database was to be migrated under a role that is not the schema's owner."""


def upgrade(folder: Path, settings: ServiceSettings) -> None:
    """Bring the database of these settings to the newest version found in `folder`. Running it again does nothing.

    Raises:
        NotTheOwnerError: the role of the settings is not called `…_owner`.
    """
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["url"] = settings.database_url.get_secret_value()
    command.upgrade(config, "head")


def run() -> None:
    """What a service's `env.py` does."""
    url = context.config.attributes.get("url") or ServiceSettings().database_url.get_secret_value()
    asyncio.run(_run(url))


async def _run(url: str) -> None:
    engine = make_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_TURN})"))
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True)
    owner = str(connection.execute(text("SELECT current_user")).scalar_one())
    if not owner.endswith(OWNER):
        raise NotTheOwnerError(
            f"migrations run under the role {owner}{OWNER}, which owns the schema; under {owner} itself the service could "
            f"change its own audit trail"
        )
    with context.begin_transaction():
        context.run_migrations()
        grant(connection, owner.removesuffix(OWNER))


def grant(connection: Connection, role: str) -> None:
    """Give the runtime role what a service needs, and of the audit trail no more than reading and adding."""
    quoted = connection.dialect.identifier_preparer.quote(role)
    script = _GRANTS.format(role=quoted, append_only=", ".join(APPEND_ONLY), queue=QUEUE)
    for statement in filter(None, map(str.strip, script.split(";"))):
        connection.execute(text(statement))


def execute_script(script: str) -> None:
    """Execute several statements in a migration. (asyncpg prepares statements one by one, so a script goes by its own way.)"""
    from alembic import op  # noqa: PLC0415 - only there while a migration runs

    raw: Any = op.get_bind().connection.dbapi_connection
    raw.run_async(lambda connection: connection.execute(script))
