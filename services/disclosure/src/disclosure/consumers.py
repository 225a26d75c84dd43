"""What the worker hears, and which use case each event calls."""

from collections.abc import Sequence
from typing import cast

from common.clock import Clock
from common.contracts.disclosure import RELEASE_EVENTS, DisclosureReleased, DisclosureRequested
from common.contracts.envelope import Envelope, EventData
from common.contracts.transcripts import TRANSCRIPT_EVENTS, TranscriptClosed
from common.database import Database, WriteSession
from common.jobs import Job
from common.messaging.consumer import Subject
from disclosure.use_cases import accounting, asking


async def _requests(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
    await asking.hear_requests(session, cast("Sequence[Envelope[DisclosureRequested]]", envelopes))


async def _transcripts(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
    await asking.hear_transcripts(session, cast("Sequence[Envelope[TranscriptClosed]]", envelopes))


SUBJECTS = (
    Subject(
        group="disclosure.requests",
        topics=(DisclosureRequested.topic,),
        kinds={DisclosureRequested.event_type: DisclosureRequested},
        handler=_requests,
    ),
    Subject(
        group="disclosure.transcripts",
        topics=(TranscriptClosed.topic,),
        kinds=TRANSCRIPT_EVENTS,
        handler=_transcripts,
    ),
)

WATCH_SECONDS = 30.0


def releases(clock: Clock) -> Subject:
    """What became of the grants, as those who hold the records tell it."""

    async def handle(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        heard = cast("Sequence[Envelope[DisclosureReleased]]", envelopes)
        await accounting.hear_outcomes(session, heard, now=clock.now())

    return Subject(
        group="disclosure.releases", topics=(DisclosureReleased.topic,), kinds=RELEASE_EVENTS, handler=handle
    )


def silence(clock: Clock, database: Database) -> Job:
    """Watches for grants that ended and of which nobody says what became."""

    async def act() -> None:
        async with database.reading() as session:
            await accounting.watch(session, now=clock.now())

    return Job("grants.watch", WATCH_SECONDS, act)
