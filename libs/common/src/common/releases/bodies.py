"""What goes over the wire about grants, the same at every service that takes them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field


class GrantIn(BaseModel):
    """A release grant, as disclosure signed it."""

    model_config = ConfigDict(extra="forbid")

    grant: str = Field(min_length=20, max_length=50_000, repr=False)


class RefusalIn(GrantIn):
    """A grant that is handed back, and why."""

    reason: Literal["must-not-go", "recipient-withdrew", "recipient-not-identified", "wrong-recipient"]


class UseOut(BaseModel):
    """What became of a grant, without the copies, which each service describes in its own way."""

    grant_id: UUID
    request_id: UUID
    accounting_id: UUID | None
    outcome: Literal["released", "refused", "expired"]
    reason: str = Field(description="Code of why nothing went; empty where the records went, or nobody came")
    settled_at: datetime
