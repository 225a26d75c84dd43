"""Settings of the transcripts service."""

from pydantic import Field

from common.releases.settings import ReleaseSettings


class TranscriptsSettings(ReleaseSettings):
    consumer_members: int = Field(
        default=3,
        ge=1,
        le=8,
        description="While one member waits for the database, the others read the next entries",
    )

    pii_taxonomy_file: str = Field(
        default="",
        description="YAML with the kinds of information about a person that the agency adds to the platform's; a kind that "
        "is missing there is not looked for",
    )
