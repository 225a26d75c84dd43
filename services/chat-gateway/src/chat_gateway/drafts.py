"""Sessions as values: the numbering 1..n, the running digest and what a repeated client id means. No I/O."""

import os
from datetime import datetime
from uuid import UUID

import orjson

from chat_gateway.errors import (
    AcknowledgementOnlyError,
    ClientIdReusedError,
    SessionClosedError,
    UnknownSessionError,
    UnseenMessageError,
)
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
from chat_gateway.routing.quiet import Quiet
from chat_gateway.situation import Situation, Words
from chat_gateway.turns import Accompany, Regard, StepIn, Transfer, Turn, check_silence
from common.contracts.chat import EMPTY_DIGEST, SALT_BYTES, canonical, commitment_to, running_digest
from common.protection.data_key import DataKey
from common.protection.events import packed


class SessionState:
    """What is known of one session: everything up to `last_seq`, which is durable.

    Attributes:
        participants: by principal.
        receipts: every entry's, by its id.
        situation: who has it and for whom it waits, as of the last entry that is no message.
        words: who spoke since.
        spoke: number of the last message of each participant.
        departed: when each employee who handed it on did so, by their id in it.
        data_key: seals what is said in it, and opens it as long as it may be seen.
    """

    __slots__ = (
        "closing", "data_key", "departed", "digest", "id", "key", "last_seq", "opening", "participants", "receipts",
        "situation", "spoke", "words",
    )  # fmt: skip

    def __init__(self, session_id: UUID, data_key: DataKey) -> None:
        self.id = session_id
        self.key = str(session_id)
        self.data_key = data_key
        self.situation = Situation()
        self.words = Words()
        self.spoke: dict[str, int] = {}
        self.departed: dict[str, str] = {}
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
        if kind is Kind.MESSAGE:
            self.spoke[entry.by] = receipt.seq
            self.words.spoken(by_customer=entry.by_customer, at=receipt.at)
        else:
            self._turn(entry)
        return True

    def _turn(self, entry: Entry) -> None:
        before, content, at = self.situation.owner, orjson.loads(entry.value), entry.receipt.at
        quiet = self.words.quiet_after(self.situation)
        self.situation = self.situation.with_quiet(quiet).after(
            entry.kind, content, participant_id=content["participant_id"], at=at
        )
        self.words.clear()
        if entry.kind is Kind.CLOSED:
            self.closing = entry
        elif before is not None and before != self.situation.owner:
            self.departed[before] = at
        if self.situation.owner is not None:
            self.departed.pop(self.situation.owner, None)

    @property
    def status(self) -> Status:
        return self.situation.status

    @property
    def quiet(self) -> Quiet:
        """For whom is waited, and since when."""
        return self.words.quiet_after(self.situation)

    @property
    def owner(self) -> Participant | None:
        """The employee who has it, or had it last when it is closed."""
        owner = self.situation.owner
        return next((p for p in self.participants.values() if p.id == owner), None) if owner else None


class Draft:
    """How one session goes on if the next transaction commits. Nothing of it counts before that.

    Attributes:
        entries: the new entries, in order.
        participants: those who come in with them, by principal.
        opened: the opening, when the session begins here.
        closed: the closing, when it ends here.
        situation: how the session stands then.
        turned: whether it changed who has it, where it stands or when to look at it next.
        picked: an id for the record that the session was taken by hand.
    """

    __slots__ = (
        "_digest", "_receipts", "_seq", "_words", "closed", "entries", "opened", "participants", "picked", "situation",
        "state", "turned",
    )  # fmt: skip

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.entries: list[Entry] = []
        self.participants: dict[str, Participant] = {}
        self.opened: Open | None = None
        self.closed: Close | None = None
        self._seq = state.last_seq
        self._digest = state.digest
        self.situation = state.situation
        self.turned = False
        self.picked = ""
        self._words: Words | None = None
        self._receipts: dict[str, Receipt] = {}

    def place(self, contribution: Contribution, at: str) -> Receipt:
        """Give the contribution its number, or find that it has one.

        Args:
            at: RFC 3339, the moment that a new entry gets.

        Raises:
            ClientIdReusedError: its id stands for another content.
            SessionClosedError: nothing follows the closing entry.
            UnknownSessionError: somebody else has the session.
            AcknowledgementOnlyError: an employee answers a stranger in words of their own.
            UnseenMessageError: somebody else said something that its sender has not seen.
            NotInThisStateError: the session's state does not allow this.
            KeyDestroyedError: the session's key was destroyed.
        """
        known = self.state.receipts.get(contribution.entry_id) or self._receipts.get(contribution.entry_id)
        if known is not None:
            head = self._covered(contribution, known.seq, known.at, contribution.pii(known.salt))
            if running_digest(known.previous, head) != known.digest:
                raise ClientIdReusedError
            return known
        if self.situation.status is Status.CLOSED:
            raise SessionClosedError
        who = contribution.participant
        if contribution.kind is not Kind.MESSAGE:
            self._turn(contribution, at)
        elif not who.public and who.role != "supervisor" and who.id != self.situation.owner:
            raise UnknownSessionError
        elif isinstance(contribution, Post):
            self._check_post(contribution)
        receipt = self._add(contribution, at)
        if contribution.kind is Kind.MESSAGE:
            self._spoken().spoken(by_customer=who.public, at=at)
        return receipt

    def _check_post(self, post: Post) -> None:
        who = post.participant
        if self.situation.stranger and not who.public and not (post.answer and post.answer.for_strangers):
            raise AcknowledgementOnlyError
        if post.seen is not None:
            self._check_seen(who.id, post.seen)

    def _check_seen(self, sender: str, seen: int) -> None:
        spoke = self.state.spoke | {e.by: e.seq for e in self.entries if e.kind is Kind.MESSAGE}
        latest = max((seq for by, seq in spoke.items() if by != sender), default=0)
        if latest > seen:
            raise UnseenMessageError(latest)

    def _turn(self, contribution: Contribution, at: str) -> None:
        who, now = contribution.participant, datetime.fromisoformat(at)
        quiet = self._spoken().quiet_after(self.situation)
        if isinstance(contribution, Open):
            self.opened = contribution
        elif isinstance(contribution, Join):
            if self.situation.status is not Status.WAITING:
                raise UnknownSessionError
            self.picked = contribution.picked
        elif isinstance(contribution, Turn):
            contribution.check(self.situation, quiet, now)
        elif isinstance(contribution, Close):
            if contribution.patience is not None:
                check_silence(self.situation, quiet, now, contribution.patience)
            elif (contribution.only_waiting and self.situation.status is not Status.WAITING) or (
                who.role not in ("customer", "system") and who.id != self.situation.owner
            ):
                raise UnknownSessionError
            self.closed = contribution
        if (
            isinstance(contribution, Open | Join | Transfer | Accompany | StepIn)
            and who.principal_id not in self.state.participants
        ):
            self.participants[who.principal_id] = who
        self.situation = self.situation.with_quiet(quiet).after(
            contribution.kind, contribution.content(), participant_id=who.id, at=at
        )
        self._spoken().clear()
        self.turned = self.turned or not isinstance(contribution, Accompany | Regard | StepIn)

    def _spoken(self) -> Words:
        if self._words is None:
            self._words = self.state.words.copy()
        return self._words

    def owner(self) -> Participant | None:
        """The employee who has the session then."""
        everybody = (self.state.participants | self.participants).values()
        return next((p for p in everybody if p.id == self.situation.owner), None)

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
        by_customer, by = contribution.participant.public, contribution.participant.id
        self.entries.append(
            Entry(contribution.kind, contribution.entry_id, receipt, by_customer, by, head, sealed, pii)
        )
        return receipt

    def _sealed(self, kind: Kind, seq: int, pii: bytes) -> bytes:
        key = self.state.data_key
        sealed = packed(key.seal(pii, place_of(kind, self.state.key, seq)))
        return f'{{"key":"{key.text}","sealed":"{sealed}"}}'.encode()

    def _covered(self, contribution: Contribution, seq: int, at: str, pii: bytes) -> bytes:
        """The bytes of the entry that the running digest covers: a commitment stands for `pii`."""
        who = contribution.participant
        content = contribution.content()
        if isinstance(contribution, Post) and not content:
            # The same as below, in a fraction of the time; a property test holds both against each other.
            return (
                f'{{"at":"{at}","commitment":"{commitment_to(pii)}","entry_id":"{contribution.entry_id}",'
                f'"participant_id":"{who.id}","role":"{who.role}","seq":{seq},"session_id":"{self.state.key}"}}'
            ).encode()
        return canonical(
            {
                **content,
                **({"commitment": commitment_to(pii)} if pii else {}),
                "at": at,
                "entry_id": contribution.entry_id,
                "participant_id": who.id,
                "role": who.role,
                "seq": seq,
                "session_id": self.state.key,
            }
        )
