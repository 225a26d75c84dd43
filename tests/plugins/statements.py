"""What the services send to PostgreSQL: each statement is a round trip."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import event
from sqlalchemy.pool import Pool


@contextmanager
def statements() -> Iterator[list[str]]:
    """The statements on connections that a pool gives out meanwhile, in order.

    The driver tells of a statement at the next turn of the loop: the last may still be missing right after it was answered.
    """
    sent: list[str] = []
    heard: list[Any] = []

    def tell(record: Any) -> None:
        sent.append(record.query)

    def watch(connection: Any, *_: object) -> None:
        if connection.driver_connection not in heard:
            heard.append(connection.driver_connection)
            connection.driver_connection.add_query_logger(tell)

    event.listen(Pool, "checkout", watch)
    try:
        yield sent
    finally:
        event.remove(Pool, "checkout", watch)
        for connection in heard:
            if not connection.is_closed():
                connection.remove_query_logger(tell)
