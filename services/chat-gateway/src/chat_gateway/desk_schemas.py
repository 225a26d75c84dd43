"""Frames and bodies of routing: desks, offers, transfers, holds, places in the queue."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from chat_gateway.wire import ClientFrame, Id, Topic

GivenReason = Literal[
    "other-expertise", "language", "shift-ends", "conflict-of-interest", "customer-asked", "technical"
]


class Available(ClientFrame):
    """An agent takes offers from now on."""

    type: Literal["available"]
    capacity: int | None = Field(
        default=None, ge=1, le=50, description="Sessions at once; at most what the agency allows"
    )


class Away(ClientFrame):
    """An agent takes no more offers; what they have stays theirs."""

    type: Literal["away"]


class Accept(ClientFrame):
    """Take the session that was offered, from the queue or by a colleague."""

    type: Literal["accept"]
    session_id: Id


class Decline(ClientFrame):
    type: Literal["decline"]
    session_id: Id
    reason: Literal["other-expertise", "language", "conflict-of-interest", "busy", "technical"]


class Transfer(ClientFrame):
    """Ask a colleague to take a session over, or without `agent` give it back to the queue, perhaps under another topic."""

    type: Literal["transfer"]
    session_id: Id
    agent: str | None = Field(default=None, min_length=1, max_length=200)
    topic: Topic | None = None
    reason: GivenReason


class WithdrawTransfer(ClientFrame):
    """Ask the colleague no longer."""

    type: Literal["withdraw"]
    session_id: Id


class Hold(ClientFrame):
    type: Literal["hold"]
    session_id: Id
    seconds: int = Field(default=300, ge=10, le=3600, description="After these it goes on by itself")


class ReleaseHold(ClientFrame):
    type: Literal["unhold"]
    session_id: Id


class Extend(ClientFrame):
    """A customer who was warned asks for more time."""

    type: Literal["extend"]
    session_id: Id


class Prioritise(ClientFrame):
    """An employee saw a reason to serve somebody sooner."""

    type: Literal["prioritise"]
    session_id: Id
    reason: str = Field(pattern=r"^[a-z][a-z0-9-]{1,19}$")


class KeepPlace(ClientFrame):
    """A waiting customer leaves and keeps the place in the queue, or leaves what was said as a message."""

    type: Literal["leave"]
    session_id: Id
    message: bool = Field(
        default=False,
        description="Leave what was said for whoever serves next: the session waits on, whether or not the customer stays",
    )


class DeskFrame(BaseModel):
    """How the receiver's desk stands."""

    type: Literal["desk"] = "desk"
    available: bool
    capacity: int | None = None
    why: str | None = Field(default=None, description="`did-not-answer`: an offer passed unanswered, so no more come")


class OfferFrame(BaseModel):
    """Somebody asks the receiver to take a session. Nothing of what was said in it is told before they accept."""

    type: Literal["offer"] = "offer"
    session_id: Id
    how: Literal["queue", "transfer"]
    topic: str
    language: str
    priority: str | None = None
    waited_seconds: int
    until: datetime


class OfferGone(BaseModel):
    """The receiver is not asked any more: they answered, the time is over, or it was taken back."""

    type: Literal["offer_gone"] = "offer_gone"
    session_id: Id


class TransferFrame(BaseModel):
    """How a transfer goes that the receiver asked for."""

    type: Literal["transfer"] = "transfer"
    session_id: Id
    state: Literal["asked", "withdrawn", "returned"]
    until: datetime | None = None


class IntervalOut(BaseModel):
    """How long it will probably take: an interval, never a point."""

    least_seconds: int
    most_seconds: int
    coverage: float = Field(
        description="With what chance the interval holds, at least, if waits are as they were lately"
    )
    tested_coverage: float | None = Field(
        description="How often such intervals held lately, made from what was known then"
    )
    known_from: int = Field(description="How many waits it was made from")


class PlaceOut(BaseModel):
    session_id: Id
    place: int = Field(description="1 is the next to be served")
    of: int
    wait: IntervalOut | None = Field(default=None, description="None: not enough is known")
    other_channels: list[str] = Field(description="Other ways to reach the agency, coded; `/v1/topics` names them")
    longer_than_promised: bool = Field(description="The topic's longest wait has passed: other ways may be better")
    steps: int = Field(
        default=0,
        description="How often others than the topic's own experts were asked in too, or other ways were offered",
    )
    offers: list[Literal["leave-message", "keep-place"]] = Field(
        default=[], description="What the agency offers instead of waiting on: `leave`, with `message` or without"
    )


class QueueFrame(PlaceOut):
    """Where a waiting customer stands; comes again when it changes."""

    type: Literal["queue"] = "queue"


class PlaceFrame(BaseModel):
    """The place is kept: `open` with this token stands where this session stood, once, until then. No token where a message
    was left: the session itself waits on.
    """

    type: Literal["place"] = "place"
    session_id: Id
    token: str | None = Field(default=None, repr=False)
    valid_until: datetime | None = None


class SkipOut(BaseModel):
    agent: str
    reasons: list[str]
    lacking: list[str]


class AssignmentOut(BaseModel):
    """Who was asked to take a session, by which rule, and why each of the others was not."""

    assignment_id: UUID
    at: datetime
    how: Literal["offer", "pick", "transfer", "reroute"]
    rule: str
    agent: str
    by_agent: str | None
    facts: dict[str, Any]
    skipped: list[SkipOut]
    outcome: str | None
    reason: str | None
    ended_at: datetime | None


class Assignments(BaseModel):
    assignments: list[AssignmentOut]


class TargetOut(BaseModel):
    agent: str
    office: str
    load: int
    capacity: int


class Targets(BaseModel):
    targets: list[TargetOut] = Field(description="Colleagues who could take it over now, the least busy first")


class TopicOut(BaseModel):
    """A topic, whether somebody serves it now, and how else the agency is reached (S1-002)."""

    topic: str
    name: str
    open: bool
    until: datetime | None = Field(default=None, description="When it closes, while it is open")
    opens_at: datetime | None = Field(default=None, description="When it opens, while it is closed and that is known")
    why: str | None = Field(default=None, description="Why it is closed")
    other_channels: dict[str, str] = Field(description="Code and name of each other way, the first ones first")


class TopicsOut(BaseModel):
    topics: list[TopicOut]
