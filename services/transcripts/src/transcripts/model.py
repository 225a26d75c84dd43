"""Values of the transcripts service; nothing here reads or writes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from common.contracts.chat import CHAT_EVENTS

KIND_OF_TYPE = {event_type: event_type.rsplit(".", 2)[1] for event_type in CHAT_EVENTS}
"""An entry's kind, short: opened, joined, posted, transferred, closed and the like."""

TYPE_OF_KIND = {kind: event_type for event_type, kind in KIND_OF_TYPE.items()}

ALGORITHM = (
    "SHA-256 running digest: digest(0) is 32 zero bytes; digest(k) = SHA-256(digest(k-1) || covered(k)), where covered is "
    "the entry's JSON without the members digest and pii, members sorted by name, no white space, UTF-8; its member "
    "commitment is the SHA-256 of pii in the same form"
)
CONTENT_ALGORITHM = "SHA-256 of covered(1..n), each followed by a line feed (the lines that /copy gives, without pii)"


class Entry(NamedTuple):
    """One entry as it is kept. `canonical` is what the running digest covers, byte for byte; who spoke and when stands there.

    What it says of a person is `sealed` under the key `key_id` (both None where it says nothing): kept as it came, opened
    only to show it. A plain tuple, because its columns go to the database by the thousand.
    """

    session_id: UUID
    seq: int
    kind: str
    digest: bytes
    canonical: bytes
    key_id: UUID | None = None
    sealed: bytes | None = None


@dataclass(frozen=True, slots=True)
class Holding:
    """What the store holds of one session.

    Attributes:
        held: number of entries.
        top_seq: highest number among them.
        last_seq: number of the closing entry, once that is there.
    """

    session_id: UUID
    held: int
    top_seq: int
    last_seq: int | None


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody who took part. `number` is the account id or the PIN: it is stored only under the blind index."""

    participant_id: UUID
    kind: Literal["account", "pin"]
    number: str
    office: str
    region: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A transcript: complete, in order, each digest recomputed."""

    session_id: UUID
    opened_at: datetime
    closed_at: datetime
    last_seq: int
    message_count: int
    digest: str
    content_hash: str
    chat_topic: str
    office: str
    close_reason: str
    identity_assurance: int
    authenticator_assurance: int
    notice_version: str
    parties: tuple[Party, ...]
