"""A sealed transcript with its entries opened, as layers and copies are made from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import orjson

from common.database import ReadSession
from common.pii.third_persons import Entry as Text
from common.protection.data_key import DataKey
from common.protection.keyring import Keyring
from transcripts.opening import keys_of, opened
from transcripts.repository import reading
from transcripts.tables import Transcript


@dataclass(frozen=True, slots=True)
class Source:
    """Attributes:
    contents: the entries as they were captured, sorted, with their kind and, under `pii`, what they say of a person.
    key: the session's own data key.
    """

    transcript: Transcript
    contents: Sequence[Mapping[str, Any]] = field(repr=False)
    key: DataKey = field(repr=False)

    @property
    def texts(self) -> list[Text]:
        return [Text(one["seq"], one["pii"]["text"]) for one in self.contents if "text" in one.get("pii", {})]

    @property
    def customer_name(self) -> str:
        return str(self.contents[0].get("pii", {}).get("display_name", ""))


async def source_of(session: ReadSession, transcript_id: UUID, keyring: Keyring) -> Source | None:
    """The transcript, or None where there is none.

    Raises:
        KeyDestroyedError: what was said was destroyed.
        TamperedError: it is not what was committed to.
    """
    transcript = await reading.transcript(session, transcript_id)
    if transcript is None:
        return None
    entries = await reading.entries_of(session, transcript.session_id)
    keys = await keys_of(keyring, entries)
    contents = []
    for entry in entries:
        pii = opened(entry, keys)
        content = orjson.loads(entry.canonical) | {"kind": entry.kind}
        contents.append(content | {"pii": orjson.loads(pii)} if pii else content)
    own = next(keys[entry.key_id] for entry in entries if entry.key_id is not None)
    return Source(transcript, contents, own)
