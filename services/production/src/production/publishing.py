"""What production tells: actions that case systems reported by HTTP, so that everyone who hears of actions hears of them, and
who supervises whom.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from common.contracts.production import ActionCompleted, ChartPii, ChartPlace, EmployeeAssigned
from common.database import WriteSession
from common.messaging.outbox import tell
from common.protection.keyring import Keyring
from production.model import Assignment

SOURCE = "/muniment/production"


async def tell_action(session: WriteSession, action: ActionCompleted, *, keyring: Keyring, now: datetime) -> None:
    """Under a key of its own."""
    # A copy without what only the request's schema has.
    await tell(session, ActionCompleted.model_validate(action.model_dump()), source=SOURCE, time=now, keyring=keyring)


async def tell_chart(
    session: WriteSession,
    employee_id: UUID,
    revision: int,
    pin: str,
    chart: Sequence[Assignment],
    *,
    keyring: Keyring,
    now: datetime,
) -> None:
    """An employee's whole history in the chart, after a change of it."""
    fact = EmployeeAssigned(
        employee_id=employee_id,
        revision=revision,
        places=[ChartPlace(valid_from=a.valid_from, valid_to=a.valid_to) for a in chart],
        pii=ChartPii(employee_pin=pin, supervisor_pins=[a.supervisor_pin or "" for a in chart]),
    )
    await tell(session, fact, source=SOURCE, time=now, keyring=keyring)
