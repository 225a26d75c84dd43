"""What travels: frames from clients and frames to clients. PROTOCOL.md explains them."""

from datetime import date, datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field, TypeAdapter

from chat_gateway import answering_schemas as answering
from chat_gateway.desk_schemas import (
    Accept,
    Available,
    Away,
    Decline,
    DeskFrame,
    Extend,
    Hold,
    KeepPlace,
    OfferFrame,
    OfferGone,
    PlaceFrame,
    PlaceOut,
    Prioritise,
    QueueFrame,
    ReleaseHold,
    Transfer,
    TransferFrame,
    WithdrawTransfer,
)
from chat_gateway.signals.schemas import Mark, Receipt, ReceiptFrame, Typing, TypingFrame
from chat_gateway.wire import (
    MAX_TEXT_BYTES,
    PROTOCOL,
    ClientFrame,
    Id,
    Language,
    Seq,
    Text,
    Topic,
)


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
    notice_digest: str | None = Field(
        default=None,
        pattern="^[0-9a-f]{64}$",
        description="Its digest, which tells the language too. On a socket it may be left out; over HTTP it shows that the "
        "statement was had",
    )
    leave_message: bool = Field(
        default=False, description="Where nobody serves the topic now: leave what is said for whoever does next"
    )
    place: str | None = Field(
        default=None,
        max_length=64,
        repr=False,
        description="Token of a place in the queue that was kept; it is good once",
    )


class Join(ClientFrame):
    """An agent picks a waiting session from the queue."""

    type: Literal["join"]
    session_id: Id


class Send(ClientFrame):
    type: Literal["send"]
    session_id: Id
    client_id: Id = Field(description="The client's own id for this message; sending it again is the same message")
    text: Text
    seen_seq: Seq | None = Field(
        default=None,
        description="Number of the last entry that the sender has seen: refused if somebody else said something since",
    )
    third_party: bool = Field(
        default=False, description="The words are somebody else's, a letter for one; the entry says so"
    )
    reason: answering.OverrideReason | None = Field(
        default=None, description="Why an employee says what the check of drafts warns of; it is recorded"
    )


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


AnyClientFrame = (
    Hello
    | Open
    | Join
    | Send
    | Resume
    | CloseSession
    | Ping
    | Mark
    | Typing
    | Available
    | Away
    | Accept
    | Decline
    | Transfer
    | WithdrawTransfer
    | Hold
    | ReleaseHold
    | Extend
    | Prioritise
    | KeepPlace
    | answering.WriteNote
    | answering.Duress
    | answering.AnswerAlarm
    | answering.CheckDraft
    | answering.Reveal
    | answering.UseAnswer
    | answering.RegardPerson
    | answering.AccompanyPerson
    | answering.Monitor
    | answering.StopMonitoring
    | answering.WriteWhisper
    | answering.StepIn
)
FromClient = Annotated[AnyClientFrame, Field(discriminator="type")]
from_client: TypeAdapter[AnyClientFrame] = TypeAdapter(FromClient)


CLIENT_FRAMES = get_args(AnyClientFrame)
FRAME_TYPES = tuple(kind.model_fields["type"].annotation.__args__[0] for kind in CLIENT_FRAMES)
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


class ParticipantOut(BaseModel):
    participant_id: Id
    role: str
    display_name: str
    joined_at: datetime


class NoticeRef(BaseModel):
    """The statement that the customer acknowledged."""

    version: str
    digest: str
    language: str


class Opened(BaseModel):
    """A session was opened (customer), taken (agent), resumed, or is listened to (supervisor): how it stands now. Its entries after the cursor follow.

    On reconnecting this is all of its state: whoever missed any change holds the same as everybody else after it.
    """

    type: Literal["opened", "joined", "resumed", "monitoring"]
    session_id: Id
    participant_id: Id = Field(description="The receiver's own id in this session")
    client_id: Id | None = None
    after_seq: int = Field(description="The cursor: entries with greater numbers follow")
    last_seq: int = Field(description="The last entry's number at this moment; live entries follow after it")
    digest: str = Field(description="The running digest as of the last entry")
    status: Literal["waiting", "active", "held", "closed"]
    topic: str
    language: str
    owner: Id | None = Field(default=None, description="The employee who has it; who had it last when it is closed")
    held_until: datetime | None = Field(default=None, description="While it is on hold")
    closes_at: datetime | None = Field(default=None, description="When silence ends it, once that was announced")
    notice: NoticeRef
    participants: list[ParticipantOut] = Field(description="Everybody who took part so far")
    receipts: list[Receipt] = Field(description="How far each of them received and read it")
    queue: PlaceOut | None = Field(
        default=None, description="For a waiting customer who resumes: the place in the queue"
    )


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
    kind: Literal[
        "opened",
        "joined",
        "message",
        "transferred",
        "returned",
        "held",
        "resumed",
        "warned",
        "extended",
        "accompanied",
        "regarded",
        "closed",
    ]
    entry: dict[str, Any]
    masked: list[answering.MaskedPlace] = Field(
        default=[], description="Places that are masked for this reader; `reveal` shows one of them"
    )
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
    seq: int | None = Field(default=None, description="Number of the message that the sender has not seen")
    rules: list[answering.BrokenRule] | None = Field(default=None, description="What an employee's words break")
    acr_values: list[str] | None = Field(
        default=None, description="Levels that a new authentication must reach (RFC 9470)"
    )
    max_age: int | None = Field(default=None, description="Seconds since the authentication at most (RFC 9470)")


class Pong(BaseModel):
    type: Literal["pong"] = "pong"


class Left(BaseModel):
    """Somebody else has the session now, or it waits again: this receiver hears no more of it."""

    type: Literal["left"] = "left"
    session_id: Id


AnyServerFrame = (
    Welcome
    | NoticeFrame
    | Opened
    | Ack
    | EntryFrame
    | Left
    | Closed
    | ErrorFrame
    | Pong
    | DeskFrame
    | OfferFrame
    | OfferGone
    | TransferFrame
    | QueueFrame
    | PlaceFrame
    | answering.NoteFrame
    | answering.AlarmFrame
    | answering.Checked
    | answering.Revealed
    | ReceiptFrame
    | TypingFrame
    | answering.Whisper
    | answering.Monitored
)
ToClient = Annotated[AnyServerFrame, Field(discriminator="type")]
to_client: TypeAdapter[AnyServerFrame] = TypeAdapter(ToClient)
