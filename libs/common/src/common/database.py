"""The store: engine, the two kinds of session, and the unit of work.

One request, or one batch of events, is one transaction, and only the edge commits: functions below take a session and
never call `commit`. A query takes a `ReadSession`; whoever needs to write asks for a `WriteSession`, which the type
checker will not let a query make.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import lru_cache
from time import monotonic
from typing import Any, NewType, cast

import asyncpg
from sqlalchemy import event, text
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

from common.settings import ServiceSettings

ReadSession = AsyncSession
WriteSession = NewType("WriteSession", AsyncSession)

PING_AFTER_SECONDS = 15.0
"""A connection that lay idle for longer is asked for a sign of life before it is given out."""

_RAW = "the driver's connection of this transaction"
_WAITING = "statements that go with the next round trip"
_USED = "when this connection was given back"
_PARAMETER = re.compile(r"\$(\d+)")


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
            pool_timeout=10,
        )
        event.listen(self.engine.sync_engine, "checkout", _see_it_lives)
        event.listen(self.engine.sync_engine, "checkin", _note_use)
        self._sessions = async_sessionmaker(self.engine, expire_on_commit=False)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[WriteSession]:
        """One transaction: committed when the block ends, rolled back when it raises."""
        session = self._sessions()
        # As `async with session.begin()` would do it, with one switch of stacks at the end where that takes five.
        session.sync_session.begin()
        try:
            yield WriteSession(session)
            await _send(session)
            await session.run_sync(_commit)
        except BaseException:
            await asyncio.shield(asyncio.create_task(session.close()))
            raise

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


def _commit(session: Session) -> None:
    session.commit()
    session.close()


def _driver(session: Session) -> Any:
    return session.connection().connection


def _see_it_lives(connection: Any, record: Any, _: object) -> None:
    """Give out no connection whose end is known; only one that lay idle for long may have ended unheard.

    A ping each time would be three round trips in every unit of work. Raises DisconnectionError: the pool makes a new one.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError
    used = record.info.get(_USED)
    if used is not None and monotonic() - used > PING_AFTER_SECONDS:
        try:
            connection.ping()
        except Exception as error:
            raise DisconnectionError from error


def _note_use(_: object, record: Any) -> None:
    record.info[_USED] = monotonic()


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
    inner = session.sync_session
    if inner.new or inner.dirty or inner.deleted:
        await session.flush()
    transaction = inner.get_transaction()
    known = session.info.get(_RAW)
    if known is not None and known[0] is transaction:
        return cast("asyncpg.Connection[asyncpg.Record]", known[1])
    pooled = await session.run_sync(_driver)
    # SQLAlchemy sends BEGIN with its own first statement only: without one, the driver would commit each by itself.
    adapted: Any = pooled.dbapi_connection
    if adapted._transaction is None:  # noqa: SLF001 - no public way but a statement, a round trip in every unit of work
        await adapted._start_transaction()  # noqa: SLF001
    session.info[_RAW] = (transaction, pooled.driver_connection)
    return cast("asyncpg.Connection[asyncpg.Record]", pooled.driver_connection)


async def fetch_all(session: AsyncSession, sql: str, *values: Any) -> Sequence[asyncpg.Record]:
    """Run one statement with positional parameters (`$1` …) on the session's transaction."""
    if session.info.get(_WAITING):
        await _send(session)
    return await (await raw_connection(session)).fetch(sql, *values)


async def later(session: AsyncSession, sql: str, *values: Any) -> None:
    """Have an INSERT, UPDATE or DELETE done in this unit of work with its next round trip, at the latest when it ends.

    Those that wait go together, as one statement: none of them sees what another does. `fetch_all` and what is asked for
    twice come after them, as they are written; a query through the session does not, so none may read what waits here.
    """
    waiting: dict[str, tuple[Any, ...]] = session.info.setdefault(_WAITING, {})
    if sql in waiting:
        await _send(session)
        waiting = session.info.setdefault(_WAITING, {})
    waiting[sql] = values


async def fetch_beside(session: AsyncSession, sql: str, *values: Any) -> Sequence[asyncpg.Record]:
    """Run a SELECT in one round trip with what waits; it sees the store as it was before that."""
    waiting: Mapping[str, tuple[Any, ...]] = session.info.pop(_WAITING, {})
    if not waiting:
        return await fetch_all(session, sql, *values)
    together = _together((*waiting, sql), (*map(len, waiting.values()), len(values)))
    return await (await raw_connection(session)).fetch(
        together, *(v for each in waiting.values() for v in each), *values
    )


async def _send(session: AsyncSession) -> None:
    if session.info.get(_WAITING):
        await fetch_beside(session, "SELECT")


@lru_cache(maxsize=256)
def _together(statements: Sequence[str], counts: Sequence[int]) -> str:
    """One statement that does all of these and answers with the last; each keeps its own parameters."""
    parts, before = [], 0
    for sql, count in zip(statements, counts, strict=True):
        parts.append(_renumbered(sql, before))
        before += count
    *changes, last = parts
    return f"WITH {', '.join(f'change_{n} AS ({sql})' for n, sql in enumerate(changes))} {last}"


def _renumbered(sql: str, by: int) -> str:
    return _PARAMETER.sub(lambda found: f"${int(found[1]) + by}", sql)
