"""What goes over the wire about grants, the same at every service that takes them."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class GrantIn(BaseModel):
    """A release grant, as disclosure signed it."""

    model_config = ConfigDict(extra="forbid")

    grant: str = Field(min_length=20, max_length=50_000, repr=False)


class RefusalIn(GrantIn):
    """A grant that is handed back, and why."""

    reason: Literal["must-not-go", "recipient-withdrew", "recipient-not-identified", "wrong-recipient"]
