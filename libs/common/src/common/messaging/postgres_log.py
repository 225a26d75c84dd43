"""The event log in PostgreSQL, behind the same interface as Kafka: for one machine, where nothing else is installed.

One connection appends for the whole process; each member of a consumer group has one of its own, whose life is the
member's life.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Self

from common.messaging.broker import BrokerUnavailableError, Record, Subscription
from common.messaging.log_connection import as_unavailable, connect_to_log, end_connection
from common.messaging.log_schema import create_log, prune_log
from common.messaging.log_subscription import LogSubscription
from common.messaging.log_writer import LogWriter
from common.messaging.membership import GroupTiming
from common.messaging.record_check import check_records

__all__ = ["PostgresLogBroker", "create_log", "prune_log"]

_DEFAULT_TIMING = GroupTiming()
_PRUNE_PORTION = 5000


class PostgresLogBroker:
    """The embedded event log, as one role sees it. Connects when first used; nothing fails before that."""

    def __init__(
        self,
        url: str,
        client_id: str,
        *,
        timing: GroupTiming = _DEFAULT_TIMING,
        publish_seconds: float = 15.0,
    ) -> None:
        """Name the log.

        Args:
            url: the log's database, as the role whose grants count (`postgresql://transcripts:…/event_log`).
            client_id: what the server shows as the application's name.
            timing: how patient the consumer groups joined through this broker are.
            publish_seconds: after how long `publish` and `ping` give up.
        """
        self._url = url
        self._client_id = client_id
        self._timing = timing
        self._publish_seconds = publish_seconds
        self._writer = LogWriter(url, client_id)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._writer.close()

    async def publish(self, records: Sequence[Record]) -> None:
        """Append the records in one transaction; see `Broker.publish`.

        Raises:
            ValueError: a record is too large, or has no key.
            BrokerUnavailableError: the transaction was not confirmed.
        """
        check_records(records)
        if records:
            await self._in_time(self._writer.write(records))

    def subscribe(self, *, group: str, topics: Sequence[str]) -> AbstractAsyncContextManager[Subscription]:
        """Join the group on these topics; see `Broker.subscribe`."""
        return LogSubscription(self._url, f"{self._client_id} {group}", group=group, topics=topics, timing=self._timing)

    async def keep_house(self) -> None:
        """Delete what is past its topic's retention, in portions; see `Broker.keep_house`.

        Raises:
            BrokerUnavailableError: the log cannot be reached.
        """
        connection = await connect_to_log(self._url, self._client_id)
        try:
            with as_unavailable("the event log cannot be pruned"):
                while await connection.fetchval("select event_log.prune_expired($1)", _PRUNE_PORTION):
                    pass
        finally:
            await end_connection(connection)

    async def ping(self) -> None:
        """Ask the log for a sign of life; see `Broker.ping`.

        Raises:
            BrokerUnavailableError: there is none.
        """
        await self._in_time(self._writer.ping())

    async def _in_time(self, work: Coroutine[object, object, None]) -> None:
        try:
            async with asyncio.timeout(self._publish_seconds):
                await work
        except TimeoutError:
            raise BrokerUnavailableError("the event log did not answer in time") from None
