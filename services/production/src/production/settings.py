"""Settings of production beyond those that all services share."""

from datetime import UTC, tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator

from common.releases.settings import ReleaseSettings


class ProductionSettings(ReleaseSettings):
    report_time_zone: str = Field(
        default="UTC",
        description="IANA name; at midnight there a day of the reports begins. Wrong, late work counts for the next day",
    )

    offices_file: Path | None = Field(
        default=None,
        description="To whom each office answers, dated (like production/offices.yaml). Wrong, reports are shown to a region "
        "that has no business with them, or refused to one that has",
    )

    @field_validator("report_time_zone")
    @classmethod
    def _known(cls, name: str) -> str:
        zone(name)
        return name


def zone(name: str) -> tzinfo:
    """The time zone of this name.

    Raises:
        ValueError: there is none.
    """
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError("no time zone has this name") from None
