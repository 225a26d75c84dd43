"""Alembic for every service: one small `env.py` calls `run`, and `upgrade` brings a database to the newest state."""

import asyncio
from pathlib import Path
from typing import Any

from alembic import command, context
from alembic.config import Config
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.util import await_only

from common.settings import ServiceSettings

# Two processes that migrate at once take turns.
_TURN = 7_351_209


def upgrade(folder: Path, settings: ServiceSettings) -> None:
    """Bring the database of these settings to the newest version found in `folder`. Running it again does nothing."""
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.attributes["url"] = settings.sqlalchemy_url
    command.upgrade(config, "head")


def run() -> None:
    """What a service's `env.py` does."""
    url = context.config.attributes.get("url") or ServiceSettings().sqlalchemy_url
    asyncio.run(_run(url))


async def _run(url: str) -> None:
    engine = create_async_engine(url, poolclass=pool.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_TURN})"))
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


def _migrate(connection: Connection) -> None:
    context.configure(connection=connection, transactional_ddl=True)
    with context.begin_transaction():
        context.run_migrations()


def execute_script(script: str) -> None:
    """Execute several statements in a migration. (asyncpg prepares statements one by one, so a script goes by its own way.)"""
    from alembic import op  # noqa: PLC0415 - only there while a migration runs

    raw: Any = op.get_bind().connection.dbapi_connection
    await_only(raw.driver_connection.execute(script))
