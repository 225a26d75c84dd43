import secrets
from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from common.errors import UnavailableError
from common.ids import new_id
from common.protection.data_key import KEY_BYTES, DataKey
from common.protection.errors import KeyServiceUnavailableError


class MemoryKeyring:
    """A keyring for tests of what stands above it.

    Attributes:
        reachable: turned off, it is as if the keyring's database and the key service were down.
    """

    def __init__(self) -> None:
        self.keys: dict[UUID, DataKey] = {}
        self.reachable = True

    async def take(self) -> DataKey:
        if not self.reachable:
            raise UnavailableError("as the test asked")
        return self.issue()

    def issue(self) -> DataKey:
        """A new key, without waiting."""
        key = DataKey(new_id(), secrets.token_bytes(KEY_BYTES))
        self.keys[key.id] = key
        return key

    async def hand_out(self, number: int) -> dict[UUID, bytes]:
        if not self.reachable:
            raise UnavailableError("as the test asked")
        given = {new_id(): secrets.token_bytes(KEY_BYTES) for _ in range(number)}
        self.keys |= {key_id: DataKey(key_id, secret) for key_id, secret in given.items()}
        return given

    async def find(self, key_ids: Collection[UUID]) -> dict[UUID, DataKey]:
        if not self.reachable:
            raise KeyServiceUnavailableError("as the test asked")
        return {key_id: self.keys[key_id] for key_id in key_ids if key_id in self.keys}

    def destroy(self, key_id: UUID, reason: str, at: datetime) -> None:
        self.keys[key_id].destroy(reason, at)

    async def close(self) -> None:
        return
