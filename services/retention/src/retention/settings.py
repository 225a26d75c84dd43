"""Settings of the retention service."""

from pydantic import Field

from common.settings import ServiceSettings


class RetentionSettings(ServiceSettings):
    consumer_members: int = Field(
        default=2,
        ge=1,
        le=8,
        description="While one member waits for the database, the other reads the next events",
    )
