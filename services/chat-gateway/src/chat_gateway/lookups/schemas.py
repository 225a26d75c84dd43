"""Bodies of looks into other files."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from chat_gateway.lookups.register import Code, FieldName


class LookUp(BaseModel):
    """What one wants to know of another file, and why."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"system": "title-ii", "file_id": "T2-4471-08", "fields": ["payment_day"], "reason": "answer-question"}
            ]
        },
    )

    system: Code
    file_id: Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[\x21-\x7e]+$", repr=False)] = Field(
        description="Which file, in the other system's own terms"
    )
    fields: Annotated[list[FieldName], Field(min_length=1, max_length=20)]
    reason: Code = Field(description="Coded; the register of the agency says which there are")


class LookUpOut(BaseModel):
    """What the other system said; it is shown once and kept nowhere here."""

    look_up_id: UUID
    system: str
    fields: dict[str, str | int | bool | None] = Field(repr=False, description="What it does not have is missing")


class SystemOut(BaseModel):
    system: str
    means: str
    fields: list[str]


class CalledFor(BaseModel):
    """Which other files this conversation calls for."""

    systems: list[SystemOut]
    reasons: dict[str, str]
