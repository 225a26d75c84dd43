"""Sealing and opening the `pii` of events."""

import binascii
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from pydantic import ValidationError

from common.contracts.chat import canonical
from common.contracts.envelope import Envelope, EventData, explain
from common.contracts.personal import Pii, SealedPii
from common.errors import PoisonEventError
from common.protection.data_key import DataKey
from common.protection.errors import KeyDestroyedError, TamperedError
from common.protection.keyring import Keyring


class UnopenedError(PoisonEventError):
    """The event's `pii` can never be opened: its key was destroyed or never issued, or it was changed on the way.

    What was not opened may be anything, so nothing of it is kept but in the first case.
    """


def seal_fact(fact: EventData, key: DataKey) -> EventData:
    """The fact as it may travel: what it says of a person is sealed under this key."""
    pii = getattr(fact, "pii", None)
    if not isinstance(pii, Pii):
        return fact
    sealed = key.seal(canonical(pii.model_dump(mode="json")), fact.place.encode())
    return fact.model_copy(update={"pii": SealedPii(key=key.id, sealed=packed(sealed))})


async def sealed(facts: Sequence[EventData], keyring: Keyring | None) -> list[EventData]:
    """These facts as they may travel, each under a key of its own.

    Raises:
        ValueError: one says something of a person, and there is no keyring.
        UnavailableError: no key can be had for now.
    """
    if not any(isinstance(getattr(fact, "pii", None), Pii) for fact in facts):
        return list(facts)
    if keyring is None:
        raise ValueError("an event with a person's values needs a keyring to be told")
    return [seal_fact(fact, await keyring.take()) if fact.pii_type else fact for fact in facts]


async def open_events(keyring: Keyring, envelopes: Sequence[Envelope[EventData]]) -> list[Envelope[EventData]]:
    """The same events with their `pii` opened.

    Raises:
        UnopenedError: one of them can never be opened.
        KeyServiceUnavailableError: not now.
    """
    wanted = {pii.key for e in envelopes if isinstance(pii := getattr(e.data, "pii", None), SealedPii)}
    keys = await keyring.find(wanted) if wanted else {}
    return [_opened(envelope, keys) for envelope in envelopes]


def _opened(envelope: Envelope[EventData], keys: Mapping[UUID, DataKey]) -> Envelope[EventData]:
    data = envelope.data
    pii = getattr(data, "pii", None)
    if not isinstance(pii, SealedPii) or data.pii_type is None:
        return envelope
    key = keys.get(pii.key)
    if key is None:
        raise UnopenedError("data.pii.key: no such key was issued", withhold=True)
    try:
        content = key.open(unpacked(pii.sealed), data.place.encode())
        opened = data.pii_type.model_validate_json(content)
    except KeyDestroyedError as destroyed:
        raise UnopenedError(f"data.pii: its key was destroyed, reason {destroyed.reason}") from None
    except TamperedError:
        raise UnopenedError("data.pii.sealed: it does not open for this event", withhold=True) from None
    except ValidationError as error:
        raise UnopenedError(explain(error).replace("data.", "data.pii."), withhold=True) from None
    return replace(envelope, data=data.model_copy(update={"pii": opened}), opened=content)


def packed(sealed_bytes: bytes) -> str:
    """Sealed bytes as they stand in JSON."""
    return binascii.b2a_base64(sealed_bytes, newline=False).decode()


def unpacked(text: str) -> bytes:
    """Sealed bytes from JSON.

    Raises:
        TamperedError: it is no Base64.
    """
    try:
        return binascii.a2b_base64(text, strict_mode=True)  # what b64decode does, without what it adds around it
    except ValueError:
        raise TamperedError("sealed content is not Base64") from None


def shows_no_person(value: bytes) -> bool:
    """Whether an event's JSON may be kept as it came: an object whose `pii`, if any, is sealed."""
    try:
        content: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    if not isinstance(content, dict):
        return False
    if "specversion" in content:  # a structured event
        content = None if "data_base64" in content else content.get("data")
    if not isinstance(content, dict):
        return False
    pii = content.get("pii")
    return "pii" not in content or (isinstance(pii, dict) and pii.keys() == {"key", "sealed"})
