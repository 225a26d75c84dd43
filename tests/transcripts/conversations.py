"""Builds sessions as the gateway tells them: numbered, with running digests, as events and as records of the log."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
from common.contracts.envelope import Envelope, EventData, decode, encode_raw
from common.ids import new_id
from common.messaging.broker import ReceivedRecord
from common.protection.data_key import DataKey
from common.protection.events import packed
from common.testing import MemoryKeyring

BEGAN = datetime(2026, 3, 2, 11, 30, tzinfo=UTC)
TEXTS = ("My cheque did not come", "Let me look, one moment", "It was sent on the 27th", "Thank you")
_KIND = {"opened": "session.opened", "joined": "session.joined", "posted": "message.posted", "closed": "session.closed"}

KEYRING = MemoryKeyring()
"""Where the keys of these conversations come from, and where the service finds them."""

Fact = dict[str, Any]


@dataclass
class Conversation:
    """A session to be. `facts()` gives its entries with digests; `records()` what the log would hold of them."""

    texts: Sequence[str] = TEXTS
    account: str = "customer-1"
    pin: str = "100001"
    office: str = "S01"
    chat_topic: str = "retirement"
    began: datetime = BEGAN
    session_id: UUID = field(default_factory=new_id)
    customer: UUID = field(default_factory=new_id)
    agent: UUID = field(default_factory=new_id)
    key: DataKey = field(default_factory=KEYRING.issue)
    _made: list[Fact] = field(default_factory=list, init=False)

    def facts(self) -> list[Fact]:
        """The entries 1..n, each with its kind (under `_kind`) and running digest; the same at every call."""
        if not self._made:
            self._made = self._make()
        return [dict(fact) for fact in self._made]

    def _make(self) -> list[Fact]:
        contents = [self._opened(), self._joined(), *map(self._posted, range(len(self.texts))), self._closed()]
        digest = EMPTY_DIGEST
        for seq, content in enumerate(contents, 1):
            content["seq"] = seq
            content["at"] = rfc3339(self.began + timedelta(seconds=seq))
            if pii := content.pop("pii", None):
                self._seal(content, canonical(pii | {"salt": f"{seq:032x}"}))
            digest = running_digest(digest, covered({k: v for k, v in content.items() if k != "_kind"}))
            content["digest"] = digest
        return contents

    def _seal(self, content: Fact, pii: bytes) -> None:
        place = entry_place(type_of(content), content["session_id"], content["seq"])
        content["commitment"] = commitment_to(pii)
        content["pii"] = {"key": self.key.text, "sealed": packed(self.key.seal(pii, place.encode()))}

    def records(self) -> list[ReceivedRecord]:
        return [record_of(fact) for fact in self.facts()]

    def envelopes(self) -> list[Envelope[EventData]]:
        return [decode(record, CHAT_EVENTS) for record in self.records()]

    def _entry(self, kind: str, role: str, participant: UUID) -> Fact:
        ids = {"session_id": str(self.session_id), "entry_id": str(new_id()), "participant_id": str(participant)}
        return {"_kind": kind, "role": role, **ids}

    def _opened(self) -> Fact:
        notice = {"version": "2026-01", "digest": "ab" * 32, "language": "en", "acknowledged_at": rfc3339(self.began)}
        return self._entry("opened", "customer", self.customer) | {
            "chat_topic": self.chat_topic,
            "notice": notice,
            "identity_assurance": 2,
            "authenticator_assurance": 2,
            "authenticated_at": rfc3339(self.began),
            "pii": {"account_id": self.account, "display_name": "A. Customer"},
        }

    def _joined(self) -> Fact:
        pii = {"pin": self.pin, "display_name": "Ms. Rivera"}
        return self._entry("joined", "agent", self.agent) | {"office": self.office, "region": "R1", "pii": pii}

    def _posted(self, n: int) -> Fact:
        role, who = ("customer", self.customer) if n % 2 == 0 else ("agent", self.agent)
        return self._entry("posted", role, who) | {"pii": {"text": self.texts[n]}}

    def _closed(self) -> Fact:
        return self._entry("closed", "customer", self.customer) | {"reason": "customer_left"}


def type_of(fact: Fact) -> str:
    return f"muniment.chat.{_KIND[fact['_kind']]}.v1"


_offsets: Iterator[int] = iter(range(10**9))


def record_of(fact: Fact, *, event_id: UUID | None = None) -> ReceivedRecord:
    """The log's record of one entry; a new event each time, unless told which."""
    made = encode_raw(
        event_id=event_id or new_id(),
        data_class=CHAT_EVENTS[type_of(fact)],
        source="/muniment/chat-gateway",
        time=fact["at"],
        key=fact["session_id"],
        value=orjson.dumps({k: v for k, v in fact.items() if k != "_kind"}),
        traceparent="",
    )
    return ReceivedRecord(made.topic, 0, next(_offsets), made.key, made.value, made.headers)
