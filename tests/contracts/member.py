"""A member of a consumer group in a process of its own, to be killed: polls for ever, commits nothing.

Its one argument is JSON (see `Engine.member_settings`). It says `holding` once it has polled its first records.
"""

import asyncio
import json
import sys
from typing import Any

from common.messaging.broker import Broker
from common.messaging.kafka import KafkaBroker, KafkaSecurity
from common.messaging.membership import GroupTiming
from common.messaging.postgres_log import PostgresLogBroker


def make(settings: dict[str, Any]) -> Broker:
    timing = GroupTiming(**settings["timing"])
    if settings["engine"] == "kafka":
        return KafkaBroker(settings["url"], "member", KafkaSecurity(**settings["security"]), timing=timing)
    return PostgresLogBroker(settings["url"], "member", timing=timing)


async def main(settings: dict[str, Any]) -> None:
    said = False
    async with (
        make(settings) as broker,
        broker.subscribe(group=settings["group"], topics=[settings["topic"]]) as member,
    ):
        while True:
            if await member.poll(max_records=50, timeout_seconds=1) and not said:
                print("holding", flush=True)  # noqa: T201  # how it tells its parent
                said = True


if __name__ == "__main__":
    asyncio.run(main(json.loads(sys.argv[1])))
