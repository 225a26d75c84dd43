"""What travels: frames from clients, frames to clients, and the bodies of the HTTP interface. PROTOCOL.md explains them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter

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


class Hello(ClientFrame):
    """The first frame, unless the token came in the Authorization header; later, a fresh token for the same person."""

    type: Literal["hello"]
    token: str | None = Field(default=None, max_length=8192, repr=False)
    proof: str = Field(
        default="",
        max_length=4096,
        repr=False,
        description="For a token that is bound to a key: a DPoP proof (RFC 9449) for GET and this socket's address",
    )
    language: Language = "en"
    arrays: bool = Field(
        default=False,
        description="The client also takes messages that are an array of frames: those that are due at the same time",
    )


class Open(ClientFrame):
    """A customer opens a session and thereby acknowledges the statement shown on this connection."""

    type: Literal["open"]
    client_id: Id = Field(description="The client's own id for this session; sending it again opens no second one")
    topic: Topic
    notice_version: str = Field(
        max_length=40, description="Version of the statement that was shown and is acknowledged"
    )


class Join(ClientFrame):
    """An agent takes a waiting session."""

    type: Literal["join"]
    session_id: Id


class Send(ClientFrame):
    type: Literal["send"]
    session_id: Id
    client_id: Id = Field(description="The client's own id for this message; sending it again is the same message")
    text: Text


class Resume(ClientFrame):
    """Take part again: everything after `after_seq`, then what follows."""

    type: Literal["resume"]
    session_id: Id
    after_seq: Seq


class CloseSession(ClientFrame):
    type: Literal["close"]
    session_id: Id


class Ping(ClientFrame):
    type: Literal["ping"]


FromClient = Annotated[Hello | Open | Join | Send | Resume | CloseSession | Ping, Field(discriminator="type")]
from_client: TypeAdapter[Hello | Open | Join | Send | Resume | CloseSession | Ping] = TypeAdapter(FromClient)


FRAME_TYPES = tuple(kind.model_fields["type"].annotation.__args__[0] for kind in get_args(get_args(FromClient)[0]))
"""What a client can say: each of these has its row in the table of permissions."""


class NoticeSection(BaseModel):
    id: str
    heading: str
    text: list[str]


class Notice(BaseModel):
    """The Privacy Act statement, 5 U.S.C. 552a(e)(3)."""

    version: str
    language: str
    digest: str = Field(description="SHA-256 of version, language, title and sections as sorted JSON")
    effective_from: date
    title: str
    sections: list[NoticeSection]
    languages: list[str] = Field(description="Languages in which this version can be had")


class Welcome(BaseModel):
    type: Literal["welcome"] = "welcome"
    protocol: int = PROTOCOL
    roles: list[str]
    expires_at: datetime = Field(description="When the token expires; the connection is closed then (4001)")
    max_text_bytes: int = MAX_TEXT_BYTES


class NoticeFrame(Notice):
    type: Literal["notice"] = "notice"


class Opened(BaseModel):
    """A session was opened (customer), taken (agent) or resumed: what follows are its entries after the cursor."""

    type: Literal["opened", "joined", "resumed"]
    session_id: Id
    participant_id: Id = Field(description="The receiver's own id in this session")
    client_id: Id | None = None
    last_seq: int = Field(description="The last entry's number at this moment; live entries follow after it")
    digest: str


class Ack(BaseModel):
    """The message is durable under this number."""

    type: Literal["ack"]
    session_id: Id
    client_id: Id
    seq: int
    digest: str
    at: str
    salt: str = Field(description="Of the commitment to what was said: the sender completes its own entry with it")


class EntryFrame(BaseModel):
    """An entry of the session; `entry` is the event's data as `common.contracts.chat` describes it, opened."""

    type: Literal["entry"]
    kind: Literal["opened", "joined", "message", "closed"]
    entry: dict[str, Any]
    withheld: list[str] = Field(default=[], description="Members left out for this reader; the commitment covers them")


class Closed(BaseModel):
    """The session ended: `seq` is the number of all its entries and `digest` covers them all."""

    type: Literal["closed"] = "closed"
    session_id: Id
    seq: int
    digest: str
    reason: str


class ErrorFrame(BaseModel):
    type: Literal["error"] = "error"
    code: str
    status: int
    detail: str
    field: str | None = None
    session_id: Id | None = None
    client_id: Id | None = None
    retryable: bool = False
    acr_values: list[str] | None = Field(
        default=None, description="Levels that a new authentication must reach (RFC 9470)"
    )
    max_age: int | None = Field(default=None, description="Seconds since the authentication at most (RFC 9470)")


class Pong(BaseModel):
    type: Literal["pong"] = "pong"


ToClient = Annotated[
    Welcome | NoticeFrame | Opened | Ack | EntryFrame | Closed | ErrorFrame | Pong, Field(discriminator="type")
]
to_client: TypeAdapter[Welcome | NoticeFrame | Opened | Ack | EntryFrame | Closed | ErrorFrame | Pong] = TypeAdapter(
    ToClient
)


class QueuedSession(BaseModel):
    session_id: UUID
    topic: str
    language: str
    opened_at: datetime


class Queue(BaseModel):
    waiting: list[QueuedSession] = Field(description="Oldest first")
    next: str | None = Field(default=None, description="Cursor of the next page")


class ParticipantOut(BaseModel):
    participant_id: Id
    role: str
    display_name: str
    joined_at: datetime


class SessionOut(BaseModel):
    session_id: UUID
    topic: str
    status: Literal["waiting", "active", "closed"]
    opened_at: datetime
    closed_at: datetime | None
    close_reason: str | None
    notice_version: str
    notice_digest: str
    notice_language: str
    last_seq: int
    digest: str
    participants: list[ParticipantOut]


class Entries(BaseModel):
    entries: list[EntryFrame]
    last_seq: int
    next: int | None = Field(default=None, description="`after` of the next page; none when this was the last")


class ClosedOut(BaseModel):
    session_id: Id
    seq: int
    digest: str
    reason: str
