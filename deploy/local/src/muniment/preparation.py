"""Makes roles, databases, the keyring, topics and access rules on engines that run. What to do comes on standard input as JSON."""

import asyncio
import json
import sys
from typing import Any

from common.contracts.topics import TOPICS
from common.messaging.log_schema import create_log
from common.protection.keyring_store import create_keyring
from muniment import databases, kafka_access
from muniment.errors import PlainError


async def prepare(work: dict[str, Any]) -> None:
    """Bring the engines to what the platform needs; running it again changes nothing.

    Raises:
        PlainError: an engine does not answer or refuses.
    """
    await databases.provision(work["admin_url"], work["passwords"])
    await create_keyring(work["keyring_url"], databases.KEYRING_USERS)
    try:
        await create_log(work["event_log_url"], TOPICS)
    except ValueError as error:
        raise PlainError(f"The event log cannot be brought to what topics.yaml says: {error}") from None
    if work["kafka_bootstrap"]:
        await asyncio.to_thread(kafka_access.apply, work["kafka_bootstrap"], work["passwords"]["admin"], TOPICS)


def main() -> int:
    try:
        asyncio.run(prepare(json.load(sys.stdin)))
    except PlainError as error:
        print(f"error: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
