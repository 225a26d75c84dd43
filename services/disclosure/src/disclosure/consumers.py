"""What the worker hears, and which use case each event calls."""

from collections.abc import Sequence
from typing import cast

from common.contracts.disclosure import DisclosureRequested
from common.contracts.envelope import Envelope, EventData
from common.contracts.transcripts import TRANSCRIPT_EVENTS, TranscriptClosed
from common.database import WriteSession
from common.messaging.consumer import Subject
from disclosure.use_cases import asking


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
