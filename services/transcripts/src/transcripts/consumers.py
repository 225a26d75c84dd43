"""What the service hears."""

from collections.abc import Sequence

from common.clock import Clock
from common.contracts.chat import CHAT_EVENTS
from common.contracts.envelope import Envelope, EventData
from common.database import WriteSession
from common.messaging.consumer import Subject
from common.protection.keyring import Keyring
from common.protection.service_keys import ServiceKeys
from transcripts.use_cases.capture import note_refusal, take_entries


def make_subjects(clock: Clock, keyring: Keyring, service_keys: ServiceKeys) -> list[Subject]:
    """The consumer group that assembles transcripts from `chat.message`; it is handed them sealed."""

    async def on_entries(session: WriteSession, envelopes: Sequence[Envelope[EventData]]) -> None:
        keys = await service_keys.ready()
        await take_entries(session, envelopes, now=clock.now(), keyring=keyring, keys=keys)

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
