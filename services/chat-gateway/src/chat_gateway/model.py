"""Entries as values, who takes part in a session, and what they contribute. No I/O.

What an entry says of a person is sealed under the session's key before it is stored or told; the running digest covers a
commitment to it instead (`common.contracts.chat`).
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal

import orjson

from chat_gateway.routing.quiet import Patience
from common.contracts.chat import (
    PUBLIC,
    MessagePosted,
    ParticipantJoined,
    PersonRegarded,
    RepresentativeJoined,
    Role,
    SessionClosed,
    SessionEntry,
    SessionHeld,
    SessionOpened,
    SessionResumed,
    SessionReturned,
    SessionTransferred,
    SilenceExtended,
    SilenceWarned,
    canonical,
    entry_place,
)

CloseReason = Literal["customer_left", "agent_closed", "inactive", "abandoned", "place_kept", "shutdown"]


class Status(StrEnum):
    """waiting → active (an employee took it) → closed; active → waiting (given back); waiting → closed."""

    WAITING = "waiting"
    ACTIVE = "active"
    CLOSED = "closed"


class Kind(StrEnum):
    """What an entry says."""

    OPENED = "opened"
    JOINED = "joined"
    MESSAGE = "message"
    TRANSFERRED = "transferred"
    RETURNED = "returned"
    HELD = "held"
    RESUMED = "resumed"
    WARNED = "warned"
    EXTENDED = "extended"
    ACCOMPANIED = "accompanied"
    REGARDED = "regarded"
    CLOSED = "closed"


EVENTS: dict[Kind, type[SessionEntry]] = {
    Kind.OPENED: SessionOpened,
    Kind.JOINED: ParticipantJoined,
    Kind.MESSAGE: MessagePosted,
    Kind.TRANSFERRED: SessionTransferred,
    Kind.RETURNED: SessionReturned,
    Kind.HELD: SessionHeld,
    Kind.RESUMED: SessionResumed,
    Kind.WARNED: SilenceWarned,
    Kind.EXTENDED: SilenceExtended,
    Kind.ACCOMPANIED: RepresentativeJoined,
    Kind.REGARDED: PersonRegarded,
    Kind.CLOSED: SessionClosed,
}
_TYPES = {kind: event.event_type for kind, event in EVENTS.items()}


def place_of(kind: Kind, session_key: str, seq: int) -> bytes:
    """Where what an entry says of a person belongs; it opens in no other place."""
    return entry_place(_TYPES[kind], session_key, seq).encode()


@dataclass(frozen=True, slots=True)
class Participant:
    """Someone who takes part in one session.

    Attributes:
        id: of this session only; what others see. A UUID as lower-case text.
        principal_id: the account or user behind it; never leaves this service except in `pii`.
        joined_at: RFC 3339.
    """

    id: str
    principal_id: str = field(repr=False)
    role: Role
    display_name: str = field(repr=False)
    joined_at: str
    pin: str = field(default="", repr=False)
    office: str = ""
    region: str = ""

    @property
    def public(self) -> bool:
        """Whether it is a member of the public: the person themself, or who acts for them."""
        return self.role in PUBLIC


@dataclass(frozen=True, slots=True)
class Opening:
    """The facts with which a customer opens a session: from the token and from the notice shown, never from the client's word.

    Attributes:
        authenticated_at, acknowledged_at: RFC 3339.
    """

    topic: str
    notice_version: str
    notice_digest: str
    notice_language: str
    acknowledged_at: str
    identity_assurance: int
    authenticator_assurance: int
    authenticated_at: str


@dataclass(slots=True)
class Receipt:
    """Proof that an entry stands: what its acknowledgement says, and enough to tell whether a repetition is the same.

    Attributes:
        previous: the running digest before the entry.
        salt: of the commitment; empty where the entry says nothing of a person.
    """

    seq: int
    at: str
    digest: str
    previous: str
    salt: str = field(default="", repr=False)


@dataclass(slots=True)
class Entry:
    """One stored entry.

    Attributes:
        entry_id: a UUID as lower-case text, which costs less than the object where thousands go through in a second.
        by_customer: whether a member of the public made it.
        by: participant who made it.
        head: its JSON without `pii` and without the closing brace, as it is stored, told and delivered.
        sealed: `pii` as it is stored and told; empty where there is none.
        pii: the same, opened: canonical JSON with its salt.
        frame: what connections send of it, made once for all who may see everything of it.
        masked_frame: the same for who may not see what is protected; empty where nothing is, None before anybody asked.
    """

    kind: Kind
    entry_id: str
    receipt: Receipt
    by_customer: bool
    by: str
    head: bytes = field(repr=False)
    sealed: bytes = field(default=b"", repr=False)
    pii: bytes = field(default=b"", repr=False)
    frame: str = field(default="", repr=False)
    masked_frame: str | None = field(default=None, repr=False)

    @property
    def value(self) -> bytes:
        """The JSON that is stored and told."""
        return b'%b,"pii":%b}' % (self.head, self.sealed) if self.sealed else self.head + b"}"

    @property
    def shown(self) -> bytes:
        """The JSON for those who may see everything of it."""
        return b'%b,"pii":%b}' % (self.head, self.pii) if self.pii else self.head + b"}"

    @property
    def seq(self) -> int:
        return self.receipt.seq


@dataclass(slots=True)
class Contribution:
    """Something that is to become an entry. `entry_id` is the sender's own id for it."""

    kind: ClassVar[Kind]

    participant: Participant
    entry_id: str

    def content(self) -> dict[str, Any]:
        """The fields of the entry beyond those that every entry has, without `pii`."""
        return {}

    def personal(self) -> dict[str, str]:
        """What it says of a person."""
        return {}

    def pii(self, salt: str) -> bytes:
        """The same with this salt, as canonical JSON; empty where it says nothing."""
        return canonical(said | {"salt": salt}) if (said := self.personal()) else b""


@dataclass(frozen=True, slots=True)
class AnswerRef:
    """An answer of the register in one version. `for_strangers`: it may be sent to somebody who is no party to a case."""

    id: str
    version: int
    for_strangers: bool = False


@dataclass(slots=True)
class Post(Contribution):
    kind = Kind.MESSAGE

    text: str = field(repr=False)
    seen: int | None = None
    """Number of the last entry that the sender has seen, if they say."""
    answer: AnswerRef | None = None
    """The answer of the register that is sent."""
    third_party: bool = False
    """The words are somebody else's."""

    def content(self) -> dict[str, Any]:
        if self.answer is None and not self.third_party:
            return {}
        used = {"id": self.answer.id, "version": self.answer.version} if self.answer else None
        said = {"answer": used, "source": "third-party" if self.third_party else None}
        return {name: value for name, value in said.items() if value is not None}

    def personal(self) -> dict[str, str]:
        return {"text": self.text}

    def pii(self, salt: str) -> bytes:
        # The same as for the others, in a fraction of the time; a property test holds both against each other.
        return b'{"salt":"%b","text":%b}' % (salt.encode(), orjson.dumps(self.text))


@dataclass(slots=True)
class Open(Contribution):
    """A customer opens a session.

    Attributes:
        left_message: nobody serves the topic now; it waits for whoever does.
        kept: digest of the token of a place that was kept, if there is one.
    """

    kind = Kind.OPENED

    facts: Opening
    left_message: bool = False
    kept: bytes = field(default=b"", repr=False)

    def content(self) -> dict[str, Any]:
        facts = self.facts
        return {
            "chat_topic": facts.topic,
            "notice": {
                "version": facts.notice_version,
                "digest": facts.notice_digest,
                "language": facts.notice_language,
                "acknowledged_at": facts.acknowledged_at,
            },
            "identity_assurance": facts.identity_assurance,
            "authenticator_assurance": facts.authenticator_assurance,
            "authenticated_at": facts.authenticated_at,
            "classification": "unclassified",
        }

    def personal(self) -> dict[str, str]:
        return {"account_id": self.participant.principal_id, "display_name": self.participant.display_name}


@dataclass(slots=True)
class Join(Contribution):
    """An employee takes a waiting session. `picked`: an id for the record that nobody had asked them."""

    kind = Kind.JOINED

    picked: str = ""

    def content(self) -> dict[str, Any]:
        return {"office": self.participant.office, "region": self.participant.region}

    def personal(self) -> dict[str, str]:
        return {"pin": self.participant.pin, "display_name": self.participant.display_name}


@dataclass(slots=True)
class Close(Contribution):
    """The end.

    Attributes:
        patience: where silence ends it: it is checked once more that the time is over.
        only_waiting: where a person who gave up ends it: not when an employee has taken it meanwhile.
    """

    kind = Kind.CLOSED

    reason: CloseReason
    patience: Patience | None = None
    only_waiting: bool = False

    def content(self) -> dict[str, Any]:
        return {"reason": self.reason}
