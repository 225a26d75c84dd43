"""Opening what entries say of persons, for those who may see it or have to find it."""

from collections.abc import Iterable, Mapping
from uuid import UUID

from common.protection.data_key import DataKey
from common.protection.errors import KeyDestroyedError, TamperedError
from common.protection.keyring import Keyring
from transcripts.model import Entry
from transcripts.sealing import keeps_to_commitment, place


async def keys_of(keyring: Keyring, entries: Iterable[Entry]) -> Mapping[UUID, DataKey]:
    """The keys under which these entries are sealed.

    Raises:
        KeyServiceUnavailableError: not now.
    """
    wanted = {entry.key_id for entry in entries if entry.key_id is not None}
    return await keyring.find(wanted) if wanted else {}


def opened(entry: Entry, keys: Mapping[UUID, DataKey]) -> bytes:
    """What the entry says of a person, as canonical JSON; empty where it says nothing.

    Raises:
        KeyDestroyedError: it was destroyed.
        TamperedError: it is not what the entry is committed to.
    """
    if entry.key_id is None or entry.sealed is None:
        return b""
    key = keys.get(entry.key_id)
    if key is None:
        raise TamperedError("an entry is sealed under a key that was never issued")
    content = key.open(entry.sealed, place(entry))
    if not keeps_to_commitment(entry, content):
        raise TamperedError("what an entry says of a person is not what it is committed to")
    return content


def first_tampered(entries: Iterable[Entry], keys: Mapping[UUID, DataKey]) -> int | None:
    """Number of the first entry whose content is not what was committed to.

    Raises:
        KeyDestroyedError: it was destroyed, and cannot be looked at.
    """
    for entry in entries:
        try:
            opened(entry, keys)
        except TamperedError:
            return entry.seq
    return None


__all__ = ["KeyDestroyedError", "first_tampered", "keys_of", "opened"]
