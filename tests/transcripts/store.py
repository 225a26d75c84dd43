from common.messaging.consumer import Consumer
from tests.plugins.store import MigratedStore
from tests.transcripts.conversations import KEYRING
from transcripts.app import make_subjects
from transcripts.settings import TranscriptsSettings


class Store(MigratedStore[TranscriptsSettings]):
    """The service's database, with its consumer."""

    def consumer(self) -> Consumer:
        return self.consumer_of(make_subjects(self.settings, self.clock, KEYRING)[0])
