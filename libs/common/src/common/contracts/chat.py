"""What the chat gateway tells: every entry of a session, numbered 1..n, on the topic `chat.message`.

The running digest proves that somebody holds 1..n unchanged: `digest(k) = SHA-256(digest(k-1) || canonical(entry k))`,
where canonical is the entry's JSON without `digest`, members sorted, no white space, UTF-8, and digest(0) is 32 zero
bytes. A browser computes the same with `JSON.stringify`, since an entry holds only texts, whole numbers, true, false,
null, lists and objects of such.
"""

import hashlib
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from common.contracts.envelope import EventData

Role = Literal["customer", "agent", "supervisor", "system"]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EMPTY_DIGEST = "0" * 64


def canonical(entry: dict[str, Any]) -> bytes:
    """The bytes of an entry that the running digest covers. `entry` must not hold `digest`."""
    return orjson.dumps(entry, option=orjson.OPT_SORT_KEYS)


def running_digest(previous: str, canonical_entry: bytes) -> str:
    """The digest (64 hexadecimal digits) over all entries up to this one, given the digest before it."""
    return hashlib.sha256(bytes.fromhex(previous) + canonical_entry).hexdigest()


class Pii(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SessionEntry(EventData):
    """One entry of a session. `seq` counts from 1 without gaps; `at` is RFC 3339 UTC with six decimals."""

    topic: ClassVar[str] = "chat.message"
    key_field: ClassVar[str] = "session_id"
    system: ClassVar[str] = "60-0383"

    session_id: UUID
    seq: int = Field(ge=1)
    entry_id: UUID = Field(description="The sender's own id for this entry; sending it again is the same entry")
    participant_id: UUID = Field(description="Who made the entry; an id of this session only, no person's number")
    role: Role
    at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$")
    digest: Digest = Field(description="Running digest over entries 1..seq")

    def canonical(self) -> bytes:
        """The bytes of this entry that the running digest covers."""
        return canonical(self.model_dump(mode="json", exclude={"digest"}))


class NoticeShown(BaseModel):
    """The Privacy Act statement (5 U.S.C. 552a(e)(3)) as it was shown, by version and by the digest of its text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    digest: Digest
    language: str
    acknowledged_at: str


class CustomerPii(Pii):
    account_id: str = Field(description="The person's account at the identity provider (`sub`)")
    display_name: str


class SessionOpened(SessionEntry):
    """A member of the public opened a session, knowing the notice."""

    event_type: ClassVar[str] = "muniment.chat.session.opened.v1"

    chat_topic: str = Field(description="Coded topic of the conversation")
    notice: NoticeShown
    identity_assurance: int = Field(ge=0, le=3, description="NIST SP 800-63 identity assurance level")
    authenticator_assurance: int = Field(ge=0, le=3)
    authenticated_at: str
    pii: CustomerPii


class EmployeePii(Pii):
    pin: str = Field(description="The employee's personal identification number")
    display_name: str


class ParticipantJoined(SessionEntry):
    """An employee took part from here on."""

    event_type: ClassVar[str] = "muniment.chat.session.joined.v1"

    office: str
    region: str
    pii: EmployeePii


class MessagePii(Pii):
    text: str


class MessagePosted(SessionEntry):
    """One contribution by one participant."""

    event_type: ClassVar[str] = "muniment.chat.message.posted.v1"

    pii: MessagePii


class SessionClosed(SessionEntry):
    """The session ended; this is its last entry, so `seq` is the number of all entries and `digest` covers all."""

    event_type: ClassVar[str] = "muniment.chat.session.closed.v1"

    reason: Literal["customer_left", "agent_closed", "inactive", "shutdown"]


CHAT_EVENTS: dict[str, type[EventData]] = {
    kind.event_type: kind for kind in (SessionOpened, ParticipantJoined, MessagePosted, SessionClosed)
}
