"""Settings of the transcripts service."""

from pydantic import Field

from common.settings import ServiceSettings


class TranscriptsSettings(ServiceSettings):
    consumer_members: int = Field(
        default=3,
        ge=1,
        le=8,
        description="While one member waits for the database, the others read the next entries",
    )
