"""The store: engine, the two kinds of session, and the unit of work.

One request, or one batch of events, is one transaction, and only the edge commits: functions below take a session and
never call `commit`. A query takes a `ReadSession`; whoever needs to write asks for a `WriteSession`, which the type
checker will not let a query make.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NewType, cast

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine

from common.settings import ServiceSettings

ReadSession = AsyncSession
WriteSession = NewType("WriteSession", AsyncSession)

_RAW = "the driver's connection of this transaction"


class Database:
    """Gives out units of work. Created once, in the composition root.

    Args:
        settings: `database_url` and `database_pool` are used.
        application: shown in `pg_stat_activity`.
    """

    def __init__(self, settings: ServiceSettings, *, application: str) -> None:
        self.engine: AsyncEngine = make_engine(
            settings.database_url.get_secret_value(),
            {
                "server_settings": {"application_name": application, "timezone": "UTC", "jit": "off"},
                "timeout": 5,
            },
            pool_size=settings.database_pool,
            max_overflow=0,
            pool_pre_ping=True,
            pool_timeout=10,
        )
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[WriteSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        async with self._sessions() as session, session.begin():
            yield WriteSession(session)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ReadSession]:
        """One read-only transaction on one snapshot; a write in it is refused by the server."""
        async with self._sessions() as session, session.begin():
            await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
            yield session

    async def ping(self) -> None:
        """Ask the server for a sign of life. Raises what the driver raises when there is none."""
        async with self.engine.connect() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        await self.engine.dispose()


def make_engine(url: str, options: Mapping[str, Any] | None = None, **more: Any) -> AsyncEngine:
    """An engine whose connections the driver makes from the address itself, as all other connections here are made.

    So the address may say how the wire is protected, in libpq's words: `sslmode=verify-full`, `sslrootcert`, `sslcert`,
    `sslkey`. SQLAlchemy would hand them to the driver as arguments that it does not know.
    """
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=lambda: asyncpg.connect(url, **(options or {})), **more
    )


def require_transaction(session: AsyncSession) -> None:
    """Refuse to run outside a unit of work.

    Raises:
        RuntimeError: no transaction is open.
    """
    if not session.in_transaction():
        raise RuntimeError("this needs an open unit of work")


async def raw_connection(session: AsyncSession) -> "asyncpg.Connection[asyncpg.Record]":
    """The driver's own connection of this session's transaction, for statements that carry whole arrays.

    What runs on it is part of the unit of work, like everything else in the session.
    """
    if session.new or session.dirty or session.deleted:
        await session.flush()
    transaction = session.sync_session.get_transaction()
    known = session.info.get(_RAW)
    if known is not None and known[0] is transaction:
        return cast("asyncpg.Connection[asyncpg.Record]", known[1])
    pooled = await (await session.connection()).get_raw_connection()
    # SQLAlchemy sends BEGIN with its own first statement only: without one, the driver would commit each by itself.
    adapted: Any = pooled.dbapi_connection
    if adapted._transaction is None:  # noqa: SLF001 - no public way but a statement, a round trip in every unit of work
        await adapted._start_transaction()  # noqa: SLF001
    session.info[_RAW] = (transaction, pooled.driver_connection)
    return cast("asyncpg.Connection[asyncpg.Record]", pooled.driver_connection)


async def fetch_all(session: AsyncSession, sql: str, *values: Any) -> Sequence[asyncpg.Record]:
    """Run one statement with positional parameters (`$1` …) on the session's transaction."""
    return await (await raw_connection(session)).fetch(sql, *values)
