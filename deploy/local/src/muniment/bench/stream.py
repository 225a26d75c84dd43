"""Events by the ten thousand, as the services would tell them."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any
from uuid import UUID

import orjson

from common.clock import rfc3339
from common.contracts.chat import (
    CHAT_EVENTS,
    EMPTY_DIGEST,
    canonical,
    commitment_to,
    covered,
    entry_place,
    running_digest,
)
from common.contracts.envelope import Envelope, encode, encode_raw
from common.contracts.transcripts import TranscriptClosed
from common.ids import new_id
from common.messaging.broker import Record
from common.protection.data_key import DataKey
from common.protection.events import packed

MESSAGES = 22
AT_ONCE = 100
TEXT = "I have a question about my retirement benefits: can I still work part time while I receive them, and how much?"
_BEGAN = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def chat(keys: Sequence[DataKey]) -> list[Record]:
    """The entries of whole sessions (25 each), one for each key, a hundred sessions at a time taking turns."""
    records: list[Record] = []
    waiting = iter(range(len(keys)))
    lines: dict[int, Iterator[Record]] = {n: _session(keys[n]) for n in islice(waiting, AT_ONCE)}
    while lines:
        for number, line in list(lines.items()):
            entry = next(line, None)
            if entry is not None:
                records.append(entry)
                continue
            del lines[number]
            for follower in islice(waiting, 1):
                lines[follower] = _session(keys[follower])
    return records


def transcripts_closed(count: int) -> list[Record]:
    """As many sealed transcripts."""
    return [
        encode(Envelope(new_id(), TranscriptClosed.event_type, "/muniment/transcripts", fact.key, _BEGAN, fact))
        for fact in (_transcript(n) for n in range(count))
    ]


def _transcript(number: int) -> TranscriptClosed:
    opened = _BEGAN + timedelta(seconds=number)
    return TranscriptClosed(
        transcript_id=new_id(),
        session_id=new_id(),
        opened_at=opened,
        closed_at=opened + timedelta(minutes=7),
        sealed_at=opened + timedelta(minutes=7, seconds=1),
        last_seq=MESSAGES + 3,
        message_count=MESSAGES,
        digest=f"{number:064x}",
        chat_topic="retirement",
        office="S01",
        close_reason="customer_left",
        identity_assurance=2,
    )


def _session(key: DataKey) -> Iterator[Record]:
    session_id, customer, agent = new_id(), new_id(), new_id()
    digest = EMPTY_DIGEST
    for seq, (kind, content) in enumerate(_contents(customer, agent), 1):
        moment = rfc3339(_BEGAN + timedelta(seconds=seq))
        content |= {"session_id": str(session_id), "entry_id": str(new_id()), "seq": seq, "at": moment}
        if pii := content.pop("pii", None):
            said = canonical(pii | {"salt": f"{seq:032x}"})
            place = entry_place(f"muniment.chat.{kind}.v1", str(session_id), seq)
            content["commitment"] = commitment_to(said)
            content["pii"] = {"key": key.text, "sealed": packed(key.seal(said, place.encode()))}
        digest = running_digest(digest, covered(content))
        yield encode_raw(
            event_id=new_id(),
            data_class=CHAT_EVENTS[f"muniment.chat.{kind}.v1"],
            source="/muniment/chat_gateway",
            time=moment,
            key=str(session_id),
            value=orjson.dumps(content | {"digest": digest}),
            traceparent="",
        )


def _contents(customer: UUID, agent: UUID) -> Iterator[tuple[str, dict[str, Any]]]:
    began = rfc3339(_BEGAN)
    by_customer = {"participant_id": str(customer), "role": "customer"}
    by_agent = {"participant_id": str(agent), "role": "agent"}
    notice = {"version": "2026-01", "digest": "ab" * 32, "language": "en", "acknowledged_at": began}
    assurance = {"identity_assurance": 2, "authenticator_assurance": 2, "authenticated_at": began}
    person = {"account_id": str(customer), "display_name": "A. Customer"}
    yield "session.opened", by_customer | assurance | {"chat_topic": "retirement", "notice": notice, "pii": person}
    employee = {"pin": "100001", "display_name": "Ms. Rivera"}
    yield "session.joined", by_agent | {"office": "S01", "region": "R1", "pii": employee}
    for speaker in islice(cycle((by_customer, by_agent)), MESSAGES):
        yield "message.posted", speaker | {"pii": {"text": TEXT}}
    yield "session.closed", by_customer | {"reason": "customer_left"}
