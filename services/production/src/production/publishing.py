"""What production tells: actions that case systems reported by HTTP, so that everyone who hears of actions hears of them."""

from datetime import datetime

from common.contracts.production import ActionCompleted
from common.database import WriteSession
from common.messaging.outbox import tell
from common.protection.keyring import Keyring

SOURCE = "/muniment/production"


async def tell_action(session: WriteSession, action: ActionCompleted, *, keyring: Keyring, now: datetime) -> None:
    """Under a key of its own."""
    # A copy without what only the request's schema has.
    await tell(session, ActionCompleted.model_validate(action.model_dump()), source=SOURCE, time=now, keyring=keyring)
