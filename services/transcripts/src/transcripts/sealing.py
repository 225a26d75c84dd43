"""Sealing and verifying: whether entries are the whole conversation, unchanged. Pure."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson

from common.contracts.chat import EMPTY_DIGEST, commitment_to, entry_place
from transcripts.errors import Disagreement
from transcripts.model import TYPE_OF_KIND, Entry, Party, Sealed

_EMPTY = bytes.fromhex(EMPTY_DIGEST)


JOINING = ("joined", "transferred")
"""Entries with which an employee begins to take part."""

NAMING = ("opened", *JOINING)


@dataclass(frozen=True, slots=True)
class Verification:
    """What recomputing gave.

    Attributes:
        digest: the running digest over all entries, recomputed (hexadecimal).
        content_hash: recomputed.
        first_wrong_seq: number of the first entry that is missing, does not follow from those before it, or whose opened
            content is not what was committed to.
        destroyed: whether what was said of persons was destroyed; everything else is proven all the same.
    """

    digest: str
    content_hash: str
    first_wrong_seq: int | None
    destroyed: bool = False


def verify(entries: Sequence[Entry]) -> Verification:
    """Recompute every running digest and the content hash over entries that are sorted by number."""
    running, content, first_wrong = _EMPTY, hashlib.sha256(), None
    for expected, entry in enumerate(entries, 1):
        running = hashlib.sha256(running + entry.canonical).digest()
        content.update(entry.canonical + b"\n")
        if first_wrong is None and (entry.seq != expected or entry.digest != running):
            first_wrong = expected
    return Verification(running.hex(), content.hexdigest(), first_wrong)


def first_misplaced(entries: Sequence[Entry]) -> int | None:
    """Number of the first entry whose content says another session or number than the place where it is kept."""
    for entry in entries:
        content = orjson.loads(entry.canonical)
        if content.get("session_id") != str(entry.session_id) or content.get("seq") != entry.seq:
            return entry.seq
    return None


def place(entry: Entry) -> bytes:
    """Where what the entry says of a person belongs; it opens in no other place."""
    return entry_place(TYPE_OF_KIND[entry.kind], str(entry.session_id), entry.seq).encode()


def keeps_to_commitment(entry: Entry, opened: bytes) -> bool:
    """Whether this is what the entry is committed to, and with it the running digest."""
    return bool(orjson.loads(entry.canonical).get("commitment") == commitment_to(opened))


def names_people(entry: Entry) -> bool:
    """Whether somebody's number stands in it, by which the transcript is to be found."""
    return entry.kind in NAMING


def seal(session_id: UUID, entries: Sequence[Entry], opened: Mapping[int, bytes]) -> Sealed | Disagreement:
    """Make the transcript of a session from its entries sorted by number, or say why it must not be sealed (invariant 3).

    Args:
        opened: what the entries that name people say of them, opened, by number. No other entry is opened for this.
    """
    found = verify(entries)
    if found.first_wrong_seq is not None:
        return Disagreement(session_id, "digest_does_not_follow", found.first_wrong_seq)
    kinds = [entry.kind for entry in entries]
    # Whose record it is stands in the opening entry: without an account there is no transcript (S1-031).
    if not entries or kinds[0] != "opened" or kinds.count("opened") != 1:
        return Disagreement(session_id, "not_opened_once_at_first", 1)
    if kinds[-1] != "closed" or kinds.count("closed") != 1:
        return Disagreement(session_id, "not_closed_once_at_last", len(entries))
    opening, closing = orjson.loads(entries[0].canonical), orjson.loads(entries[-1].canonical)
    naming = [entry for entry in entries if names_people(entry)]
    for entry in naming:
        if entry.seq not in opened or not keeps_to_commitment(entry, opened[entry.seq]):
            return Disagreement(session_id, "opened_content_is_not_what_was_committed_to", entry.seq)
    joined = [orjson.loads(entry.canonical) for entry in naming if entry.kind in JOINING]
    people = {entry.seq: orjson.loads(opened[entry.seq]) for entry in naming}
    return Sealed(
        session_id=session_id,
        opened_at=datetime.fromisoformat(opening["at"]),
        closed_at=datetime.fromisoformat(closing["at"]),
        last_seq=len(entries),
        message_count=kinds.count("posted"),
        digest=found.digest,
        content_hash=found.content_hash,
        chat_topic=opening["chat_topic"],
        office=joined[0]["office"] if joined else "",
        close_reason=closing["reason"],
        identity_assurance=opening["identity_assurance"],
        authenticator_assurance=opening["authenticator_assurance"],
        notice_version=opening["notice"]["version"],
        parties=_parties(opening, joined, people),
    )


def _parties(
    opening: dict[str, Any], joined: Sequence[dict[str, Any]], people: Mapping[int, dict[str, str]]
) -> tuple[Party, ...]:
    """The customer and every employee, each once, with the office at the first joining."""
    account = people[opening["seq"]]["account_id"]
    parties = {opening["participant_id"]: Party(UUID(opening["participant_id"]), "account", account, "", "")}
    for entry in joined:
        pin = people[entry["seq"]]["pin"]
        person = Party(UUID(entry["participant_id"]), "pin", pin, entry["office"], entry["region"])
        parties.setdefault(entry["participant_id"], person)
    return tuple(parties.values())
