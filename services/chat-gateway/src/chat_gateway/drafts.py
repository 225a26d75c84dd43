"""Sessions as values: the numbering 1..n, the running digest and what a repeated client id means. No I/O."""

import os
from uuid import UUID

from chat_gateway.errors import ClientIdReusedError, SessionClosedError, UnknownSessionError
from chat_gateway.model import (
    Close,
    Contribution,
    Entry,
    Join,
    Kind,
    Open,
    Opening,
    Participant,
    Post,
    Receipt,
    Status,
    place_of,
)
from common.contracts.chat import EMPTY_DIGEST, SALT_BYTES, canonical, commitment_to, running_digest
from common.protection.data_key import DataKey
from common.protection.events import packed


class SessionState:
    """What is known of one session: everything up to `last_seq`, which is durable.

    Attributes:
        participants: by principal.
        receipts: every entry's, by its id.
        data_key: seals what is said in it, and opens it as long as it may be seen.
    """

    __slots__ = (
        "closing", "data_key", "digest", "id", "key", "last_seq", "opening", "participants", "receipts", "status",
    )  # fmt: skip

    def __init__(self, session_id: UUID, data_key: DataKey) -> None:
        self.id = session_id
        self.key = str(session_id)
        self.data_key = data_key
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
            KeyDestroyedError: the session's key was destroyed.
        """
        known = self.state.receipts.get(contribution.entry_id) or self._receipts.get(contribution.entry_id)
        if known is not None:
            head = self._covered(contribution, known.seq, known.at, contribution.pii(known.salt))
            if running_digest(known.previous, head) != known.digest:
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
        seq, previous = self._seq + 1, self._digest
        salt = os.urandom(SALT_BYTES).hex()
        pii = contribution.pii(salt)
        covered = self._covered(contribution, seq, at, pii)
        sealed = self._sealed(contribution.kind, seq, pii) if pii else b""
        digest = running_digest(previous, covered)
        self._seq, self._digest = seq, digest
        receipt = Receipt(seq, at, digest, previous, salt if pii else "")
        self._receipts[contribution.entry_id] = receipt
        head = b'%b,"digest":"%b"' % (covered[:-1], digest.encode())
        self.entries.append(Entry(contribution.kind, contribution.entry_id, receipt, head, sealed, pii))
        return receipt

    def _sealed(self, kind: Kind, seq: int, pii: bytes) -> bytes:
        key = self.state.data_key
        sealed = packed(key.seal(pii, place_of(kind, self.state.key, seq)))
        return f'{{"key":"{key.text}","sealed":"{sealed}"}}'.encode()

    def _covered(self, contribution: Contribution, seq: int, at: str, pii: bytes) -> bytes:
        """The bytes of the entry that the running digest covers: a commitment stands for `pii`."""
        who = contribution.participant
        if isinstance(contribution, Post):
            # The same as below, in a fraction of the time; a property test holds both against each other.
            return (
                f'{{"at":"{at}","commitment":"{commitment_to(pii)}","entry_id":"{contribution.entry_id}",'
                f'"participant_id":"{who.id}","role":"{who.role}","seq":{seq},"session_id":"{self.state.key}"}}'
            ).encode()
        content = contribution.content() | ({"commitment": commitment_to(pii)} if pii else {})
        return canonical(
            {
                **content,
                "at": at,
                "entry_id": contribution.entry_id,
                "participant_id": who.id,
                "role": who.role,
                "seq": seq,
                "session_id": self.state.key,
            }
        )
