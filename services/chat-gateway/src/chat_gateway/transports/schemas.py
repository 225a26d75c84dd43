"""Bodies of the requests that are frames elsewhere, and the answer to a poll."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from chat_gateway.answering_schemas import OverrideReason
from chat_gateway.wire import Id, Seq, Topic


class OpenBody(BaseModel):
    """What `open` says, over HTTP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Id
    topic: Topic
    notice_version: str = Field(max_length=40)
    notice_digest: str = Field(pattern="^[0-9a-f]{64}$", description="`digest` of the statement that was shown")
    leave_message: bool = False
    place: str | None = Field(default=None, max_length=64, repr=False)


class MessageBody(BaseModel):
    """What `send` says, over HTTP."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    client_id: Id = Field(description="The client's own id for this message; sending it again is the same message")
    text: str = Field(min_length=1, pattern=r"^[^\x00]*$", repr=False, description="At most 8192 bytes of UTF-8")
    seen_seq: Seq | None = Field(
        default=None,
        description="Number of the last entry that the sender has seen: refused if somebody else said something since",
    )
    third_party: bool = Field(default=False, description="The words are somebody else's; the entry says so")
    reason: OverrideReason | None = Field(
        default=None, description="Why an employee says what the check of drafts warns of; it is recorded"
    )


class Polled(BaseModel):
    """What a poll brings: a snapshot of each session asked for, and everything after its cursor."""

    frames: list[dict[str, Any]] = Field(description="Frames as on the socket, in order")
    state: str = Field(description="Stands for the snapshots: sent with the next poll, it says what is known already")
