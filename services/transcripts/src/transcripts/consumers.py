"""What the service hears."""

from collections.abc import Sequence

from common.clock import Clock
from common.contracts.chat import CHAT_EVENTS
from common.contracts.envelope import Envelope, EventData
from common.database import WriteSession
from common.messaging.consumer import Subject
from transcripts.settings import TranscriptsSettings
from transcripts.use_cases.capture import note_refusal, take_entries


def make_subjects(settings: TranscriptsSettings, clock: Clock) -> list[Subject]:
    """The consumer group that assembles transcripts from `chat.message`."""
    key = settings.index_key()

    async def on_entries(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        await take_entries(session, envelopes, now=clock.now(), key=key)

    async def on_set_aside(session: WriteSession, error: Exception) -> None:
        await note_refusal(session, error, now=clock.now())

    return [
        Subject(
            group="transcripts.assembly",
            topics=("chat.message",),
            kinds=CHAT_EVENTS,
            handler=on_entries,
            on_set_aside=on_set_aside,
        )
    ]
