"""From events to entries, and what a session still lacks. Pure."""

from collections.abc import Sequence
from typing import cast

import orjson

from common.contracts.chat import SessionEntry, canonical
from common.contracts.envelope import Envelope, EventData
from common.ids import parse_id
from common.protection.events import unpacked
from transcripts.errors import BeyondClosingError, EntryConflictError
from transcripts.model import KIND_OF_TYPE, Entry, Holding


def entries_of(envelopes: Sequence[Envelope[EventData]]) -> list[Entry]:
    """The distinct entries that these events carry.

    Raises:
        EntryConflictError: two of them bear one number and differ.
        KeyError: one of them is no entry of a session.
    """
    distinct: dict[tuple[bytes, int], Entry] = {}
    for envelope in envelopes:
        kind = KIND_OF_TYPE[envelope.type]
        seq = cast("SessionEntry", envelope.data).seq  # to ask whether it is one takes as long as to parse the ids
        # From the event as it came, not as this reader understands it: fields that a newer gateway adds are evidence too.
        content = orjson.loads(envelope.raw)
        digest, pii = bytes.fromhex(content.pop("digest")), content.pop("pii", None)
        session_id = parse_id(content["session_id"])
        entry = Entry(
            session_id,
            seq,
            kind,
            digest,
            canonical(content),
            parse_id(pii["key"]) if pii else None,
            unpacked(pii["sealed"]) if pii else None,
        )
        known = distinct.setdefault((session_id.bytes, seq), entry)
        if known is not entry and known[:5] != entry[:5]:
            raise EntryConflictError
    return list(distinct.values())


def is_complete(holding: Holding) -> bool:
    """Whether 1..n are there, n being the closing entry's number.

    Raises:
        BeyondClosingError: a number lies beyond the closing entry's.
    """
    if holding.last_seq is None:
        return False
    if holding.top_seq > holding.last_seq:
        raise BeyondClosingError
    return holding.held == holding.last_seq
