"""What the worker hears and does for releases."""

from collections.abc import Sequence
from typing import cast

from common.clock import Clock
from common.contracts.disclosure import (
    AMENDMENT_EVENTS,
    DISCLOSURE_EVENTS,
    DisclosureDecided,
    RecordAmended,
)
from common.contracts.envelope import Envelope, EventData
from common.database import Database, WriteSession
from common.jobs import Job
from common.messaging.consumer import Subject
from transcripts.releases import redeeming, store
from transcripts.repository import notations

EXPIRY_SECONDS = 15.0


async def _decided(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
    await redeeming.hear_decided(session, cast("Sequence[Envelope[DisclosureDecided]]", envelopes))


async def _amended(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
    facts = [cast("RecordAmended", envelope.data) for envelope in envelopes]
    await notations.note(session, [(f.record_id, f.amendment_id, f.kind, f.amended_at) for f in facts])


SUBJECTS = (
    Subject(group="transcripts.grants", topics=(DisclosureDecided.topic,), kinds=DISCLOSURE_EVENTS, handler=_decided),
    Subject(group="transcripts.amendments", topics=(RecordAmended.topic,), kinds=AMENDMENT_EVENTS, handler=_amended),
)


def jobs(clock: Clock, database: Database) -> Sequence[Job]:
    """Settle grants for which nobody came, and let go of the bytes of copies whose days are over."""

    async def expire() -> None:
        async with database.unit_of_work() as session:
            await redeeming.expire(session, now=clock.now())

    async def forget() -> None:
        async with database.unit_of_work() as session:
            await store.forget_bytes(session, now=clock.now())

    return (Job("grants.expire", EXPIRY_SECONDS, expire), Job("copies.forget", 60.0, forget))
