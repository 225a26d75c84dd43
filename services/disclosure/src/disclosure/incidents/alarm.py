"""The alarm: an incident of which the district director is not told in time is called out once, by whichever process sees it."""

from collections.abc import Sequence
from uuid import UUID

from prometheus_client import Counter

from common.clock import Clock
from common.database import Database, WriteSession
from common.jobs import Job
from common.telemetry import get_logger
from disclosure.incidents import store

LOOK_AGAIN_SECONDS = 15.0
LATE = Counter("muniment_incident_alarms_total", "Incidents of which the district director was not told in time")
log = get_logger("incidents")


async def sound(session: WriteSession, clock: Clock) -> Sequence[UUID]:
    """Call out what is late and was not called out yet (S2-084). Several processes may look: each incident is called out once."""
    late = await store.untold(session, clock.now())
    for row in late:
        row.alarmed_at = clock.now()
        log.warning("incident.district-not-told", incident=str(row.id), due_at=row.district_due_at.isoformat())
        LATE.inc()
    await session.flush()
    return [row.id for row in late]


def job(clock: Clock, database: Database) -> Job:
    """What the worker does for it by the clock."""

    async def act() -> None:
        async with database.unit_of_work() as session:
            await sound(session, clock)

    return Job("incidents.alarm", LOOK_AGAIN_SECONDS, act)
