"""Settings of the transcripts service."""

from pydantic import Field, SecretStr

from common.settings import ServiceSettings

_DEVELOPMENT_KEY = "for development only: whoever reads this can guess numbers against the index"


class TranscriptsSettings(ServiceSettings):
    blind_key: SecretStr = Field(
        default=SecretStr(""),
        description="Secret under which account ids and PINs are indexed; another one finds nothing of what was sealed "
        "before, and whoever knows it can guess numbers against a copy of the index",
    )

    consumer_members: int = Field(
        default=3,
        ge=1,
        le=8,
        description="While one member waits for the database, the others read the next entries",
    )

    def index_key(self) -> bytes:
        """The secret of the blind index.

        Raises:
            ValueError: none is set outside the embedded profile.
        """
        chosen = self.blind_key.get_secret_value()
        if not chosen and self.profile != "embedded":
            raise ValueError("MUNIMENT_BLIND_KEY must be set: account ids and PINs are indexed under it")
        return (chosen or _DEVELOPMENT_KEY).encode()
