"""What the worker of a service that holds records hears and does for releases."""

from collections.abc import Sequence
from typing import cast

from common.clock import Clock
from common.contracts.disclosure import AMENDMENT_EVENTS, DISCLOSURE_EVENTS, DisclosureDecided, RecordAmended
from common.contracts.envelope import Envelope, EventData
from common.database import Database, WriteSession
from common.jobs import Job
from common.messaging.consumer import Screen, Subject
from common.releases import notations, settling

EXPIRY_SECONDS, FORGET_SECONDS = 15.0, 60.0


def make_subjects(holder: str, screen: Screen | None = None) -> tuple[Subject, ...]:
    """Hear of the grants for this service, and of amendments of records.

    Args:
        holder: package name of the service.
        screen: looks at each record before it is read, where the service may not even keep some as dead letters.
    """

    async def decided(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        await settling.hear(session, cast("Sequence[Envelope[DisclosureDecided]]", envelopes), holder=holder)

    async def amended(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        await notations.hear(session, cast("Sequence[Envelope[RecordAmended]]", envelopes))

    return (
        Subject(
            group=f"{holder}.grants",
            topics=(DisclosureDecided.topic,),
            kinds=DISCLOSURE_EVENTS,
            handler=decided,
            screen=screen,
        ),
        Subject(
            group=f"{holder}.amendments",
            topics=(RecordAmended.topic,),
            kinds=AMENDMENT_EVENTS,
            handler=amended,
            screen=screen,
        ),
    )


def make_jobs(holder: str, clock: Clock, database: Database) -> tuple[Job, ...]:
    """Settle grants for which nobody came, and let go of the bytes of copies whose days are over."""

    async def expire() -> None:
        async with database.unit_of_work() as session:
            await settling.expire(session, holder=holder, now=clock.now())

    async def forget() -> None:
        async with database.unit_of_work() as session:
            await settling.forget_bytes(session, now=clock.now())

    return (Job("grants.expire", EXPIRY_SECONDS, expire), Job("copies.forget", FORGET_SECONDS, forget))
