"""Values of the transcripts service; nothing here reads or writes."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple
from uuid import UUID

from common.contracts.chat import CHAT_EVENTS

KIND_OF_TYPE = {event_type: event_type.rsplit(".", 2)[1] for event_type in CHAT_EVENTS}
"""An entry's kind, short: opened, joined, posted, closed."""

ALGORITHM = (
    "SHA-256 running digest: digest(0) is 32 zero bytes; digest(k) = SHA-256(digest(k-1) || canonical(k)), where canonical "
    "is the entry's JSON without the member digest, members sorted by name, no white space, UTF-8"
)
CONTENT_ALGORITHM = "SHA-256 of the canonical entries 1..n, each followed by a line feed (the file that /copy gives)"


class Entry(NamedTuple):
    """One entry as it is kept. `canonical` is what the running digest covers, byte for byte; who spoke and when stands there.

    A plain tuple, because its columns go to the database by the thousand.
    """

    session_id: UUID
    seq: int
    kind: str
    digest: bytes
    canonical: bytes


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


def blind(key: bytes, kind: Literal["account", "pin"], number: str) -> bytes:
    """The value (32 bytes) under which a number is indexed: equal numbers are found, none can be read back (S1-088)."""
    return hmac.digest(key, f"{kind}\0{number}".encode(), hashlib.sha256)
