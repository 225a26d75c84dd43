"""Sessions as values: their entries, the numbering 1..n, the running digest and what a repeated client id means. No I/O."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Literal
from uuid import UUID

import orjson

from chat_gateway.errors import ClientIdReusedError, SessionClosedError, UnknownSessionError
from common.contracts.chat import EMPTY_DIGEST, Role, canonical, running_digest

CloseReason = Literal["customer_left", "agent_closed", "inactive", "shutdown"]


class Status(StrEnum):
    """waiting → active (an employee took it) → closed; waiting → closed."""

    WAITING = "waiting"
    ACTIVE = "active"
    CLOSED = "closed"


class Kind(StrEnum):
    """What an entry says."""

    OPENED = "opened"
    JOINED = "joined"
    MESSAGE = "message"
    CLOSED = "closed"


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
    """

    seq: int
    at: str
    digest: str
    previous: str


@dataclass(slots=True)
class Entry:
    """One stored entry. `value` is its JSON with the digest, exactly as it is stored, told and delivered.

    Attributes:
        entry_id: a UUID as lower-case text, which costs less than the object where thousands go through in a second.
        frame: what connections send of it, made once for all who may see everything of it.
    """

    kind: Kind
    entry_id: str
    receipt: Receipt
    value: bytes = field(repr=False)
    frame: str = field(default="", repr=False)

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
        """The fields of the entry beyond those that every entry has."""
        raise NotImplementedError


@dataclass(slots=True)
class Post(Contribution):
    kind = Kind.MESSAGE

    text: str = field(repr=False)

    def content(self) -> dict[str, Any]:
        return {"pii": {"text": self.text}}

    def quoted(self) -> str:
        """The text as JSON."""
        return orjson.dumps(self.text).decode()


@dataclass(slots=True)
class Open(Contribution):
    kind = Kind.OPENED

    facts: Opening

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
            "pii": {"account_id": self.participant.principal_id, "display_name": self.participant.display_name},
        }


@dataclass(slots=True)
class Join(Contribution):
    kind = Kind.JOINED

    def content(self) -> dict[str, Any]:
        who = self.participant
        return {
            "office": who.office,
            "region": who.region,
            "pii": {"pin": who.pin, "display_name": who.display_name},
        }


@dataclass(slots=True)
class Close(Contribution):
    kind = Kind.CLOSED

    reason: CloseReason

    def content(self) -> dict[str, Any]:
        return {"reason": self.reason}


class SessionState:
    """What is known of one session: everything up to `last_seq`, which is durable.

    Attributes:
        participants: by principal.
        receipts: every entry's, by its id.
    """

    __slots__ = ("closing", "digest", "id", "key", "last_seq", "opening", "participants", "receipts", "status")

    def __init__(self, session_id: UUID) -> None:
        self.id = session_id
        self.key = str(session_id)
        self.status = Status.WAITING
        self.last_seq = 0
        self.digest = EMPTY_DIGEST
        self.participants: dict[str, Participant] = {}
        self.receipts: dict[str, Receipt] = {}
        self.opening: Opening | None = None
        self.closing: Entry | None = None

    def apply(self, entry: Entry) -> bool:
        """Take in the next durable entry. One that is known already changes nothing and gives False.

        Raises:
            ValueError: an entry in between is missing.
        """
        receipt, kind = entry.receipt, entry.kind
        if receipt.seq <= self.last_seq:
            return False
        if receipt.seq != self.last_seq + 1:
            raise ValueError("an entry is missing before this one")
        self.last_seq = receipt.seq
        self.digest = receipt.digest
        self.receipts[entry.entry_id] = receipt
        if kind is Kind.JOINED:
            self.status = Status.ACTIVE
        elif kind is Kind.CLOSED:
            self.status = Status.CLOSED
            self.closing = entry
        return True

    @property
    def employee(self) -> Participant | None:
        """The employee who took the session, or None while it waits."""
        return next((p for p in self.participants.values() if p.role != "customer"), None)


class Draft:
    """How one session goes on if the next transaction commits. Nothing of it counts before that.

    Attributes:
        entries: the new entries, in order.
        participants: those who come in with them, by principal.
        opened: the opening, when the session begins here.
        closed: the closing, when it ends here.
    """

    __slots__ = ("_digest", "_receipts", "_seq", "_status", "closed", "entries", "opened", "participants", "state")

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.entries: list[Entry] = []
        self.participants: dict[str, Participant] = {}
        self.opened: Open | None = None
        self.closed: Close | None = None
        self._seq = state.last_seq
        self._digest = state.digest
        self._status = state.status
        self._receipts: dict[str, Receipt] = {}

    def place(self, contribution: Contribution, at: str) -> Receipt:
        """Give the contribution its number, or find that it has one.

        Args:
            at: RFC 3339, the moment that a new entry gets.

        Raises:
            ClientIdReusedError: its id stands for another content.
            SessionClosedError: nothing follows the closing entry.
            UnknownSessionError: somebody else took the session.
        """
        known = self.state.receipts.get(contribution.entry_id) or self._receipts.get(contribution.entry_id)
        if known is not None:
            covered = self._covered(contribution, known.seq, known.at)
            if running_digest(known.previous, covered) != known.digest:
                raise ClientIdReusedError
            return known
        if self._status is Status.CLOSED:
            raise SessionClosedError
        if contribution.kind is not Kind.MESSAGE:
            self._turn(contribution)
        return self._add(contribution, at)

    def _turn(self, contribution: Contribution) -> None:
        who = contribution.participant
        if isinstance(contribution, Open):
            self.opened = contribution
            self.participants[who.principal_id] = who
        elif isinstance(contribution, Join):
            if self._status is not Status.WAITING:
                raise UnknownSessionError
            self._status = Status.ACTIVE
            self.participants[who.principal_id] = who
        elif isinstance(contribution, Close):
            self._status = Status.CLOSED
            self.closed = contribution

    def _add(self, contribution: Contribution, at: str) -> Receipt:
        self._seq = seq = self._seq + 1
        previous = self._digest
        covered = self._covered(contribution, seq, at)
        self._digest = digest = running_digest(previous, covered)
        receipt = self._receipts[contribution.entry_id] = Receipt(seq, at, digest, previous)
        value = b'%b,"digest":"%b"}' % (covered[:-1], digest.encode())
        self.entries.append(Entry(contribution.kind, contribution.entry_id, receipt, value))
        return receipt

    def _covered(self, contribution: Contribution, seq: int, at: str) -> bytes:
        """The bytes of the entry that the running digest covers."""
        who = contribution.participant
        if isinstance(contribution, Post):
            # The same as below, in a fraction of the time; a property test holds both against each other.
            return (
                f'{{"at":"{at}","entry_id":"{contribution.entry_id}","participant_id":"{who.id}","pii":{{"text":'
                f'{contribution.quoted()}}},"role":"{who.role}","seq":{seq},"session_id":"{self.state.key}"}}'
            ).encode()
        return canonical(
            {
                **contribution.content(),
                "at": at,
                "entry_id": contribution.entry_id,
                "participant_id": who.id,
                "role": who.role,
                "seq": seq,
                "session_id": self.state.key,
            }
        )
