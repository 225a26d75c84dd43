"""Connections to the embedded event log, and what their errors mean to those who use it."""

from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from common.messaging.broker import BrokerUnavailableError

_CONNECT_SECONDS = 5.0
_COMMAND_SECONDS = 10.0
CLOSE_SECONDS = 2.0

TOPICS = "select topic_id, name, partitions from event_log.topics()"

LOG_ERRORS = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
"""Everything that can come out of a call to the log: the network, the server, a connection that is closed."""


async def connect_to_log(url: str, client_id: str, *, durable: bool = True) -> asyncpg.Connection:
    """A new connection, as the role that the address names.

    Args:
        durable: whether a commit waits for the disk. Positions need not: one that is lost in a crash brings records again.

    Raises:
        BrokerUnavailableError: there is none to be had within five seconds.
    """
    with as_unavailable("no connection to the event log"):
        return await asyncpg.connect(
            url,
            timeout=_CONNECT_SECONDS,
            command_timeout=_COMMAND_SECONDS,
            server_settings={
                "application_name": client_id,
                # What the log has acknowledged is durable, whatever the server's default may be.
                "synchronous_commit": "on" if durable else "off",
                # The functions are short; compiling them takes longer than running them.
                "jit": "off",
            },
        )


@contextmanager
def as_unavailable(what: str) -> Iterator[None]:
    """Turn the log's errors into `BrokerUnavailableError`. The text names the kind of error, never a value."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise BrokerUnavailableError(f"{what}: {error.args[0]}") from error
    except LOG_ERRORS as error:
        raise BrokerUnavailableError(f"{what}: {type(error).__name__}") from error


def connection_lost(connection: asyncpg.Connection | None, error: BrokerUnavailableError | None = None) -> bool:
    """Whether there was a connection and it is of no more use.

    After an error it is of use only if the error was the server's answer to a statement.
    """
    if connection is None:
        return False
    answered = error is None or error.__cause__ is None or isinstance(error.__cause__, asyncpg.PostgresError)
    return connection.is_closed() or not answered


async def end_connection(connection: asyncpg.Connection) -> None:
    """Close a connection politely, or else abruptly."""
    try:
        await connection.close(timeout=CLOSE_SECONDS)
    except LOG_ERRORS:
        connection.terminate()
