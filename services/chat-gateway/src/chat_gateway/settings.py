from pydantic import Field

from common.settings import ServiceSettings


class ChatGatewaySettings(ServiceSettings):
    """What the chat gateway needs beyond the settings of every service."""

    outbox_frames: int = Field(
        default=256,
        ge=8,
        description="Frames that may wait for one slow reader; more, and the reader is dropped and resumes by cursor",
    )
    unacknowledged_frames: int = Field(
        default=64,
        ge=1,
        description="Messages of one connection that may wait for their commit; more, and its socket is not read",
    )
    hello_seconds: float = Field(
        default=10.0, gt=0, description="Within this the first frame has to come; longer lets strangers hold sockets"
    )
    refuse_after_seconds: float = Field(
        default=10.0,
        gt=0,
        description="How long a sender waits while the database is out of reach before the answer `unavailable`",
    )
    poll_seconds: float = Field(
        default=1.0,
        gt=0,
        description="How often entries written by other processes are looked for when nobody announces them",
    )
    opens_per_minute: int = Field(
        default=20,
        ge=1,
        description="Sessions one account may open in a minute; counted in Redis, not counted without it",
    )
    frames_per_second: float = Field(
        default=200,
        gt=0,
        description="Frames of one connection; more are refused, and twice that for long ends it (4029)",
    )
    frames_at_once: int = Field(
        default=1000, ge=1, description="Frames of one connection that may come at once, after a silence or on resuming"
    )
