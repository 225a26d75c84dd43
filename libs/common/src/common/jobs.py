"""What a service's worker does by the clock, beside what it hears: small acts, each repeated for as long as it runs."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from common.clock import Clock
from common.database import Database
from common.messaging.consumer import is_outage
from common.settings import ServiceSettings
from common.telemetry import get_logger

log = get_logger("jobs")


@dataclass(frozen=True, slots=True)
class Job:
    """Args:
    name: for the log.
    every_seconds: pause between two runs.
    act: one run, in units of work of its own. Several workers may run it at once, and it may be cut off at any moment.
    """

    name: str
    every_seconds: float
    act: Callable[[], Awaitable[None]]


MakeJobs = Callable[[ServiceSettings, Clock, Database], Sequence[Job]]


def no_jobs(_settings: ServiceSettings, _clock: Clock, _database: Database) -> Sequence[Job]:
    """What a service has that does nothing by the clock."""
    return ()


async def repeat(job: Job, stop: asyncio.Event) -> None:
    """Do it now and again until told to stop; while an engine is out of reach, wait for it.

    Raises:
        Exception: what the act raises, if waiting does not mend it.
    """
    while not stop.is_set():
        try:
            await job.act()
        except Exception as error:
            if not is_outage(error):
                raise
            log.warning("job.waiting_for_engine", job=job.name, error=type(error).__name__)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), job.every_seconds)
