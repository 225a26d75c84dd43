"""What the chat gateway tells: every entry of a session, numbered 1..n, on the topic `chat.message`.

The running digest proves that somebody holds 1..n unchanged: `digest(k) = SHA-256(digest(k-1) || covered(entry k))`,
where covered is the entry's JSON without `digest` and without `pii`, members sorted, no white space, UTF-8, and digest(0)
is 32 zero bytes. A browser computes the same with `JSON.stringify`, since an entry holds only texts, whole numbers, true,
false, null, lists and objects of such.

What an entry says of a person is covered by its `commitment`: the SHA-256 of `pii` in the same canonical form. `pii` holds
a random `salt`, so the commitment gives nothing away of what was said; and since the chain runs over the commitment, it
still proves everything after the values were withheld, redacted or destroyed.
"""

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import orjson
from pydantic import BaseModel, ConfigDict, Field

from common.contracts.envelope import EventData
from common.contracts.personal import ON_THE_WIRE, Pii, SealedPii

Role = Literal["customer", "representative", "agent", "supervisor", "system"]
"""`customer`: the person themself; `representative`: somebody with a proven authority to act for them."""
PUBLIC: frozenset[Role] = frozenset(("customer", "representative"))
"""Roles of members of the public."""

Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
EMPTY_DIGEST = "0" * 64
SALT_BYTES = 16


def canonical(content: Mapping[str, Any]) -> bytes:
    """JSON with members sorted, without white space, in UTF-8."""
    return orjson.dumps(content, option=orjson.OPT_SORT_KEYS)


def covered(entry: Mapping[str, Any]) -> bytes:
    """The bytes of an entry that the running digest covers: all of it but `digest` and `pii`."""
    return canonical({name: value for name, value in entry.items() if name not in ("digest", "pii")})


def commitment_to(canonical_pii: bytes) -> str:
    """What an entry says of its `pii` (with its salt) without saying it: 64 hexadecimal digits."""
    return hashlib.sha256(canonical_pii).hexdigest()


def running_digest(previous: str, covered_entry: bytes) -> str:
    """The digest (64 hexadecimal digits) over all entries up to this one, given the digest before it."""
    return hashlib.sha256(bytes.fromhex(previous) + covered_entry).hexdigest()


class SaltedPii(Pii):
    salt: str = Field(pattern=r"^[0-9a-f]{32}$", repr=False, description="Random; makes the commitment say nothing")


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

    @property
    def place(self) -> str:
        return entry_place(self.event_type, self.key, self.seq)


def entry_place(event_type: str, session_key: str, seq: int) -> str:
    """Where an entry's `pii` belongs: the associated data of its seal."""
    return f"{event_type}|{session_key}|{seq}"


class PersonalEntry(SessionEntry):
    """An entry that says something of a person."""

    commitment: Digest = Field(description="SHA-256 of the canonical pii, its salt included")


class NoticeShown(BaseModel):
    """The Privacy Act statement (5 U.S.C. 552a(e)(3)) as it was shown, by version and by the digest of its text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    digest: Digest
    language: str
    acknowledged_at: str


class CustomerPii(SaltedPii):
    account_id: str = Field(description="The person's account at the identity provider (`sub`)")
    display_name: str


class SessionOpened(PersonalEntry):
    """A member of the public opened a session, knowing the notice."""

    event_type: ClassVar[str] = "muniment.chat.session.opened.v1"
    pii_type = CustomerPii

    chat_topic: str = Field(description="Coded topic of the conversation")
    notice: NoticeShown
    identity_assurance: int = Field(ge=0, le=3, description="NIST SP 800-63 identity assurance level")
    authenticator_assurance: int = Field(ge=0, le=3)
    authenticated_at: str
    classification: Literal["unclassified"] = "unclassified"
    pii: Annotated[SealedPii | CustomerPii, Field(union_mode="left_to_right"), ON_THE_WIRE]


class EmployeePii(SaltedPii):
    pin: str = Field(description="The employee's personal identification number")
    display_name: str


class ParticipantJoined(PersonalEntry):
    """An employee took part from here on."""

    event_type: ClassVar[str] = "muniment.chat.session.joined.v1"
    pii_type = EmployeePii

    office: str
    region: str
    pii: Annotated[SealedPii | EmployeePii, Field(union_mode="left_to_right"), ON_THE_WIRE]


class MessagePii(SaltedPii):
    text: str


class AnswerUsed(BaseModel):
    """An answer of the register, in the version that was sent."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    id: str
    version: int = Field(ge=1)


class MessagePosted(PersonalEntry):
    """One contribution by one participant: their own words, unless it says otherwise."""

    event_type: ClassVar[str] = "muniment.chat.message.posted.v1"
    pii_type = MessagePii

    answer: AnswerUsed | None = Field(
        default=None, description="The answer of the register that was sent, if it is one"
    )
    source: Literal["third-party"] | None = Field(
        default=None,
        description="The words are somebody else's (a letter that is quoted); missing: whoever `role` names wrote them",
    )
    pii: Annotated[SealedPii | MessagePii, Field(union_mode="left_to_right"), ON_THE_WIRE]


TransferReason = Literal[
    "other-expertise", "language", "shift-ends", "conflict-of-interest", "customer-asked", "technical", "line-lost"
]


class SessionTransferred(PersonalEntry):
    """An employee took the session over from another, who had asked and had it until then."""

    event_type: ClassVar[str] = "muniment.chat.session.transferred.v1"
    pii_type = EmployeePii

    from_participant_id: UUID
    reason: TransferReason
    office: str
    region: str
    pii: Annotated[SealedPii | EmployeePii, Field(union_mode="left_to_right"), ON_THE_WIRE]


Authority = Literal["representative", "guardian", "representative-payee", "attorney"]


class RepresentativeJoined(PersonalEntry):
    """Somebody with a proven authority to act for the person takes part from here on."""

    event_type: ClassVar[str] = "muniment.chat.session.accompanied.v1"
    pii_type = CustomerPii

    authority_id: UUID = Field(description="The entry of the register under which the proof is filed")
    authority: Authority
    pii: Annotated[SealedPii | CustomerPii, Field(union_mode="left_to_right"), ON_THE_WIRE]


class PersonRegarded(SessionEntry):
    """The employee found how the person stands to what they ask about: a party to it, or nobody who may hear of it."""

    event_type: ClassVar[str] = "muniment.chat.session.regarded.v1"

    standing: Literal["party", "stranger"]
    basis: Literal["asks-about-another", "identity-in-doubt", "authority-shown", "mistake"]


class SessionReturned(SessionEntry):
    """The session went back to the queue, at the place it had; `role` says whether its employee or the gateway did that."""

    event_type: ClassVar[str] = "muniment.chat.session.returned.v1"

    chat_topic: str = Field(description="Coded topic from here on")
    reason: TransferReason


class SessionHeld(SessionEntry):
    """The employee put the session on hold."""

    event_type: ClassVar[str] = "muniment.chat.session.held.v1"

    until: str = Field(description="When it goes on by itself, RFC 3339")


class SessionResumed(SessionEntry):
    """The hold is over."""

    event_type: ClassVar[str] = "muniment.chat.session.resumed.v1"

    cause: Literal["agent", "time"]


class SilenceWarned(SessionEntry):
    """The customer was told that silence ends the session, and when (WCAG 2.2, 2.2.1)."""

    event_type: ClassVar[str] = "muniment.chat.session.warned.v1"

    closes_at: str = Field(description="RFC 3339")
    extensions_left: int = Field(ge=0, description="How often the customer may still ask for more time")


class SilenceExtended(SessionEntry):
    """The customer asked for more time."""

    event_type: ClassVar[str] = "muniment.chat.session.extended.v1"


class SessionClosed(SessionEntry):
    """The session ended; this is its last entry, so `seq` is the number of all entries and `digest` covers all."""

    event_type: ClassVar[str] = "muniment.chat.session.closed.v1"

    reason: Literal["customer_left", "agent_closed", "inactive", "abandoned", "place_kept", "shutdown"]


CHAT_EVENTS: dict[str, type[EventData]] = {
    kind.event_type: kind
    for kind in (
        SessionOpened,
        ParticipantJoined,
        MessagePosted,
        SessionTransferred,
        SessionReturned,
        SessionHeld,
        SessionResumed,
        SilenceWarned,
        SilenceExtended,
        RepresentativeJoined,
        PersonRegarded,
        SessionClosed,
    )
}
