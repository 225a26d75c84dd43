"""What the frames of the protocol are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

PROTOCOL = 1
MAX_FRAME_BYTES = 65_536
MAX_TEXT_BYTES = 8_192

Topic = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{1,19}$", description="Coded topic", examples=["retirement"])]
Language = Annotated[str, Field(pattern=r"^[a-z]{2}$", examples=["en", "es"])]
Id = Annotated[
    str,
    StringConstraints(pattern=r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$", to_lower=True),
    Field(description="A UUID", json_schema_extra={"format": "uuid"}),
]
"""UUIDs stay text where thousands go through in a second; they come out in lower case."""

Seq = Annotated[int, Field(ge=0, le=2_147_483_647)]
Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_BYTES, pattern=r"^[^\x00]*$", repr=False)]


class ClientFrame(BaseModel):
    """Nothing but the named fields: a name, a number or an address that a client adds is refused, never merged (S1-001)."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
